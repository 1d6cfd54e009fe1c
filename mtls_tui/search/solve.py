"""Sets of changes that make an expression true or false for one scenario: guessed per clause, tried by the engine.

Works on the expression's shape: an `and` is false once one item is, true when all are; dually for `or`; an `xor` turns
with one item. Clauses are turned by guesses that the engine confirmed. The sets stay few, smallest first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import product
from typing import Any, Final, TypeAlias

from mtls_tui.engine.compile import Matcher
from mtls_tui.engine.sets import Lists
from mtls_tui.lang import ast
from mtls_tui.lang.types import Fields
from mtls_tui.search.candidates import turns_for
from mtls_tui.search.scenario import Knob, Scenario, Turn

Turns: TypeAlias = tuple[Turn, ...]
FieldsOf: TypeAlias = Callable[[Scenario], Fields]
"""What the engine sees of a scenario: `policy.request`, in short."""

KEEP = 12
"""Sets kept for one node."""
BUDGET = 4000
"""Evaluations of single clauses in the life of one solver."""


class Solver:
    """Finds changes for one policy; clauses are compiled once.

    `fields_of` is how a scenario becomes field values, `hosts` are names that the policy serves, `skip` tells turns
    that make no sense.
    """

    def __init__(
        self,
        fields_of: FieldsOf,
        lists: Lists | None = None,
        *,
        hosts: Iterable[str] = (),
        skip: Callable[[Turn], bool] | None = None,
    ) -> None:
        self._fields_of = fields_of
        self._lists: Mapping[str, Any] = lists or {}
        self._hosts = tuple(hosts)
        self._skip = skip or (lambda turn: False)
        self._matchers: dict[int, tuple[ast.Expr, Matcher]] = {}
        self._turns: dict[int, tuple[Turn, ...]] = {}
        self._tried: dict[tuple[int, int], list[tuple[Turn, bool]]] = {}
        self._kept: list[Scenario] = []  # scenarios stay alive while their identity is a key
        self._joined: dict[tuple[int, ...], ast.Expr] = {}
        self.budget = BUDGET

    def holds(self, node: ast.Expr, scenario: Scenario) -> bool:
        """Whether a clause or expression holds for a scenario."""
        return self.matcher(node)(self._fields_of(scenario))

    def ways(self, node: ast.Expr, wanted: bool, scenario: Scenario, *, keep: int = KEEP) -> list[Turns]:
        """Sets of turns after which the node should be `wanted`; `()` alone when it is already."""
        if self.holds(node, scenario) is wanted:
            return [()]
        match node:
            case ast.Not():
                return self.ways(node.item, not wanted, scenario, keep=keep)
            case ast.Logical(operator="xor"):
                # An odd number of true items: turning any one item turns the whole.
                found: list[Turns] = [
                    way
                    for item in node.items
                    for way in self.ways(item, not self.holds(item, scenario), scenario, keep=keep)
                ]
                return _smallest(found, keep)
            case ast.Logical():
                if (node.operator == "and") is wanted:
                    return self._all(node.items, wanted, scenario, keep)
                found = [way for item in node.items for way in self.ways(item, wanted, scenario, keep=keep)]
                return _smallest(found, keep)
            case ast.Always():
                return []
        single: list[Turns] = [(turn,) for turn, holds in self._clause(node, scenario) if holds is wanted]
        return single[:keep]

    def _all(self, items: Iterable[ast.Expr], wanted: bool, scenario: Scenario, keep: int) -> list[Turns]:
        """One way for each item, together; turns that contradict each other don't go together."""
        sofar: list[Turns] = [()]
        for item in items:
            ways = self.ways(item, wanted, scenario, keep=keep)
            if not ways:
                return []
            joined = (merged for left, right in product(sofar, ways) if (merged := merge(left, right)) is not None)
            sofar = _smallest(joined, keep)
            if not sofar:
                # Each item alone can be had, but only by turning one knob two ways: let each way find the others again.
                return self._one_after_other(tuple(items), wanted, scenario, keep)
        return sofar + [(*way, UNVERIFIED) for way in sofar if _implies_verified(way)]

    def _one_after_other(
        self, items: tuple[ast.Expr, ...], wanted: bool, scenario: Scenario, keep: int
    ) -> list[Turns]:  # fmt: skip
        """Find a value of one knob that serves several items: guesses of each item are tried on all of them."""
        found: list[Turns] = []
        # All items as one clause: its guesses are made from the literals of all.
        for item in (*items, self._together(items)):
            for turn in self._turns_of(item):
                if self.budget <= 0:
                    break
                self.budget -= len(items)
                after = scenario.turned((turn,))
                try:
                    if all(self.holds(other, after) is wanted for other in items):
                        found.append((turn,))
                except ValueError:
                    continue  # a guess that makes no request
        return _smallest(found, keep)

    def _together(self, items: tuple[ast.Expr, ...]) -> ast.Expr:
        key = tuple(id(item) for item in items)
        found = self._joined.get(key)
        if found is None:
            found = self._joined[key] = ast.Logical("and", items)
        return found

    def _clause(self, node: ast.Expr, scenario: Scenario) -> list[tuple[Turn, bool]]:
        """Every guess for a clause with what became of the clause."""
        key = (id(node), id(scenario))
        known = self._tried.get(key)
        if known is None:
            known = self._tried[key] = []
            for turn in self._turns_of(node):
                if self.budget <= 0:
                    break
                self.budget -= 1
                try:
                    known.append((turn, self.holds(node, scenario.turned((turn,)))))
                except ValueError:
                    continue  # a guess that makes no request
            self._kept.append(scenario)
        return known

    def _turns_of(self, node: ast.Expr) -> tuple[Turn, ...]:
        found = self._turns.get(id(node))
        if found is None:
            self.matcher(node)  # keeps the node alive, so that its identity stays its own
            found = self._turns[id(node)] = tuple(
                turn for turn in turns_for(node, self._lists, self._hosts) if not self._skip(turn)
            )
        return found

    def matcher(self, node: ast.Expr) -> Matcher:
        """The node compiled by itself, once."""
        known = self._matchers.get(id(node))
        if known is None:
            known = self._matchers[id(node)] = (node, Matcher(ast.Expression(node), self._lists))
        return known[1]


UNVERIFIED: Final = Turn(Knob("certificate"), "unverified")


def _implies_verified(way: Turns) -> bool:
    """Whether the way sets a fact of a certificate and leaves its state open: unverified is worth trying as well."""
    return not any(turn.knob.kind == "certificate" for turn in way) and any(
        turn.knob.side == "certificate" for turn in way
    )


def merge(left: Turns, right: Turns) -> Turns | None:
    """Both sets together, or None when they turn one knob two ways."""
    merged = {turn.knob: turn for turn in left}
    for turn in right:
        known = merged.setdefault(turn.knob, turn)
        if known.value != turn.value:
            return None
    return tuple(merged.values())


def _smallest(ways: Iterable[Turns], keep: int) -> list[Turns]:
    unique: dict[frozenset[tuple[str, str, str]], Turns] = {}
    for way in ways:
        unique.setdefault(frozenset(turn.key for turn in way), way)
    # Of ways of one size, one of every knob comes before the second of any: ten values of one path say less than a
    # path, a header and a certificate.
    turn_of: dict[frozenset[Any], int] = {}
    ranked: list[tuple[int, int, Turns]] = []
    for way in unique.values():
        knobs = frozenset(turn.knob for turn in way)
        turn_of[knobs] = turn_of.get(knobs, 0) + 1
        ranked.append((len(way), turn_of[knobs], way))
    ranked.sort(key=lambda item: item[:2])
    return [way for _, _, way in ranked[:keep]]
