"""Deciding when some fields are unknown: a log has no client certificates, no headers, no body.

What depends on an unknown field is unknown. It is never told as allowed, nor as blocked, unless every way that it
could turn out leads to the same action.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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


PartialProgram: TypeAlias = Callable[[Fields], "Decision | UnknownDecision"]


def partial_program(rules: Sequence[Rule], matchers: Sequence[Matcher], unknown: frozenset[str]) -> PartialProgram:
    """Some rules in order as one function that knows what it doesn't know. Takes canonical names."""
    steps = [
        (matcher.unknown(unknown), None if is_logging(rule) else outcome(rule), rule, matcher.fields & unknown)
        for rule, matcher in zip(rules, matchers, strict=True)
    ]

    def decide(fields: Fields) -> Decision | UnknownDecision:
        logged: tuple[Rule, ...] = ()
        open_rule: Rule | None = None
        missing: frozenset[str] = frozenset()
        possible: set[str] = set()
        final = ALLOWED
        for holds, decision, rule, reads in steps:
            verdict = holds(fields)
            if verdict is False:
                continue
            if verdict is None:
                if decision is not None:
                    possible.add(decision.action)
                    if open_rule is None:
                        open_rule, missing = rule, reads
            elif decision is None:
                logged += (rule,)
            else:
                final = decision
                break
        possible.add(final.action)
        if open_rule is not None and len(possible) > 1:
            return UnknownDecision(open_rule, missing, frozenset(possible), logged)
        return with_logged(final, logged) if logged else final

    return decide
