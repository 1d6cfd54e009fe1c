"""What is odd about a rule file, at its places within the file, and the fixes put in.

Lint knows rules and the text of an expression; this knows where in the file that text stands. Reads and writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from mtls_tui.analysis.context import Target
from mtls_tui.analysis.finding import Finding, Severity
from mtls_tui.analysis.linting import fixed, lint
from mtls_tui.engine import hostnames
from mtls_tui.rulefile import Problem, RuleFile, deployable
from mtls_tui.rulefile.checks import position_in_file
from mtls_tui.rulefile.edit import update_rule
from mtls_tui.rulefile.trust import out_of_date

MOST_PASSES = 10
"""A fix may uncover the next finding; how often fixes are put in before it is left at that."""


@dataclass(frozen=True, slots=True)
class Fix:
    """Characters of the file, from a place up to the end place (1-based, half-open), and what to put there."""

    line: int
    column: int
    end_line: int
    end_column: int
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """A finding at its place; `rule` is the ref of its rule, "" when it is about none."""

    severity: Severity
    problem: Problem
    rule: str = ""
    fix: Fix | None = None
    finding: Finding | None = None
    """What lint said, with its place in the expression; None when it is about the file's certificates."""


def findings_of(
    rulefile: RuleFile, at: datetime, *, target: Target = "engine", ignored: Collection[str] = ()
) -> list[Found]:
    """What is odd about a rule file without problems, in the order of the file; `at` is for what ends some day."""
    found = [Found("warning", problem) for problem in deployable(rulefile) if rulefile.hosts]
    found += [Found("warning", problem) for problem in out_of_date(rulefile, at)]
    found += [_placed(rulefile, finding) for finding in _lint(rulefile, target, ignored)]
    found = [entry for entry in found if entry.problem.code not in ignored]
    found.sort(key=lambda entry: (entry.problem.line, entry.problem.column))
    return found


def cured(
    rulefile: RuleFile,
    severities: Collection[Severity],
    *,
    target: Target = "engine",
    ignored: Collection[str] = (),
) -> tuple[RuleFile, list[tuple[str, str]]]:
    """The rule file with the fixes of all findings of these severities put in, and (ref, code) of what was fixed.

    Comments and everything but the expressions stay. Where two fixes touch, the later waits for the next pass.
    """
    done: list[tuple[str, str]] = []
    for _ in range(MOST_PASSES):
        before = len(done)
        by_rule: dict[str, list[Finding]] = {}
        for finding in _lint(rulefile, target, ignored):
            if finding.fix is not None and finding.severity in severities:
                by_rule.setdefault(finding.rule, []).append(finding)
        for ref, findings in by_rule.items():
            rulefile, codes = _cured_rule(rulefile, rulefile.index_of(ref), findings)
            done += [(ref, code) for code in codes]
        if len(done) == before:
            break
    return rulefile, done


def _cured_rule(rulefile: RuleFile, index: int, findings: Iterable[Finding]) -> tuple[RuleFile, list[str]]:
    expression = rulefile.expressions[index]
    assert expression is not None
    codes: list[str] = []
    free = len(expression.text) + 1
    # From the end, so that the places of the others hold.
    for finding in sorted(findings, key=lambda entry: entry.span.start if entry.span else 0, reverse=True):
        if finding.span is None or finding.span.end >= free:
            continue
        changed = fixed(expression, finding)
        if changed is not None and changed.text != expression.text:
            expression, free = changed, finding.span.start
            codes.insert(0, finding.code)
    return (update_rule(rulefile, index, expression=expression.text) if codes else rulefile), codes


def _lint(rulefile: RuleFile, target: Target, ignored: Collection[str]) -> list[Finding]:
    hosts = [(hostnames.configured(host.name), host.mtls) for host in rulefile.hosts]
    revoking = [
        hostnames.configured(host.name) for host in rulefile.hosts if host.mtls and (host.crls or rulefile.crls)
    ]
    return lint(rulefile.engine_rules, hosts, rulefile.engine_lists, target=target, ignore=ignored, revoking=revoking)


def _placed(rulefile: RuleFile, finding: Finding) -> Found:
    """A finding at its line within the file."""
    key, line, column = "", 1, 0
    fix = None
    if finding.rule:
        index = rulefile.index_of(finding.rule)
        key = f"rules[{index}]"
        line = rulefile.line_of("rules", index)
        if finding.span is not None:
            key += ".expression"
            line, column = position_in_file(rulefile, ("rules", index, "expression"), finding.line, finding.column)
            fix = _fix(rulefile, index, finding, line, column)
    elif finding.host:
        for index, host in enumerate(rulefile.hosts):
            if hostnames.configured(host.name) == finding.host:
                key, line = f"hosts[{index}]", rulefile.line_of("hosts", index)
    message = f"{finding.rule}: {finding.message}" if finding.rule else finding.message
    problem = Problem(finding.code, message, rulefile.name, line, column, key, finding.hint)
    return Found(finding.severity, problem, finding.rule, fix, finding)


def _fix(rulefile: RuleFile, index: int, finding: Finding, line: int, column: int) -> Fix | None:
    """The fix as an edit of the file; None where escapes, in the file or needed for the fix, would be in its way."""
    places = rulefile.places
    place = places.values.get(("rules", index, "expression")) if places else None
    if finding.fix is None or finding.span is None or places is None or place is None:
        return None
    written = places.text[place.start : place.end]
    if written.startswith("'"):
        plain = "'" not in finding.fix
    else:
        plain = "\\" not in written + finding.fix and '"' not in finding.fix
    if not plain:
        return None
    replaced = rulefile.rules[index].expression[finding.span.start : finding.span.end]
    breaks = replaced.count("\n")
    end_column = len(replaced.rpartition("\n")[2]) + (1 if breaks else column)
    return Fix(line, column, line + breaks, end_column, finding.fix)
