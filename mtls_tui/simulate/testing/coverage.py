"""What the tests have shown of the rules: each clause seen true and false, and deciding the verdict both ways (MC/DC).

A clause decides in a test when the verdict of its rule would turn if the clause alone turned (masking MC/DC). Rules
behind the one that ended a test were not evaluated, so that test shows nothing of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mtls_tui.engine.compile import Matcher
from mtls_tui.engine.fields_of import fields_of
from mtls_tui.engine.model import Decision, Rule
from mtls_tui.engine.ruleset import Ruleset
from mtls_tui.lang import ast, tree
from mtls_tui.lang.tree import Path
from mtls_tui.lang.types import Fields


@dataclass(frozen=True, slots=True)
class Goal:
    """One thing to be shown: that a clause of a rule decides when it has this value.

    A rule without such clauses (`true`) has a single goal with an empty path: to be evaluated.
    """

    ref: str
    path: Path
    value: bool


@dataclass
class ClauseCoverage:
    """What was seen of one clause: values, and values with which it decided."""

    path: Path
    text: str
    possible: frozenset[bool] = frozenset((True, False))
    """The values that it can have at all: a clause about the host alone may be the same for every host served."""
    seen: set[bool] = field(default_factory=set)
    decided: set[bool] = field(default_factory=set)

    @property
    def complete(self) -> bool:
        """Seen deciding with every value that it can have."""
        return self.decided >= self.possible


@dataclass
class RuleCoverage:
    """What was seen of one rule. `tests` counts those that evaluated it, `decided` those that it ended."""

    rule: Rule
    clauses: dict[Path, ClauseCoverage]
    outcomes: set[bool] = field(default_factory=set)
    tests: int = 0
    ended: int = 0

    @property
    def goals(self) -> Iterator[tuple[Goal, bool]]:
        """Every goal of this rule and whether it is met."""
        for path, clause in self.clauses.items():
            for value in (True, False):
                if value in clause.possible:
                    yield Goal(self.rule.ref, path, value), value in clause.decided
        if not self.clauses:
            yield Goal(self.rule.ref, (), True), self.tests > 0

    @property
    def met(self) -> int:
        """How many goals are met."""
        return sum(met for _, met in self.goals)

    @property
    def total(self) -> int:
        """How many goals there are."""
        return sum(1 for _ in self.goals)


class Coverage:
    """Gathers what tests show. Rules that are not enabled are not counted.

    `hosts` are all the names that the policy serves: a request to another one never reaches the rules.
    """

    def __init__(self, ruleset: Ruleset, hosts: Iterable[str] = ()) -> None:
        self.ruleset = ruleset
        names = tuple(hosts)
        self.rules: dict[str, RuleCoverage] = {
            rule.ref: RuleCoverage(rule, _clauses(rule.expression, names, ruleset.lists)) for rule in ruleset.enabled
        }
        self._probes = {rule.ref: Probe(rule.expression, ruleset.lists) for rule in ruleset.enabled}

    def add(self, decision: Decision, fields: Fields) -> set[Goal]:
        """Take in one decided request; the goals that it met for the first time."""
        fresh: set[Goal] = set()
        for rule in evaluated(self.ruleset, decision):
            coverage = self.rules[rule.ref]
            if not coverage.clauses and not coverage.tests:
                fresh.add(Goal(rule.ref, (), True))
            coverage.tests += 1
            coverage.ended += rule.ref == decision.ended_by
            verdict, observed = self._probes[rule.ref](fields)
            coverage.outcomes.add(verdict)
            for path, value, decides in observed:
                clause = coverage.clauses[path]
                clause.seen.add(value)
                if decides and value not in clause.decided:
                    clause.decided.add(value)
                    if value in clause.possible:
                        fresh.add(Goal(rule.ref, path, value))
        return fresh

    def meets(self, goal: Goal) -> bool:
        """Whether some request so far has met the goal."""
        rule = self.rules[goal.ref]
        clause = rule.clauses.get(goal.path)
        return rule.tests > 0 if clause is None else goal.value in clause.decided

    def shows(self, goal: Goal, decision: Decision, fields: Fields) -> bool:
        """Whether one decided request meets a goal; it is not counted."""
        if all(rule.ref != goal.ref for rule in evaluated(self.ruleset, decision)):
            return False
        _, observed = self._probes[goal.ref](fields)
        return not observed or (goal.path, goal.value, True) in observed

    @property
    def missing(self) -> list[Goal]:
        """The goals that no test has met, in the order of the rules."""
        return [goal for coverage in self.rules.values() for goal, met in coverage.goals if not met]

    @property
    def met(self) -> int:
        """How many goals are met."""
        return sum(coverage.met for coverage in self.rules.values())

    @property
    def total(self) -> int:
        """How many goals there are."""
        return sum(coverage.total for coverage in self.rules.values())

    @property
    def percent(self) -> float:
        """Goals met, in percent; 100 for a file without enabled rules."""
        return 100.0 * self.met / self.total if self.total else 100.0


def _clauses(expression: ast.Expression, hosts: tuple[str, ...], lists: Any) -> dict[Path, ClauseCoverage]:
    found = {}
    for path, text in clauses_of(expression):
        found[path] = ClauseCoverage(path, text, _possible(_clause_at(expression, path), hosts, lists))
    return found


def _possible(clause: ast.Comparison | ast.Test, hosts: tuple[str, ...], lists: Any) -> frozenset[bool]:
    """The values that a clause can have when only these hosts are served."""
    if not hosts or any("*" in name for name in hosts) or fields_of(clause) != {"http.host"}:
        return frozenset((True, False))
    holds = Matcher(ast.Expression(clause), lists)
    return frozenset(holds({"http.host": name.encode()}) for name in hosts)


def evaluated(ruleset: Ruleset, decision: Decision) -> Iterator[Rule]:
    """The rules that were evaluated for a decision, in order."""
    if decision.blocked and decision.ended_by is None:
        return  # the policy refused the request before any rule was asked
    for rule in ruleset.enabled:
        yield rule
        if rule.ref == decision.ended_by:
            return


class Probe:
    """Observes the clauses of one expression: each compiled by itself, so that a thousand rules are seen in no time."""

    def __init__(self, expression: ast.Expression, lists: Any) -> None:
        self.root = expression.root
        self.holds = {
            path: Matcher(ast.Expression(_clause_at(expression, path)), lists).function
            for path, _ in clauses_of(expression)
        }

    def __call__(self, fields: Fields) -> tuple[bool, list[tuple[Path, bool, bool]]]:
        """The verdict, and each clause's path, value and whether it decides."""
        values: dict[Path, bool] = {path: holds(fields) for path, holds in self.holds.items()}
        verdict = self._value(self.root, (), values)
        observed: list[tuple[Path, bool, bool]] = []
        self._observe(self.root, (), True, values, observed)
        return verdict, observed

    def _value(self, node: ast.Expr, path: Path, values: dict[Path, bool]) -> bool:
        """The value of a node, from those of its clauses; it is also noted among `values`."""
        match node:
            case ast.Not():
                value = not self._value(node.item, (*path, 0), values)
            case ast.Logical(operator=operator):
                items = [self._value(item, (*path, index), values) for index, item in enumerate(node.items)]
                value = all(items) if operator == "and" else any(items) if operator == "or" else sum(items) % 2 == 1
            case ast.Always():
                value = node.value
            case _:
                value = values[path]
        values[path] = value
        return value

    def _observe(
        self, node: ast.Expr, path: Path, decides: bool, values: dict[Path, bool], out: list[tuple[Path, bool, bool]]
    ) -> None:
        match node:
            case ast.Not():
                self._observe(node.item, (*path, 0), decides, values, out)
            case ast.Logical(operator=operator):
                items = [values[(*path, index)] for index in range(len(node.items))]
                for index, item in enumerate(node.items):
                    others = items[:index] + items[index + 1 :]
                    free = operator == "xor" or (all(others) if operator == "and" else not any(others))
                    self._observe(item, (*path, index), decides and free, values, out)
            case ast.Comparison() | ast.Test():
                out.append((path, values[path], decides))


def _clause_at(expression: ast.Expression, path: Path) -> ast.Comparison | ast.Test:
    node = tree.node_at(expression, path)
    assert isinstance(node, ast.Comparison | ast.Test)
    return node


def clauses_of(expression: ast.Expression) -> Iterable[tuple[Path, str]]:
    """The clauses that can be true and false, with their paths; what stands inside `any` and `all` is part of them."""

    def walk(node: tree.Node, path: Path) -> Iterator[tuple[Path, str]]:
        match node:
            case ast.Not():
                yield from walk(node.item, (*path, 0))
            case ast.Logical():
                for index, item in enumerate(node.items):
                    yield from walk(item, (*path, index))
            case ast.Comparison() | ast.Test():
                yield path, tree.source(expression, path) if expression.text else ""

    return walk(expression.root, ())
