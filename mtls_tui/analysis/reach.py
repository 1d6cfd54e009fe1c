"""Is there a request that reaches a host without a good certificate? A request that does, or a proof that none can.

A request found is real: it was decided by the very ruleset and allowed. A proof is complete: every combination of what
the rules can tell apart was looked at, and each is blocked (see `logic`). Where neither comes out the answer is "not
found", which promises nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from mtls_tui.analysis.context import (
    NO_CERTIFICATE,
    PRESENTED,
    REVOKED,
    VERIFIED,
    base_request,
    host_literals,
    sample_host,
)
from mtls_tui.analysis.logic import HostNames, Problem, Solution, TooHard, Truth
from mtls_tui.analysis.witness import needs
from mtls_tui.engine.compile import Matcher
from mtls_tui.engine.model import TERMINATING, Decision, HttpRequest, Request, Rule
from mtls_tui.engine.ruleset import Ruleset
from mtls_tui.engine.sets import Lists
from mtls_tui.lang import ast
from mtls_tui.search.making import Maker

Client: TypeAlias = Literal["none", "untrusted", "revoked"]
Status: TypeAlias = Literal["reached", "proved", "not found"]
CLIENTS: Mapping[Client, Mapping[str, Any]] = {
    "none": NO_CERTIFICATE,
    "untrusted": {PRESENTED: True, VERIFIED: False, REVOKED: False},
    "revoked": {PRESENTED: True, VERIFIED: True, REVOKED: True},
}
WORDS: Mapping[Client, str] = {
    "none": "without a certificate",
    "untrusted": "with a certificate that is not valid",
    "revoked": "with a revoked certificate",
}
MAX_SOLUTIONS = 60
"""Combinations for which a request is looked for."""
FIRST_BUDGET = 4000
"""Requests that are tried for the first combination."""
BUDGET = 400
"""Requests that are tried for each other one."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The answer. `http` is the request that was allowed, `request` its fields, `decision` what the rules said."""

    status: Status
    host: str
    client: Client
    reason: str
    http: HttpRequest | None = None
    request: Request | None = None
    decision: Decision | None = None


def unprotected(
    host: str, ruleset: Ruleset, *, client: Client = "none", others: Iterable[str] = (), mtls: bool = True
) -> Reach:
    """Whether some request reaches `host` past these rules, from a client without a (good) certificate.

    `client` is what it comes with. `host` may be a wildcard (`*.example.com`): then every name is meant that it stands
    for, but for those that one of `others` (the names of all hosts) stands for more closely. Without `mtls` the host
    asks for no certificate, so rules see none. Takes a bounded number of steps; never raises.
    """
    where = Where(host, others)
    state = CLIENTS[client] if mtls else NO_CERTIFICATE
    rules = where.until_certain(where.deciding(ruleset), ruleset.lists, state)
    tried = 0
    try:
        problem = where.problem([rule.expression.root for rule in rules], ruleset.lists, state)
        for solution in problem.solutions(let_through(rules)):
            tried += 1
            name = where.name(problem, solution)
            base = base_request(name, state, ruleset.fields_read)
            maker = Maker(base, state, ruleset.fields_read, ruleset.lists)
            maker.budget = FIRST_BUDGET if tried == 1 else BUDGET
            found = _realised(solution, problem, maker, ruleset)
            if found is not None:
                return _reached(host, client, *found)
            if tried >= MAX_SOLUTIONS:
                break
        else:
            if tried == 0:
                return Reach("proved", host, client, f"every request to {host} {WORDS[client]} is blocked")
    except TooHard:
        pass
    return Reach(
        "not found", host, client, f"no request to {host} {WORDS[client]} was found to pass; this is not a proof"
    )


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


def _realised(
    solution: Solution, problem: Problem, maker: Maker, ruleset: Ruleset
) -> tuple[HttpRequest, Request, Decision] | None:
    wanted = {atom: truth for atom, truth in solution.truths.items() if atom not in problem.fixed}
    for http in maker.make(wanted):
        fields = maker.fields(http)
        if fields is None:
            continue
        request = Request(fields)
        decision = ruleset.decide(request)
        if decision.action == "allow":
            return http, request, decision
    return None


def _reached(host: str, client: Client, http: HttpRequest, request: Request, decision: Decision) -> Reach:
    reason = f"{needs(http, WORDS[client], request)} is allowed: {decision.reason}"
    return Reach("reached", host, client, reason, http, request, decision)
