"""Conditions as circuits of `and` gates over atoms, and the search for an assignment that makes some of them true.

Literals are integers: an atom or gate, negative for its negation. Equal gates are one, so rules that two sets share
cost once and two sets that say the same are one literal. The search learns from conflicts (Marques-Silva and Sakallah,
"GRASP", 1996) and decides only what a wanted gate still needs, so that atoms that don't matter are left open. What
atoms mean together is for the caller to judge: a clause that it gives back is learned as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

Literal: TypeAlias = int
Clause: TypeAlias = "list[Literal]"
TRUE: Literal = 1
FALSE: Literal = -1
MAX_CONFLICTS = 20_000
"""Conflicts that one search learns from."""
_Stack: TypeAlias = "tuple[Literal, Any] | None"


class TooManyConflictsError(Exception):
    """The search passed its bound."""


class Circuit:
    """Makes atoms and gates. `hints` tell what each is in the plainest case; a search tries that first."""

    def __init__(self) -> None:
        self.hints: list[bool] = [False, True]
        self.gates: dict[int, tuple[Literal, ...]] = {}
        """The items of each `and`."""
        self._known: dict[tuple[Literal, ...], Literal] = {}
        self.lemmas: dict[int, list[Clause]] = {}
        """Clauses that hold whatever is asked, each under the first of its atoms."""

    def atom(self, hint: bool = False) -> Literal:
        """A new atom."""
        self.hints.append(hint)
        return len(self.hints) - 1

    def hint(self, literal: Literal) -> bool:
        """What a literal is in the plainest case."""
        return self.hints[literal] if literal > 0 else not self.hints[-literal]

    def every(self, items: Iterable[Literal]) -> Literal:
        """True when all items are."""
        found: dict[Literal, None] = {}
        for item in items:
            if item == FALSE or -item in found:
                return FALSE
            if item != TRUE:
                found[item] = None
        if len(found) < 2:
            return next(iter(found), TRUE)
        key = tuple(sorted(found))
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self.atom(all(map(self.hint, found)))
            self.gates[known] = tuple(found)
        return known

    def some(self, items: Iterable[Literal]) -> Literal:
        """True when any item is."""
        return -self.every([-item for item in items])

    def differ(self, first: Literal, second: Literal) -> Literal:
        """True when one of two is."""
        return self.every((self.some((first, second)), -self.every((first, second))))

    def same(self, first: Literal, second: Literal) -> Literal:
        """True when both or neither are."""
        return -self.differ(first, second)

    def learn(self, clause: Sequence[Literal]) -> None:
        """Keep a clause that always holds."""
        self.lemmas.setdefault(min(map(abs, clause)), []).append(list(clause))


class Search:
    """One search: whether all of some literals can be true together."""

    def __init__(self, circuit: Circuit, roots: Iterable[Literal]) -> None:
        self.circuit = circuit
        self.values: dict[int, int] = {1: 1}
        self.levels: dict[int, int] = {1: 0}
        self.reasons: dict[int, Clause | None] = {1: None}
        self.watches: dict[Literal, list[Clause]] = {}
        self.trail: list[Literal] = []
        self.starts: list[int] = []
        """Where in the trail each level begins."""
        self.stacks: list[tuple[_Stack, _Stack]] = []
        """What was still to be justified at each decision, and the atoms that were in use."""
        self.stack: _Stack = None
        self.used: _Stack = None
        self.at = 0
        self.conflicts = 0
        self.roots = list(dict.fromkeys(roots))
        self.hopeless = False
        self._load()

    def _load(self) -> None:
        seen: set[int] = set()
        pending = [abs(root) for root in self.roots]
        gates = self.circuit.gates
        while pending:
            variable = pending.pop()
            if variable in seen:
                continue
            seen.add(variable)
            items = gates.get(variable)
            if items is None:
                continue
            for item in items:
                self._attach([-variable, item])
                pending.append(abs(item))
            self._attach([variable, *[-item for item in items]])
        for variable in seen & self.circuit.lemmas.keys():
            for clause in self.circuit.lemmas[variable]:
                if all(abs(item) in seen for item in clause):
                    self._add(clause)
        for root in self.roots:
            self._add([root])

    def _attach(self, clause: Clause) -> None:
        for literal in clause[:2]:
            self.watches.setdefault(literal, []).append(clause)

    def _value(self, literal: Literal) -> int:
        """1: true, -1: false, 0: open."""
        value = self.values.get(abs(literal), 0)
        return value if literal > 0 else -value

    def _add(self, clause: Clause) -> None:
        """Take a clause in at the beginning of the search."""
        clause = [item for item in dict.fromkeys(clause) if item != FALSE]
        if TRUE in clause:
            return
        if len(clause) > 1:
            clause.sort(key=lambda item: self._value(item) == -1)
            self._attach(clause)
        if not clause or self._value(clause[0]) == -1:
            self.hopeless = True
        elif (len(clause) == 1 or self._value(clause[1]) == -1) and self._value(clause[0]) == 0:
            self._assign(clause[0], clause if len(clause) > 1 else None)

    def _assign(self, literal: Literal, reason: Clause | None) -> None:
        variable = abs(literal)
        self.values[variable] = 1 if literal > 0 else -1
        self.levels[variable] = len(self.starts)
        self.reasons[variable] = reason
        self.trail.append(literal)

    def _propagate(self) -> Clause | None:
        """Draw every conclusion; a clause that is false then, or None."""
        values, watches = self.values, self.watches
        while self.at < len(self.trail):
            false = -self.trail[self.at]
            self.at += 1
            watching = watches.get(false)
            if not watching:
                continue
            kept: list[Clause] = []
            watches[false] = kept
            for place, clause in enumerate(watching):
                if clause[0] == false:
                    clause[0], clause[1] = clause[1], false
                first = clause[0]
                value = values.get(first, 0) if first > 0 else -values.get(-first, 0)
                if value == 1:
                    kept.append(clause)
                    continue
                for index in range(2, len(clause)):
                    other = clause[index]
                    if (values.get(other, 0) if other > 0 else -values.get(-other, 0)) != -1:
                        clause[1], clause[index] = other, false
                        watches.setdefault(other, []).append(clause)
                        break
                else:
                    kept.append(clause)
                    if value == -1:
                        kept.extend(watching[place + 1 :])
                        return clause
                    self._assign(first, clause)
        return None

    def _back(self, level: int) -> None:
        """Undo the decisions above a level."""
        if len(self.starts) <= level:
            return
        start = self.starts[level]
        for literal in self.trail[start:]:
            del self.values[abs(literal)]
        del self.trail[start:]
        del self.starts[level:]
        self.stack, self.used = self.stacks[level]
        del self.stacks[level:]
        self.at = start

    def _resolve(self, conflict: Clause) -> bool:
        """Learn from a clause that is false; False when there is no way out."""
        self.conflicts += 1
        if self.conflicts > MAX_CONFLICTS:
            raise TooManyConflictsError
        levels = self.levels
        top = max((levels[abs(item)] for item in conflict), default=0)
        if top == 0:
            return False
        self._back(top)
        seen: set[int] = set()
        learned: Clause = []
        count, place, clause = 0, len(self.trail) - 1, conflict
        while True:
            for item in clause:
                variable = abs(item)
                if variable not in seen and levels[variable] > 0:
                    seen.add(variable)
                    if levels[variable] == top:
                        count += 1
                    else:
                        learned.append(item)
            while abs(self.trail[place]) not in seen:
                place -= 1
            pivot = self.trail[place]
            place -= 1
            count -= 1
            if count == 0:
                break
            reason = self.reasons[abs(pivot)]
            assert reason is not None
            clause = [item for item in reason if item != pivot]
        self._back(max((levels[abs(item)] for item in learned), default=0))
        learned.sort(key=lambda item: -levels[abs(item)])
        learned.insert(0, -pivot)
        if len(learned) > 1:
            self._attach(learned)
        self._assign(-pivot, learned if len(learned) > 1 else None)
        return True

    def run(self, judge: Callable[[list[Literal]], Clause | None]) -> list[Literal] | None:
        """Atoms (as literals) that make all roots true and that `judge` has nothing against; None: there are none.

        `judge` gets such atoms and gives back a clause that they break, or None.
        """
        if self.hopeless:
            return None
        for root in reversed(self.roots):
            self.stack = (root, self.stack)
        while True:
            conflict = self._propagate()
            if conflict is None:
                conflict = self._decide()
                if conflict is None:
                    used = self._atoms()
                    conflict = judge(used)
                    if conflict is None:
                        return used
                    conflict = list(conflict)
                    if len(conflict) > 1:
                        conflict.sort(key=lambda item: -self.levels[abs(item)])
                        self._attach(conflict)
                elif not conflict:
                    continue
            if not self._resolve(conflict):
                return None

    def _decide(self) -> Clause | None:
        """Make one decision that a gate needs (an empty clause), or find that all is justified (None)."""
        gates, circuit = self.circuit.gates, self.circuit
        while self.stack is not None:
            literal, rest = self.stack
            items = gates.get(abs(literal))
            if items is None:
                if abs(literal) != TRUE:
                    self.used = (literal, self.used)
                self.stack = rest
                continue
            if literal > 0:
                for item in reversed(items):
                    rest = (item, rest)
                self.stack = rest
                continue
            chosen, hinted = 0, 0
            for item in items:
                value = self._value(item)
                if value == -1:
                    chosen = item
                    break
                if value == 0:
                    if not hinted and not circuit.hint(item):
                        hinted = item
                    if not chosen:
                        chosen = item
            if self._value(chosen) == 0:
                chosen = hinted or chosen
                self.stacks.append((self.stack, self.used))
                self.starts.append(len(self.trail))
                self._assign(-chosen, None)
                return []
            self.stack = (-chosen, rest)
        return None

    def _atoms(self) -> list[Literal]:
        found: dict[Literal, None] = {}
        here = self.used
        while here is not None:
            found[here[0]] = None
            here = here[1]
        return list(found)
