"""What two sites (rules and the hosts before which they stand) decide differently: a request that shows it, or a proof.

What a reviewer of a change wants to know is who is newly let in. Hosts and their settings are compared before rules: a
host that only one site has, one that asks for certificates in one of them only, one that judges certificates by other
material. A request shown was decided by both sites and differs; "proved" means that every combination of what the
rules can tell apart was looked at, under the settings of both; where other trust may matter the answer is "not
compared", since no certificate is looked into.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any, Literal, TypeAlias

from mtls_tui.analysis.context import CERTIFICATE, NO_CERTIFICATE, PRESENTED, REVOKED, VERIFIED, base_request
from mtls_tui.analysis.lists import joined_lists, renamed
from mtls_tui.analysis.logic import Problem, Solution, TooHard, Truth, folded
from mtls_tui.analysis.site import HostSettings, Site
from mtls_tui.analysis.where import Where, let_through
from mtls_tui.analysis.witness import needs
from mtls_tui.engine.fields_of import fields_of
from mtls_tui.engine.model import Decision, HttpRequest, Request, Rule
from mtls_tui.engine.sets import Lists
from mtls_tui.lang import ast
from mtls_tui.search.making import Maker

Change: TypeAlias = Literal["newly let in", "newly blocked"]
Status: TypeAlias = Literal["changed", "proved the same", "not found", "not compared"]
NOBODY = "without a certificate"
STATES: Mapping[str, Mapping[str, Any]] = {
    NOBODY: NO_CERTIFICATE,
    "with a valid certificate": {PRESENTED: True, VERIFIED: True, REVOKED: False},
    "with a certificate that is not valid": {PRESENTED: True, VERIFIED: False, REVOKED: False},
    "with a revoked certificate": {PRESENTED: True, VERIFIED: True, REVOKED: True},
}
"""What a client may come with, in the order in which an example is looked for."""
CHANGES: tuple[Change, ...] = ("newly let in", "newly blocked")
MAX_TRIED = 20
"""Combinations for which an example is looked for."""
BUDGET = 300
"""Requests that are tried for one combination and one kind of client."""
_NO_HOST = Decision("block", reason="no such host")
_BY_PATH = frozenset({f"{CERTIFICATE}cert_issuer_serial", f"{CERTIFICATE}cert_issuer_ski"})
"""Texts of a certificate that depend on which issuer was found for it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One answer about one host. `certificate` is what the client of the example comes with, in words."""

    host: str
    change: Change
    status: Status
    reason: str
    certificate: str = ""
    http: HttpRequest | None = None
    request: Request | None = None
    before: Decision | None = None
    after: Decision | None = None


@dataclass(frozen=True, slots=True)
class _Side:
    """What one site does with requests to the host asked about. `settings` is None where the site has no such host."""

    site: Site
    settings: HostSettings | None
    rules: tuple[Rule, ...]

    def says(self) -> list[tuple[ast.Expr, str]]:
        """What two sides have equal when they surely decide alike."""
        return [(rule.expression.root, rule.action) for rule in self.rules]

    def seen(self, client: Mapping[str, Any]) -> Mapping[str, Any]:
        """The fields of a client's certificate as rules see them: where none is asked for, none is seen."""
        return client if self.settings is not None and self.settings.mtls else NO_CERTIFICATE

    def decide(self, request: Request, client: Mapping[str, Any]) -> Decision:
        if self.settings is None:
            return _NO_HOST
        return self.site.ruleset.decide(request.with_fields(self.seen(client)))

    def folded(self, client: Mapping[str, Any], lists: Lists) -> list[Rule]:
        """The rules with what the client's certificate decides put in. TooHard for a clause that it decides half."""
        known = self.seen(client)
        return [
            replace(rule, expression=ast.Expression(folded(rule.expression.root, known, lists))) for rule in self.rules
        ]

    def goal(self, rules: Sequence[Rule]) -> Callable[[Callable[[ast.Expr], Truth]], Truth]:
        """Three-valued: whether the side allows."""
        return let_through(rules) if self.settings is not None else lambda _evaluate: False


def compare(before: Site, after: Site, hosts: Sequence[str] | None = None) -> list[Difference]:
    """Two answers for each host: whether requests to it are newly let in, and whether some are newly blocked.

    `hosts` are names in comparable form, by default those of both sites. A wildcard means every name that it stands
    for and no other host of either site does.
    """
    names = list(dict.fromkeys([*after.hosts, *before.hosts]))
    return [
        _answer(before, after, host, change, names)
        for host in (names if hosts is None else hosts)
        for change in CHANGES
    ]


def _answer(before: Site, after: Site, host: str, change: Change, names: Sequence[str]) -> Difference:
    where = Where(host, names)
    lists, changed = joined_lists((before.ruleset.lists, after.ruleset.lists))
    old = _Side(before, before.serving(host), tuple(where.deciding(before.ruleset)))
    new = _Side(after, after.serving(host), tuple(_renamed(rule, changed) for rule in where.deciding(after.ruleset)))
    question = _Question(host, change, where, old, new, lists)
    settings = _settings_in_words(old.settings, new.settings)
    if old.settings == new.settings and old.says() == new.says():
        return Difference(host, change, "proved the same", f"no request to {host} is {change}")
    try:
        unknown = False
        for clients in question.clients():
            found = question.ask(*clients)
            if found is not None and found.status == "changed":
                return found
            unknown = unknown or found is not None
        if unknown:
            raise TooHard
        if old.settings and new.settings and old.settings.mtls and new.settings.mtls:
            trust = old.settings.trust.changes(new.settings.trust)
            if trust and not question.whatever_certificates_are():
                reason = f"certificates are judged otherwise ({trust}): who is {change} by that was not compared"
                return Difference(host, change, "not compared", reason)
    except TooHard:
        reason = f"no request to {host} was found that is {change}; this is not a proof{settings and f' ({settings})'}"
        return Difference(host, change, "not found", reason)
    return Difference(
        host, change, "proved the same", f"no request to {host} is {change}{settings and f' ({settings})'}"
    )


def _settings_in_words(before: HostSettings | None, after: HostSettings | None) -> str:
    if before is None or after is None:
        return "the host is new" if after is not None else "the host is gone" if before is not None else "no such host"
    if before.mtls is not after.mtls:
        return "mTLS is on now" if after.mtls else "mTLS is off now"
    return "other trust" if after.mtls and before.trust != after.trust else ""


@dataclass(frozen=True, slots=True)
class _Question:
    """Whether requests to a host change in one direction."""

    host: str
    change: Change
    where: Where
    old: _Side
    new: _Side
    lists: Lists

    def clients(self) -> Iterator[tuple[str, ...]]:
        """Groups of clients that are asked about at once: all that both sides see alike, others one by one."""
        sides = [side for side in (self.old, self.new) if side.settings is not None]
        kinds = {side.settings.mtls for side in sides if side.settings is not None}
        if kinds == {True}:
            yield tuple(STATES)
        elif kinds == {True, False}:
            yield from ((words,) for words in STATES)
        else:
            yield (NOBODY,)

    def ask(self, *words: str) -> Difference | None:
        """A request of one of these clients that shows the change, "not found", or None: proved that none does."""
        if len(words) > 1:
            rules = [list(self.old.rules), list(self.new.rules)]
        else:
            rules = [side.folded(STATES[words[0]], self.lists) for side in (self.old, self.new)]
        problem = self._problem(rules)
        tried = 0
        for solution in problem.solutions(self._goal(rules)):
            tried += 1
            for found in self._examples(solution, problem, words):
                return found
            if tried >= MAX_TRIED:
                break
        return None if tried == 0 else Difference(self.host, self.change, "not found", "")

    def whatever_certificates_are(self) -> bool:
        """Whether no request changes even when the two sides judge a certificate differently."""
        for rule in (*self.old.rules, *self.new.rules):
            if fields_of(rule.expression.root) & _BY_PATH:
                return False
        presented = [state for state in STATES.values() if state[PRESENTED]]
        for one, other in permutations(presented, 2):
            rules = [self.old.folded(one, self.lists), self.new.folded(other, self.lists)]
            if self._problem(rules).possible(self._goal(rules)):
                return False
        return True

    def _problem(self, rules: Sequence[Sequence[Rule]]) -> Problem:
        return self.where.problem([rule.expression.root for side in rules for rule in side], self.lists, {})

    def _goal(self, rules: Sequence[Sequence[Rule]]) -> Callable[[Callable[[ast.Expr], Truth]], Truth]:
        old, new = self.old.goal(rules[0]), self.new.goal(rules[1])
        blocking, allowing = (old, new) if self.change == "newly let in" else (new, old)
        return lambda evaluate: _both(allowing(evaluate), blocking, evaluate)

    def _examples(self, solution: Solution, problem: Problem, words: Sequence[str]) -> Iterator[Difference]:
        wanted = {atom: truth for atom, truth in solution.truths.items() if atom not in problem.fixed}
        facts = {
            atom.value.name: truth
            for atom, truth in wanted.items()
            if isinstance(atom, ast.Test) and isinstance(atom.value, ast.Field)
        }
        name = self.where.name(problem, solution)
        names = self.old.site.ruleset.fields_read | self.new.site.ruleset.fields_read
        let_in = self.change == "newly let in"
        for client in words:
            state = STATES[client]
            if any(facts.get(fact, value) != value for fact, value in state.items()):
                continue
            maker = Maker(base_request(name, state, names), state, names, self.lists)
            maker.budget = BUDGET
            for http in maker.make(wanted):
                fields = maker.fields(http)
                if fields is None:
                    continue
                request = Request(fields)
                old, new = self.old.decide(request, state), self.new.decide(request, state)
                if (old.action == "allow") is not let_in and (new.action == "allow") is let_in:
                    verb = "is allowed now" if let_in else "is blocked now"
                    settings = _settings_in_words(self.old.settings, self.new.settings)
                    reason = f"{needs(http, client, request)} {verb}: {old.reason} before, {new.reason} after"
                    reason += f" ({settings})" if settings else ""
                    yield Difference(self.host, self.change, "changed", reason, client, http, request, old, new)


def _both(
    allowed: Truth, blocked_side: Callable[[Callable[[ast.Expr], Truth]], Truth], evaluate: Callable[[ast.Expr], Truth]
) -> Truth:
    """Three-valued: one side allows and the other one doesn't."""
    if allowed is False:
        return False
    other = blocked_side(evaluate)
    if other is True:
        return False
    return True if allowed is True and other is False else None


def _renamed(rule: Rule, names: frozenset[str]) -> Rule:
    return replace(rule, expression=ast.Expression(renamed(rule.expression.root, names))) if names else rule
