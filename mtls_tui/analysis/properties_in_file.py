"""The properties of a rule file judged, and what is wrong with them as findings at their places within the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from mtls_tui.analysis.finding import Severity
from mtls_tui.analysis.places_in_file import Found
from mtls_tui.analysis.properties import PropertyAnswer, judge_while, properties_of
from mtls_tui.analysis.site import Site
from mtls_tui.rulefile import Problem, RuleFile, bundle

CODES = ("property-broken", "property-open", "property-vacuous")


def judged(rulefile: RuleFile) -> list[PropertyAnswer]:
    """An answer for each property, in the order of the file, which has to be without problems."""
    return judged_while(rulefile, lambda: True) or []


def judged_while(rulefile: RuleFile, wanted: Callable[[], bool]) -> list[PropertyAnswer] | None:
    """The same; None once it is no longer wanted, which is asked before each question."""
    if not rulefile.properties:
        return []
    made = bundle(rulefile)
    site = Site.of(made)
    answers = []
    for stated in properties_of(made):
        answer = judge_while(site, stated, wanted)
        if answer is None:
            return None
        answers.append(answer)
    return answers


def property_findings(rulefile: RuleFile, answers: Sequence[PropertyAnswer]) -> Iterator[Found]:
    """Broken ones as errors; warnings for what is neither proved nor broken, and for what holds of nothing."""
    for index, answer in enumerate(answers):
        told = _told(answer)
        if told is not None:
            severity, code, cure = told
            message = f"{answer.stated.name}: {answer.reason}"
            line = rulefile.line_of("properties", index)
            yield Found(severity, Problem(code, message, rulefile.name, line, 0, f"properties[{index}]", cure))


def _told(answer: PropertyAnswer) -> tuple[Severity, str, str] | None:
    """Severity, code and cure; None for what is proved."""
    if answer.status == "broken":
        return (
            "error",
            "property-broken",
            "correct the rules or the property; `mtls-tui prove` has the request as a test",
        )
    if answer.status == "open":
        return "warning", "property-open", "narrow the property, or split rules that join many clauses by `or`"
    if answer.vacuous:
        return "warning", "property-vacuous", "correct `when`, `unless` and `hosts`: no request satisfies them"
    return None
