"""The smallest changes that turn a decision around, on the request's or the certificate's side. Each is tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from mtls_tui.engine.model import TERMINATING, Decision, Rule
from mtls_tui.search.scenario import Knob, Scenario, Turn
from mtls_tui.search.solve import Solver, Turns, merge

MOST: Final = 8
"""Changes that are told."""
MAX_TURNS: Final = 4
MAX_DECISIONS: Final = 400
MAX_RULES: Final = 200
"""Rules that are looked at for a way to be blocked."""
_ORDER: Final = {
    "certificate": 0, "path": 1, "method": 2, "header": 3, "cookie": 3, "argument": 3, "query": 3, "ip": 4, "host": 5,
    "target": 6, "body": 6, "time": 7, "scheme": 7, "http_version": 7, "field": 8,
}  # fmt: skip


@dataclass(frozen=True)
class Turnaround:
    """Turns after which the decision is another; none can be spared. `scenario` is the whole after them."""

    turns: Turns
    decision: Decision
    scenario: Scenario

    @property
    def side(self) -> str:
        """`request`, `certificate` or `both`."""
        sides = {turn.knob.side for turn in self.turns}
        return sides.pop() if len(sides) == 1 else "both"


@dataclass(frozen=True)
class Search:
    """What the search needs to know of a policy."""

    rules: tuple[Rule, ...]
    """The enabled rules, in order."""
    near: tuple[Rule, ...]
    """The same, those first that can match the request's host at all."""
    solver: Solver
    decide: Callable[[Scenario], Decision]
    hosts: tuple[str, ...] = ()
    """Names that the policy serves."""


def turnarounds(search: Search, scenario: Scenario, decision: Decision) -> tuple[Turnaround, ...]:
    """At most `MOST` changes that let a blocked request in, or block an allowed one; fewest turns first."""
    return _Turnarounds(search, scenario, decision).run()


class _Turnarounds:
    def __init__(self, search: Search, scenario: Scenario, decision: Decision) -> None:
        self.search = search
        self.scenario = scenario
        self.block = not decision.blocked
        self.decision = decision
        self.decisions = MAX_DECISIONS

    def run(self) -> tuple[Turnaround, ...]:
        found: list[Turnaround] = []
        seen: set[frozenset[tuple[str, str, str]]] = set()
        for turns in self.ways():
            key = frozenset(turn.key for turn in turns)
            if not turns or key in seen or self.decisions <= 0:
                continue
            seen.add(key)
            change = self.tried(turns)
            if change is not None:
                found.append(change)
        return _best(found)

    def ways(self) -> Iterator[Turns]:
        """Sets of turns to try: those that turn the deciding rule, completed when another rule then decides."""
        queue = sorted(self.first_ways(), key=lambda turns: (len(turns), _rank(turns)))
        rounds = 0
        while queue and rounds < MAX_DECISIONS:
            rounds += 1
            turns = queue.pop(0)
            yield turns
            if len(turns) < MAX_TURNS:
                queue.extend(self.completed(turns))

    def first_ways(self) -> Iterator[Turns]:
        rules, solver = self.search.rules, self.search.solver
        if not self.block:
            deciding = self.decision.rule
            if deciding is None:
                # Refused before any rule was asked: the policy lacks the host, or the path is ambiguous.
                yield from ((Turn(Knob("host"), name),) for name in self.search.hosts[:MOST])
                yield (Turn(Knob("path"), "/"),)
                return
            for rule in rules:
                if rule.ref == deciding.ref:
                    yield from solver.ways(rule.expression.root, False, self.scenario)
                    return
                if rule.action == "skip":
                    yield from solver.ways(rule.expression.root, True, self.scenario)
            return
        skipped = self.decision.skipped_by
        for rule in self.search.near[:MAX_RULES]:
            if rule.action in TERMINATING and not rule.shadow:
                yield from solver.ways(rule.expression.root, True, self.scenario)
            elif skipped is not None and rule.ref == skipped.ref:
                yield from solver.ways(rule.expression.root, False, self.scenario)

    def completed(self, turns: Turns) -> list[Turns]:
        """These turns and what else is needed, when they alone don't turn the decision."""
        self.decisions -= 1
        if self.decisions <= 0:
            return []
        after = self.scenario.turned(turns)
        decision = self.search.decide(after)
        if decision.blocked is self.block:
            return []
        obstacle = decision.skipped_by if self.block else decision.rule
        if obstacle is None:
            return []
        rule = next((rule for rule in self.search.rules if rule.ref == obstacle.ref), None)
        if rule is None:
            return []
        more = (merge(turns, way) for way in self.search.solver.ways(rule.expression.root, False, after, keep=4))
        return [way for way in more if way is not None and len(way) <= MAX_TURNS]

    def tried(self, turns: Turns) -> Turnaround | None:
        """The change, without turns that it doesn't need; None when it doesn't turn the decision."""
        decision = self.decide(turns)
        if decision.blocked is not self.block or (self.block and decision.rule is None):
            return None  # blocked by no rule: a host that the policy lacks, a path that it refuses
        for turn in turns:
            rest = tuple(other for other in turns if other is not turn)
            if rest:
                without = self.decide(rest)
                if without.blocked is self.block:
                    turns, decision = rest, without
        return Turnaround(turns, decision, self.scenario.turned(turns))

    def decide(self, turns: Turns) -> Decision:
        self.decisions -= 1
        return self.search.decide(self.scenario.turned(turns))


def _best(found: list[Turnaround]) -> tuple[Turnaround, ...]:
    """One change for each set of knobs, the smallest sets first, none that contains another."""
    ordered = sorted(found, key=lambda change: (len(change.turns), _rank(change.turns)))
    kept: list[Turnaround] = []
    taken: list[frozenset[Any]] = []
    for change in ordered:
        knobs = frozenset(turn.knob for turn in change.turns)
        if not any(known <= knobs for known in taken):
            taken.append(knobs)
            kept.append(change)
    return tuple(kept[:MOST])


def _rank(turns: tuple[Turn, ...]) -> tuple[int, ...]:
    return tuple(sorted((_ORDER.get(turn.knob.kind, 9) for turn in turns), reverse=True))
