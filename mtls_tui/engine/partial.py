"""Deciding when some fields are unknown: a log has no client certificates, no headers, no body.

What depends on an unknown field is unknown. It is never told as allowed, nor as blocked, unless every way that it
could turn out leads to the same action.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from mtls_tui.engine.compile import Matcher
from mtls_tui.engine.model import Decision, Rule
from mtls_tui.engine.program import ALLOWED, is_logging, outcome, with_logged
from mtls_tui.lang.types import Fields


@dataclass(frozen=True, slots=True)
class UnknownDecision:
    """The outcome for a request of which too little is known.

    `rule` is the first rule that may or may not match, `unknown` the fields that it would take to know, `possible` all
    actions that may come out, "allow" among them when no rule need match.
    """

    rule: Rule
    unknown: frozenset[str]
    possible: frozenset[str]
    logged: tuple[Rule, ...] = ()
    action: Literal["unknown"] = "unknown"

    @property
    def reason(self) -> str:
        """One line for a log."""
        return f"rule {self.rule.ref} depends on {', '.join(sorted(self.unknown))}, which is not known"


_NO_ACTION: frozenset[str] = frozenset()
PartialProgram: TypeAlias = Callable[[Fields], "Decision | UnknownDecision"]


def partial_program(rules: Sequence[Rule], matchers: Sequence[Matcher], unknown: frozenset[str]) -> PartialProgram:
    """Some rules in order as one function that knows what it doesn't know. Takes canonical names."""
    steps = [
        (matcher.unknown(unknown), None if is_logging(rule) else outcome(rule), rule, position)
        for position, (rule, matcher) in enumerate(zip(rules, matchers, strict=True))
    ]
    told: dict[tuple[int, frozenset[str]], UnknownDecision] = {}
    sets: dict[tuple[frozenset[str], str], frozenset[str]] = {}

    def decide(fields: Fields) -> Decision | UnknownDecision:
        logged: tuple[Rule, ...] = ()
        first_open = -1
        possible = _NO_ACTION
        final = ALLOWED
        for holds, decision, rule, position in steps:
            verdict = holds(fields)
            if verdict is False:
                continue
            if verdict is None:
                if decision is not None:
                    possible = _with(sets, possible, decision.action)
                    if first_open < 0:
                        first_open = position
            elif decision is None:
                logged += (rule,)
            else:
                final = decision
                break
        if first_open < 0:
            return with_logged(final, logged) if logged else final
        possible = _with(sets, possible, final.action)
        if len(possible) == 1:
            return with_logged(final, logged) if logged else final
        found = told.get((first_open, possible))
        if found is None:
            missing = matchers[first_open].fields & unknown
            found = told[first_open, possible] = UnknownDecision(rules[first_open], missing, possible)
        return replace(found, logged=logged) if logged else found

    return decide


def _with(
    sets: dict[tuple[frozenset[str], str], frozenset[str]], actions: frozenset[str], action: str
) -> frozenset[str]:
    """`actions` and one more, made once."""
    found = sets.get((actions, action))
    if found is None:
        found = sets[actions, action] = actions | {action}
    return found
