"""One question about one or two sets of rules: is there a request that they decide so? A request, a proof, or open.

This is what proofs, comparisons and properties stand on. A request in an answer was decided by the very rulesets and
came out as asked. "proved" covers every request. "open" says why neither was found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any, Literal, TypeAlias

from mtls_tui.analysis.context import NO_CERTIFICATE, PRESENTED, REVOKED, VERIFIED, base_request
from mtls_tui.analysis.lists import joined_lists, renamed
from mtls_tui.analysis.logic import Solution, TooHard, Truth, folded
from mtls_tui.analysis.where import Where, let_through
from mtls_tui.engine.compile import Matcher
from mtls_tui.engine.fields_of import fields_of
from mtls_tui.engine.model import Decision, HttpRequest, Request, Rule
from mtls_tui.engine.ruleset import Ruleset
from mtls_tui.lang import ast
from mtls_tui.search.making import Maker

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
MAX_SOLUTIONS = 60
"""Combinations for which a request is looked for."""
FIRST_BUDGET = 4000
"""Requests that are tried for the first combination."""
BUDGET = 400
"""Requests that are tried for each other one."""


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
    try:
        return _Question(Where(host, others), tuple(sides), client, holds, unless).answer()
    except TooHard:
        return Answer("open", "the rules are too many or too tangled to look at every case")


class _Question:
    def __init__(
        self, where: Where, sides: tuple[Side, ...], client: Client, holds: ast.Expr | None, unless: ast.Expr | None
    ) -> None:
        self.where, self.sides, self.client = where, sides, client
        self.lists, changed = joined_lists([side.ruleset.lists for side in sides if side.ruleset is not None])
        last = len(sides) - 1
        self.conditions = [
            (renamed(node, changed) if last else node, truth)
            for node, truth in ((holds, True), (unless, False))
            if node is not None
        ]
        views = [side.seen(client) for side in sides]
        self.one_view = all(view == views[0] for view in views)
        self.rules = [self._rules(side, changed if place and place == last else frozenset())
                      for place, side in enumerate(sides)]  # fmt: skip

    def _rules(self, side: Side, changed: frozenset[str]) -> list[Rule]:
        if side.ruleset is None:
            return []
        rules = self.where.until_certain(self.where.deciding(side.ruleset), side.ruleset.lists, side.seen(self.client))
        made = []
        for rule in rules:
            root = renamed(rule.expression.root, changed)
            if not self.one_view:
                root = folded(root, side.seen(self.client), self.lists)
            made.append(replace(rule, expression=ast.Expression(root)))
        return made

    def answer(self) -> Answer:
        state = CLIENTS[self.client] if not self.one_view or not self.sides else self.sides[0].seen(self.client)
        roots = [rule.expression.root for rules in self.rules for rule in rules]
        problem = self.where.problem([*roots, *(node for node, _ in self.conditions)], self.lists, state)
        names = frozenset(
            name
            for side in self.sides if side.ruleset is not None
            for name in side.ruleset.fields_read
        ) | frozenset(name for node, _ in self.conditions for name in fields_of(node))  # fmt: skip
        checks = [(Matcher(ast.Expression(node), self.lists), truth) for node, truth in self.conditions]
        budget = FIRST_BUDGET
        for solution in islice(problem.solutions(self._goal()), MAX_SOLUTIONS):
            maker = Maker(base_request(self.where.name(problem, solution), state, names), state, names, self.lists)
            maker.budget, budget = budget, BUDGET
            found = self._realised(solution, problem.fixed, maker, checks)
            if found is not None:
                return found
        if budget == FIRST_BUDGET:
            return Answer("proved")
        return Answer("open", "combinations of clauses were found, and no request for which they come out so")

    def _goal(self) -> Callable[[Callable[[ast.Expr], Truth]], Truth]:
        goals: list[tuple[Callable[[Callable[[ast.Expr], Truth]], Truth], bool]] = [
            (partial(_truth_of, node), truth) for node, truth in self.conditions
        ]
        for side, rules in zip(self.sides, self.rules, strict=True):
            if side.allowed is not None:
                goals.append((let_through(rules) if side.ruleset is not None else _never, side.allowed))

        def goal(evaluate: Callable[[ast.Expr], Truth]) -> Truth:
            result: Truth = True
            for part, wanted in goals:
                truth = part(evaluate)
                if truth is None:
                    result = None
                elif truth is not wanted:
                    return False
            return result

        return goal

    def _realised(
        self, solution: Solution, fixed: Mapping[ast.Expr, bool], maker: Maker, checks: list[tuple[Matcher, bool]]
    ) -> Answer | None:
        for http in maker.make({atom: truth for atom, truth in solution.truths.items() if atom not in fixed}):
            fields = maker.fields(http)
            if fields is None or any(matcher.function(fields) is not truth for matcher, truth in checks):
                continue
            request = Request(fields)
            decisions = tuple(side.decide(request, self.client) for side in self.sides)
            if all(side.allowed in (None, decision.action == "allow")
                   for side, decision in zip(self.sides, decisions, strict=True)):  # fmt: skip
                return Answer("witness", "", http, request, decisions)
        return None


def _truth_of(node: ast.Expr, evaluate: Callable[[ast.Expr], Truth]) -> Truth:
    return evaluate(node)


def _never(_evaluate: Callable[[ast.Expr], Truth]) -> Truth:
    return False
