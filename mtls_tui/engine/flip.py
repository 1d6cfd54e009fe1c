"""The smallest changes of a request that flip a verdict. Found by search, and each tried out before it is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from itertools import product
from typing import Any, TypeAlias

from mtls_tui.engine.generate import generate
from mtls_tui.engine.members import ListError, Lists
from mtls_tui.engine.places import Candidate, Place, candidates, joined, places_of
from mtls_tui.engine.trace import Absent, plain
from mtls_tui.engine.walk import default_of, fields_of
from mtls_tui.lang import ast
from mtls_tui.lang.types import BYTES, Fields

_MAX_WAYS = 48
_MAX_CANDIDATES = 120
_MAX_TRIALS = 6_000
"""Evaluations of single clauses in one search."""

_UNLIKELY = {"http.host": 2, "ip.src": 1}

Goals: TypeAlias = frozenset[tuple[int, bool]]
Assignment: TypeAlias = tuple[tuple[Place, Candidate], ...]


@dataclass(frozen=True, slots=True)
class Edit:
    """One place and its two values."""

    name: str
    key: bytes | None
    before: Candidate
    after: Candidate

    def describe(self) -> str:
        """`cf.tls_client_auth.cert_verified: false → true`."""
        where = self.name if self.key is None else f'{self.name}["{self.key.decode("utf-8", "backslashreplace")}"]'
        return f"{where}: {_shown(self.before)} → {_shown(self.after)}"


@dataclass(frozen=True, slots=True)
class Change:
    """Edits that together flip the verdict to `verdict`; none can be spared. `fields` is the changed request."""

    edits: tuple[Edit, ...]
    verdict: bool
    fields: Fields

    def describe(self) -> str:
        """All edits in one line."""
        return " and ".join(edit.describe() for edit in self.edits)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "verdict": self.verdict,
            "edits": [
                {
                    "field": edit.name,
                    "key": plain(edit.key),
                    "before": plain(edit.before),
                    "after": plain(edit.after),
                    "removed": edit.after is Absent.MISSING,
                }
                for edit in self.edits
            ],
        }


def smallest_changes(
    expression: ast.Expression,
    fields: Fields,
    *,
    lists: Lists | None = None,
    unknown: frozenset[str] = frozenset(),
    limit: int = 6,
) -> tuple[Change, ...]:
    """At most `limit` changes, fewest edits first; none when the verdict is unknown or nothing was found.

    Fields that are `unknown` are not changed.
    """
    search = _Search(expression, fields, lists or {}, unknown)
    now = search.truth(expression.root, fields)
    if now is None:
        return ()
    found: dict[frozenset[Place], Change] = {}
    ways = sorted(search.ways(expression.root, not now), key=len)
    for goals in ways:
        for assignment in search.assignments(goals):
            places = frozenset(place for place, _ in assignment)
            if any(known <= places for known in found):
                continue
            changed = _apply(fields, assignment)
            if search.truth(expression.root, changed) is not now and _needs_all(search, expression, assignment, now):
                edits = tuple(Edit(p.name, p.key, _before(p, fields), value) for p, value in assignment)
                found[places] = Change(edits, not now, changed)
        if len(found) >= 2 * limit or search.exhausted:
            break
    return tuple(sorted(found.values(), key=_effort))[:limit]


def _effort(change: Change) -> tuple[int, int]:
    """Fewest edits first; another host or address makes another request rather than a better one."""
    return len(change.edits), sum(_UNLIKELY.get(edit.name, 0) for edit in change.edits)


def _needs_all(search: _Search, expression: ast.Expression, assignment: Assignment, now: bool) -> bool:
    """Whether no edit can be spared."""
    if len(assignment) < 2:
        return True
    for spared in range(len(assignment)):
        rest = assignment[:spared] + assignment[spared + 1 :]
        if search.truth(expression.root, _apply(search.fields, rest)) is not now:
            return False
    return True


def _apply(fields: Fields, assignment: Assignment) -> Fields:
    for place, value in assignment:
        fields = place.put(fields, value)
    return fields


def _before(place: Place, fields: Fields) -> Candidate:
    value = place.read(fields)
    default = default_of(place.name)
    return default if value is Absent.MISSING and place.key is None and default is not None else value


def _shown(value: Candidate) -> str:
    if isinstance(value, Absent):
        return value.value
    shown = plain(value)
    return shown if isinstance(value, IPv4Address | IPv6Address) else json.dumps(shown, ensure_ascii=False)


class _Search:
    """Knows the clauses of one expression, and tries values in their places."""

    def __init__(self, expression: ast.Expression, fields: Fields, lists: Lists, unknown: frozenset[str]) -> None:
        self.fields = fields
        self.lists = lists
        self.unknown = unknown
        self.trials = 0
        self._functions: dict[int, Any] = {}
        self._clauses: dict[int, ast.Expr] = {}
        self._pools: dict[Place, list[Candidate]] = {}
        self._places: dict[int, list[Place]] = {}
        for clause in _clauses(expression.root):
            self._clauses[id(clause)] = clause
            self._functions[id(clause)] = self._function(clause)
            self._places[id(clause)] = [] if isinstance(clause, ast.Always) else places_of(clause)

    def _function(self, clause: ast.Expr) -> Any:
        """The clause as a function, None when it can't be known."""
        if not self.unknown.isdisjoint(fields_of(clause)):
            return None
        try:
            return generate(ast.Expression(clause), self.lists)
        except ListError:
            return None

    @property
    def exhausted(self) -> bool:
        """Whether it has tried enough."""
        return self.trials > _MAX_TRIALS

    def _holds(self, clause: int, fields: Fields) -> bool | None:
        self.trials += 1
        function = self._functions[clause]
        return None if function is None else function(fields)

    def truth(self, node: ast.Expr, fields: Fields) -> bool | None:
        """The verdict of a node, None when it is unknown."""
        match node:
            case ast.Not():
                inner = self.truth(node.item, fields)
                return None if inner is None else not inner
            case ast.Logical():
                truths = [self.truth(item, fields) for item in node.items]
                stops_at = {"and": False, "or": True}.get(node.operator)
                if stops_at is not None and stops_at in truths:
                    return stops_at
                if None in truths:
                    return None
                return truths.count(True) % 2 == 1 if stops_at is None else not stops_at
        return self._holds(id(node), fields)

    def ways(self, node: ast.Expr, target: bool) -> list[Goals]:
        """Sets of clauses to turn so that the node becomes `target`."""
        now = self.truth(node, self.fields)
        if now is target:
            return [frozenset()]
        match node:
            case ast.Not():
                return self.ways(node.item, not target)
            case ast.Logical():
                return self._ways_of_logical(node, target, now)
        return [] if now is None or isinstance(node, ast.Always) else [frozenset({(id(node), target)})]

    def _ways_of_logical(self, node: ast.Logical, target: bool, now: bool | None) -> list[Goals]:
        if node.operator == "xor":
            if now is None:
                return []
            return [way for item in node.items for way in self.ways(item, not self.truth(item, self.fields))]
        if target is (node.operator == "and"):
            each = [self.ways(item, target)[:8] for item in node.items]
            merged: list[Goals] = [frozenset()]
            for options in each:
                merged = sorted((a | b for a, b in product(merged, options)), key=len)[:_MAX_WAYS]
            return merged
        return sorted((way for item in node.items for way in self.ways(item, target)), key=len)[:_MAX_WAYS]

    def assignments(self, goals: Goals) -> Iterator[Assignment]:
        """Values for places that turn these clauses, one for every choice of places."""
        order = [clause for clause in self._clauses if (clause, True) in goals or (clause, False) in goals]
        wanted = dict(goals)
        seen: set[frozenset[Place]] = set()
        for assignment in self._extend(order, wanted, 0, ()):
            places = frozenset(place for place, _ in assignment)
            if places not in seen:
                seen.add(places)
                yield assignment
            if len(seen) >= 4 or self.exhausted:
                return

    def _extend(
        self, order: list[int], wanted: dict[int, bool], done: int, assignment: Assignment
    ) -> Iterator[Assignment]:
        if done == len(order):
            yield assignment
            return
        fields = _apply(self.fields, assignment)
        clause = order[done]
        if self._holds(clause, fields) is wanted[clause]:
            yield from self._extend(order, wanted, done + 1, assignment)
            return
        taken = {place for place, _ in assignment}
        for place in self._places[clause]:
            if place in taken:
                continue
            fitting = 0
            settled = [
                goal
                for goal in order
                if goal in order[: done + 1] or taken.issuperset(set(self._places[goal]) - {place})
            ]
            for value in self._pool(place):
                if self.exhausted:
                    return
                tried = place.put(fields, value)
                if all(self._holds(goal, tried) is wanted[goal] for goal in settled):
                    fitting += 1
                    yield from self._extend(order, wanted, done + 1, (*assignment, (place, value)))
                    if fitting >= 3:
                        break

    def _pool(self, place: Place) -> list[Candidate]:
        """What could stand at a place, from all clauses that look there."""
        pool = self._pools.get(place)
        if pool is None:
            pool = []
            looking = [self._clauses[clause] for clause, places in self._places.items() if place in places]
            for clause in looking:
                pool += candidates(clause, place, self.fields, self.lists)
            if place.type == BYTES and len(looking) > 1:
                pool += joined(looking, self.lists)
            distinct: list[Candidate] = []
            for value in pool:
                if not any(value == other and type(value) is type(other) for other in distinct):
                    distinct.append(value)
                if len(distinct) >= _MAX_CANDIDATES:
                    break
            pool = self._pools[place] = distinct
        return pool


def _clauses(node: ast.Expr) -> Iterator[ast.Expr]:
    match node:
        case ast.Not():
            yield from _clauses(node.item)
        case ast.Logical():
            for item in node.items:
                yield from _clauses(item)
        case _:
            yield node
