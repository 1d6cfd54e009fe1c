"""Regular expressions as deterministic automata over bytes: whether a text holds a match, one look-up a byte.

States stand for sets of nodes of the `nfa` and for what the last byte was, as far as the pattern asks for it. Bytes
that no state tells apart share a class. The automaton that comes out is minimal, unless that took too long to find.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from mtls_tui.engine.lua.nfa import Nfa, TooLargeError, automaton, mask_of
from mtls_tui.lang.regex.sets import ASCII_CLASSES

MAX_STATES = 1_000
"""States of an automaton before it is made minimal."""
MAX_CELLS = 50_000
"""States times classes: what a table holds. Each thread of Envoy has its own."""
MAX_WORK = 1_000_000
"""Nodes that are looked at while states are found, and steps while equal states are: less than a second each."""
DEAD, MATCHED = -2, -1
"""In place of states: no match is possible any more; a match was found."""
_ALL = (1 << 256) - 1
_NEWLINE = 1 << 10
_WORD = mask_of(ASCII_CLASSES["word"])


@dataclass(frozen=True, slots=True)
class Dfa:
    """`classes[byte]` is the class of a byte; `steps[state][class]` the next state, `DEAD` or `MATCHED`.

    The last class is the end of the text, where every step is `DEAD` or `MATCHED`. The first state is 0.
    """

    classes: tuple[int, ...]
    steps: tuple[tuple[int, ...], ...]

    def search(self, text: bytes) -> bool:
        """Whether a text holds a match."""
        state = 0
        for byte in text:
            state = self.steps[state][self.classes[byte]]
            if state < 0:
                return state == MATCHED
        return self.steps[state][-1] == MATCHED


@lru_cache(maxsize=1024)
def automaton_of(pattern: bytes) -> Dfa:
    """The automaton of a pattern that `lang.regex.compile_pattern` accepts. Raises `TooLargeError`."""
    found = _minimal(_Search(automaton(pattern)).run())
    if len(found.steps) * len(found.steps[0]) > MAX_CELLS:
        raise TooLargeError(f"the table of the regular expression would have more than {MAX_CELLS} cells")
    return found


# --- states -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Before:
    """What stands before a place, as far as the pattern asks."""

    begin: bool = False
    newline: bool = False
    word: bool = False


@dataclass(frozen=True, slots=True)
class _After:
    """What stands after a place."""

    end: bool = False
    newline: bool = False
    word: bool = False


class _Search:
    """The states of a search for a match that may begin anywhere."""

    def __init__(self, nfa: Nfa) -> None:
        self.nfa = nfa
        places = {place for steps in nfa.empty for place, _ in steps}
        self._begins = bool(places & {"begin", "line begin"})
        self._lines = "line begin" in places
        self._words = bool(places & {"boundary", "no boundary"})
        masks = {move[0] for move in nfa.moves if move is not None}
        if places & {"line begin", "line end"}:
            masks.add(_NEWLINE)
        if self._words:
            masks.add(_WORD)
        self.classes = _classes(masks)
        self._members = {mask: [number for number, one in enumerate(self.classes) if one & mask] for mask in masks}
        self._kinds: dict[_After, list[int]] = {}
        for number, one in enumerate(self.classes):
            after = _After(
                newline="line end" in places and bool(one & _NEWLINE), word=self._words and bool(one & _WORD)
            )
            self._kinds.setdefault(after, []).append(number)
        self._kinds[_After(end=True)] = [len(self.classes)]
        self._work = 0

    def run(self) -> Dfa:
        first = (frozenset((self.nfa.start,)), _Before(begin=self._begins))
        numbers = {first: 0}
        order = [first]
        steps: list[tuple[int, ...]] = []
        while len(steps) < len(order):
            row = []
            for target in self._steps(*order[len(steps)]):
                if isinstance(target, int):
                    row.append(target)
                    continue
                number = numbers.get(target)
                if number is None:
                    if len(order) >= MAX_STATES:
                        raise TooLargeError(f"the regular expression takes more than {MAX_STATES} states")
                    number = numbers[target] = len(order)
                    order.append(target)
                row.append(number)
            steps.append(tuple(row))
        classes = [0] * 256
        for number, mask in enumerate(self.classes):
            for byte in range(256):
                if mask >> byte & 1:
                    classes[byte] = number
        return Dfa(tuple(classes), tuple(steps))

    def _steps(self, nodes: frozenset[int], before: _Before) -> list[int | tuple[frozenset[int], _Before]]:
        """Where each class leads, the end of the text last."""
        found: list[int | tuple[frozenset[int], _Before]] = [DEAD] * (len(self.classes) + 1)
        for after, classes in self._kinds.items():
            closed = self._closed(nodes, before, after)
            if self.nfa.accept in closed:
                for number in classes:
                    found[number] = MATCHED
            elif not after.end:
                wanted = set(classes)
                targets: dict[int, set[int]] = {number: {self.nfa.start} for number in classes}
                for node in closed:
                    move = self.nfa.moves[node]
                    if move is not None:
                        for number in self._members[move[0]]:
                            if number in wanted:
                                targets[number].add(move[1])
                for number, target in targets.items():
                    found[number] = (frozenset(target), self._passed(number))
        return found

    def _passed(self, number: int) -> _Before:
        mask = self.classes[number]
        return _Before(newline=self._lines and bool(mask & _NEWLINE), word=self._words and bool(mask & _WORD))

    def _closed(self, nodes: frozenset[int], before: _Before, after: _After) -> set[int]:
        """The nodes and all that empty steps lead to at this place."""
        found = set(nodes)
        todo = list(nodes)
        while todo:
            node = todo.pop()
            for place, target in self.nfa.empty[node]:
                if target not in found and (not place or _is_at(place, before, after)):
                    found.add(target)
                    todo.append(target)
        self._work += len(found)
        if self._work > MAX_WORK:
            raise TooLargeError("the regular expression takes too long to be turned into an automaton")
        return found


def _is_at(place: str, before: _Before, after: _After) -> bool:
    match place:
        case "begin":
            return before.begin
        case "line begin":
            return before.begin or before.newline
        case "end":
            return after.end
        case "line end":
            return after.end or after.newline
        case "boundary":
            return before.word != after.word
    return before.word == after.word


def _classes(masks: Iterable[int]) -> list[int]:
    """The coarsest partition of all bytes in which every mask is a union of classes."""
    classes = [_ALL]
    for mask in masks:
        parts = []
        for one in classes:
            inside, outside = one & mask, one & ~mask
            parts += [part for part in (inside, outside) if part]
        classes = parts
    return classes


# --- the smallest automaton -------------------------------------------------------------------------------------------


def _minimal(dfa: Dfa) -> Dfa:
    """The same with as few states and classes as can be (Moore's refinement); as it is when that takes too long."""
    live = _live(dfa.steps)
    steps = [tuple(target if target in live or target == MATCHED else DEAD for target in row) for row in dfa.steps]
    block = [0] * len(steps)
    count = 1
    work = len(steps) * len(steps[0])
    for rounds in itertools.count(1):
        if rounds * work > MAX_WORK:
            block = list(range(len(steps)))
            break
        seen: dict[tuple[int, ...], int] = {}
        refined = [
            seen.setdefault((block[state], *(block[target] if target >= 0 else target for target in row)), len(seen))
            for state, row in enumerate(steps)
        ]
        block = refined
        if len(seen) == count:
            break
        count = len(seen)
    # States in the order of their first member, so that the first stays the first.
    rows: list[tuple[int, ...]] = []
    for state, row in enumerate(steps):
        if block[state] == len(rows):
            rows.append(tuple(block[target] if target >= 0 else target for target in row))
    columns: dict[tuple[int, ...], int] = {}
    merged = [columns.setdefault(column, len(columns)) for column in list(zip(*rows, strict=True))[:-1]]
    ends = tuple(row[-1] for row in rows)
    return Dfa(tuple(merged[number] for number in dfa.classes), tuple(zip(*columns, ends, strict=True)))


def _live(steps: tuple[tuple[int, ...], ...]) -> set[int]:
    """The states from which a match can still be found."""
    sources: dict[int, set[int]] = {}
    for state, row in enumerate(steps):
        for target in row:
            sources.setdefault(target, set()).add(state)
    found: set[int] = set()
    todo = [MATCHED]
    while todo:
        for state in sources.get(todo.pop(), ()):
            if state not in found:
                found.add(state)
                todo.append(state)
    return found
