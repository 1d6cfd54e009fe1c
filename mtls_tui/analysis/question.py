"""One question about one or two sets of rules: is there a request that they decide so? A request, a proof, or open.

This is what proofs, comparisons and properties stand on. A request in an answer was decided by the very rulesets and
came out as asked. "proved" covers every request (see `theory`). "open" says why neither was found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal, TypeAlias

from mtls_tui.analysis.context import NO_CERTIFICATE, base_request
from mtls_tui.analysis.where import Where
from mtls_tui.engine.compile import Matcher
from mtls_tui.engine.fields import EXTRACTORS, RequestView, compute
from mtls_tui.engine.fields_of import fields_of
from mtls_tui.engine.model import TERMINATING, Decision, HttpRequest, Request, Rule
from mtls_tui.engine.ruleset import Ruleset
from mtls_tui.engine.sets import Lists
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import PRESENTED, REVOKED, VERIFIED, parts_of
from mtls_tui.search.making import Maker
from mtls_tui.theory import FALSE, TRUE, Found, Theory, Uses
from mtls_tui.theory import Literal as Condition
from mtls_tui.theory.making import request_of

Client: TypeAlias = Literal["none", "valid", "untrusted", "revoked"]
CLIENTS: Mapping[Client, Mapping[str, Any]] = {
    "none": NO_CERTIFICATE,
    "valid": {PRESENTED: True, VERIFIED: True, REVOKED: False},
    "untrusted": {PRESENTED: True, VERIFIED: False, REVOKED: False},
    "revoked": {PRESENTED: True, VERIFIED: True, REVOKED: True},
}
"""What a client may come with, as the three facts about its certificate."""
WORDS: Mapping[Client, str] = {
    "none": "without a certificate",
    "valid": "with a valid certificate",
    "untrusted": "with a certificate that is not valid",
    "revoked": "with a revoked certificate",
}
NO_HOST = Decision("block", reason="no such host")
GUESSES = 400
"""Requests that are tried for clauses that the theory doesn't describe, for one combination of clauses."""


@dataclass(frozen=True, slots=True)
class Side:
    """The rules before a host, and what is asked of them.

    `ruleset` is None where there is no such host: every request is blocked. Without `mtls` no certificate is asked for,
    so the rules see none. `allowed` is what the side has to decide; None: either.
    """

    ruleset: Ruleset | None
    allowed: bool | None = True
    mtls: bool = True

    def seen(self, client: Client) -> Mapping[str, Any]:
        """The fields of a client's certificate as the rules see them."""
        return CLIENTS[client] if self.mtls else NO_CERTIFICATE

    def decide(self, request: Request, client: Client) -> Decision:
        """What the side decides about a request of a client."""
        return NO_HOST if self.ruleset is None else self.ruleset.decide(request.with_fields(self.seen(client)))


@dataclass(frozen=True, slots=True)
class Answer:
    """`witness`: `http` is a request as asked for, `request` its fields, `decisions` what each side decides about it.

    `proved`: there is none. `open`: neither is known; `reason` says why.
    """

    status: Literal["witness", "proved", "open"]
    reason: str = ""
    http: HttpRequest | None = None
    request: Request | None = None
    decisions: tuple[Decision, ...] = ()


def ask(
    host: str,
    sides: Sequence[Side],
    *,
    client: Client = "none",
    others: Sequence[str] = (),
    holds: ast.Expr | None = None,
    unless: ast.Expr | None = None,
) -> Answer:
    """Whether a request of a client to `host` satisfies `holds` and not `unless`, and each side decides it as it says.

    `host` may be a wildcard (`*.example.com`): then every name is meant that it stands for, but for those that one of
    `others` (the names of all hosts) stands for more closely. Lists that `holds` and `unless` name are those of the
    last side. Takes a bounded number of steps. Raises ListError for a list that they name and no side has.
    """
    question = Question(host, sides, client, others, holds, unless)
    return question.answer([side.allowed for side in sides])


class _Ground:
    """The rules before a host, as conditions of one theory; what questions about them share."""

    def __init__(self, host: str, others: Sequence[str], rulesets: Sequence[Ruleset | None]) -> None:
        self.where = Where(host, others)
        self.rulesets = rulesets
        self.rules = [[] if ruleset is None else self.where.deciding(ruleset) for ruleset in rulesets]
        self.lists = _lists_of(rulesets)
        self.uses = Uses.of(rule.expression.root for rules in self.rules for rule in rules)
        self._theories: dict[Uses, Theory] = {}
        self._through: dict[tuple[int, int, int], Condition] = {}

    @cached_property
    def names(self) -> frozenset[str]:
        """The fields that the rules read."""
        return frozenset().union(*(ruleset.fields_read for ruleset in self.rulesets if ruleset is not None))

    def theory(self, conditions: Iterable[ast.Expr]) -> Theory:
        """One over the clauses of the rules and of some conditions."""
        uses = self.uses | Uses.of(conditions)
        theory = self._theories.get(uses)
        if theory is None:
            base = base_request(self.where.sample, CLIENTS["valid"], self.names)
            plain = {**compute(RequestView(base), EXTRACTORS.items()), **base.overrides}
            theory = self._theories[uses] = Theory(uses, host=self.where.names, plain=plain)
            read = frozenset().union(*(rules.fields_read for rules in self.rulesets if rules is not None))
            theory.places.any_path = not any("path" in parts_of(name) for name in read)
        return theory

    def through(self, theory: Theory, place: int, seen: Mapping[str, Any]) -> Condition:
        """Whether one set of rules, that see these fields of a certificate, lets a request through."""
        if self.rulesets[place] is None:
            return FALSE
        key = (id(theory), place, id(seen))
        if key not in self._through:
            self._through[key] = _let_through(theory, self.rules[place], self.lists[place], seen)
        return self._through[key]


_ground = lru_cache(maxsize=8)(_Ground)


def _let_through(theory: Theory, rules: Sequence[Rule], lists: Lists, seen: Mapping[str, Any]) -> Condition:
    circuit = theory.circuit
    runs: list[tuple[bool, list[Condition]]] = []
    for rule in rules:
        literal = theory.literal(rule.expression.root, lists, seen)
        if literal == FALSE:
            continue
        lets = rule.action not in TERMINATING
        if not runs or runs[-1][0] is not lets:
            runs.append((lets, []))
        runs[-1][1].append(literal)
        if literal == TRUE:
            break  # nothing comes behind it
    result: Condition = TRUE
    for lets, literals in reversed(runs):
        matched = circuit.some(literals)
        result = circuit.some((matched, result)) if lets else circuit.every((-matched, result))
    return result


class Question:
    """What is asked of some sides about the requests of one client; `answer` for what each side is to decide.

    `seen` are the fields of the certificate as each side sees them, where that isn't the client's own.
    """

    def __init__(
        self,
        host: str,
        sides: Sequence[Side],
        client: Client = "none",
        others: Sequence[str] = (),
        holds: ast.Expr | None = None,
        unless: ast.Expr | None = None,
        seen: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        self.sides, self.client = sides, client
        self.ground = _ground(host, tuple(others), tuple(side.ruleset for side in sides))
        self.seen = [side.seen(client) for side in sides] if seen is None else seen
        one_view = bool(sides) and all(view == self.seen[0] for view in self.seen)
        self.state = self.seen[0] if one_view else CLIENTS[client]
        self.lists: Lists = self.ground.lists[-1] if sides else {}
        self.conditions = [(node, truth) for node, truth in ((holds, True), (unless, False)) if node is not None]

    @cached_property
    def names(self) -> frozenset[str]:
        """The fields that the requests of an answer tell."""
        return self.ground.names.union(*(fields_of(node) for node, _ in self.conditions))

    @cached_property
    def base(self) -> HttpRequest:
        """The plainest request."""
        return base_request(self.ground.where.sample, self.state, self.names)

    @cached_property
    def theory(self) -> Theory:
        """The clauses of all sides."""
        return self.ground.theory(node for node, _ in self.conditions)

    def _roots(self, allowed: Sequence[bool | None]) -> list[Condition]:
        found = []
        for node, truth in self.conditions:
            literal = self.theory.literal(node, self.lists, self.state)
            found.append(literal if truth else -literal)
        for place, (seen, wanted) in enumerate(zip(self.seen, allowed, strict=True)):
            if wanted is not None:
                through = self.ground.through(self.theory, place, seen)
                found.append(through if wanted else -through)
        if any(seen.get(VERIFIED) for seen in (self.state, *self.seen)):
            found += self.theory.places.of_verified()
        return found

    def answer(self, allowed: Sequence[bool | None]) -> Answer:
        """A request for which each side decides so (None: either), or the proof that there is none, or open."""
        roots = self._roots(allowed)
        answers: list[Answer] = []
        checks = self._checks  # raises for a list that is not there, whatever the answer is

        def accept(found: Found) -> bool:
            answer = self._tried(found, allowed, checks)
            if answer is not None:
                answers.append(answer)
            return answer is not None

        result = self.theory.solve(roots, accept)
        if answers:
            return answers[-1]
        if result.status == "none":
            return Answer("proved")
        return Answer("open", "; ".join(result.reasons))

    def impossible(self, allowed: Sequence[bool]) -> bool:
        """Proved that no request is decided so by each side; no request is made."""
        return not self.theory.possible(*self._roots(allowed))

    @cached_property
    def _checks(self) -> list[tuple[Matcher, bool]]:
        return [(Matcher(ast.Expression(node), self.lists), truth) for node, truth in self.conditions]

    def _tried(
        self, found: Found, allowed: Sequence[bool | None], checks: Sequence[tuple[Matcher, bool]]
    ) -> Answer | None:
        made = request_of(found, self.base)
        maker = Maker(made, self.state, self.names, self.lists)
        maker.budget = GUESSES
        for http in self._candidates(made, found, maker):
            fields = maker.fields(http)
            if fields is None or any(matcher.function(fields) is not truth for matcher, truth in checks):
                continue
            request = Request(fields)
            decisions = tuple(side.decide(request, self.client) for side in self.sides)
            if all(
                wanted in (None, decision.action == "allow")
                for wanted, decision in zip(allowed, decisions, strict=True)
            ):  # fmt: skip
                return Answer("witness", "", http, request, decisions)
        return None

    def _candidates(self, made: HttpRequest, found: Found, maker: Maker) -> Iterator[HttpRequest]:
        yield made
        if found.opaque:
            yield from maker.make(found.opaque)


def _lists_of(rulesets: Sequence[Ruleset | None]) -> list[Lists]:
    """The lists of each ruleset; equal ones are one mapping, so that a clause that names one means one thing."""
    found: list[Lists] = []
    for ruleset in rulesets:
        lists = {} if ruleset is None else ruleset.lists
        same = next((other for other in found if _same_lists(other, lists)), lists)
        found.append(same)
    return found


def _same_lists(one: Lists, other: Lists) -> bool:
    return one is other or (
        one.keys() == other.keys() and all(list(one[name]) == list(other[name]) for name in one)
    )  # fmt: skip
