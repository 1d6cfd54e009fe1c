"""A host that is asked about, the rules that can decide about it, and whether they let a request through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from mtls_tui.analysis.context import host_literals, sample_host
from mtls_tui.analysis.logic import HostNames, Problem, Solution, Truth
from mtls_tui.engine.compile import Matcher
from mtls_tui.engine.model import TERMINATING, Rule
from mtls_tui.engine.ruleset import Ruleset
from mtls_tui.engine.sets import Lists
from mtls_tui.lang import ast


class Where:
    """A host that is asked about: one name, or the names that a wildcard stands for."""

    def __init__(self, host: str, others: Iterable[str] = ()) -> None:
        self.sample = sample_host(host)
        self.names = HostNames(host, others) if host.startswith("*.") else None

    def deciding(self, ruleset: Ruleset) -> list[Rule]:
        """The enabled rules that can change what happens to a request here, in order."""
        by_host, anywhere = _by_host(ruleset)
        places = set(anywhere)
        if self.names is None:
            places.update(by_host.get(self.sample, ()))
        else:
            for name, found in by_host.items():
                if self.names.covers(name.encode("latin-1")):
                    places.update(found)
        return [ruleset.enabled[place] for place in sorted(places)]

    def problem(self, expressions: Iterable[ast.Expr], lists: Lists, state: Mapping[str, Any]) -> Problem:
        """The search over these expressions, with the host and a client's state known."""
        return Problem(expressions, lists, self._known(state), names=self.names)

    def until_certain(self, rules: list[Rule], lists: Lists, state: Mapping[str, Any]) -> list[Rule]:
        """The rules up to the first that matches every request of a client in this state: no later one is reached."""
        known = self._known(state)
        for place, rule in enumerate(rules):
            matcher = Matcher(rule.expression, lists)
            if matcher.unknown(matcher.fields - known.keys())(dict(known)) is True:
                return rules[: place + 1]
        return rules

    def _known(self, state: Mapping[str, Any]) -> dict[str, Any]:
        return dict(state) if self.names else {"http.host": self.sample.encode(), **state}

    def name(self, problem: Problem, solution: Solution) -> str:
        """The host name of a solution."""
        name = problem.host_name(solution)
        return self.sample if name is None else name.decode()


@lru_cache(maxsize=4)
def _by_host(ruleset: Ruleset) -> tuple[dict[str, list[int]], list[int]]:
    """Places of the rules that decide something: by the host names that they are limited to, and without limit."""
    by_host: dict[str, list[int]] = {}
    anywhere: list[int] = []
    for place, rule in enumerate(ruleset.enabled):
        if rule.shadow or rule.action == "log":
            continue
        names = host_literals(rule)
        if names is None:
            anywhere.append(place)
        for name in names or ():
            by_host.setdefault(name, []).append(place)
    return by_host, anywhere


def let_through(rules: Sequence[Rule]) -> Callable[[Callable[[ast.Expr], Truth]], Truth]:
    """Three-valued: whether the rules in their order allow."""

    def goal(evaluate: Callable[[ast.Expr], Truth]) -> Truth:
        open_end: Truth = True
        for rule in rules:  # forwards first, so that the first undecided clause is the first that is asked for
            truth = evaluate(rule.expression.root)
            if truth is True:
                return rule.action not in TERMINATING
            if truth is None:
                open_end = None
                break
        if open_end is True:
            return True
        allowed: Truth = True
        for rule in reversed(rules):
            truth = evaluate(rule.expression.root)
            ends: Truth = rule.action not in TERMINATING
            if truth is True:
                allowed = ends
            elif truth is None and allowed is not ends:
                allowed = None
        return allowed

    return goal
