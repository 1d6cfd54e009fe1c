"""From the tree of a regular expression to an automaton over bytes with empty steps (Thompson's construction)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from mtls_tui.lang.regex import read_regex, sets, tree
from mtls_tui.lang.regex.meaning import Meaning
from mtls_tui.lang.regex.sets import Ranges
from mtls_tui.lang.regex.tree import Node

MAX_NODES = 20_000
"""Nodes of an automaton: counted repetitions are written out."""
Place: TypeAlias = Literal["", "begin", "end", "line begin", "line end", "boundary", "no boundary"]


class TooLargeError(ValueError):
    """A pattern whose automaton would be too large; the text says what of it."""


@dataclass(slots=True)
class Nfa:
    """Nodes by number. `accept` is the node of a match, `start` where an attempt begins.

    `moves[n]` is the set of bytes (a mask of 256 bits) that leads on, and where to; `empty[n]` are steps without a
    byte, each with the place where alone it may be made.
    """

    moves: list[tuple[int, int] | None] = field(default_factory=lambda: [None])
    empty: list[list[tuple[Place, int]]] = field(default_factory=lambda: [[]])
    start: int = 0
    accept: int = 0

    def node(self) -> int:
        """A new node. Raises `TooLargeError`."""
        if len(self.moves) >= MAX_NODES:
            raise TooLargeError(f"the regular expression has more than {MAX_NODES} steps")
        self.moves.append(None)
        self.empty.append([])
        return len(self.moves) - 1


def automaton(pattern: bytes) -> Nfa:
    """The automaton of a pattern that `lang.regex.compile_pattern` accepts. Raises `TooLargeError`."""
    builder = _Builder()
    builder.nfa.start = builder.build(_Resolver().part(read_regex(pattern.decode())), builder.nfa.accept)
    return builder.nfa


# --- the tree without flags -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Bytes:
    """One byte of a set."""

    mask: int


@dataclass(frozen=True, slots=True)
class _At:
    place: Place


@dataclass(frozen=True, slots=True)
class _Sequence:
    parts: tuple[_Part, ...]


@dataclass(frozen=True, slots=True)
class _Choice:
    parts: tuple[_Part, ...]


@dataclass(frozen=True, slots=True)
class _Times:
    part: _Part
    first: int
    last: int | None


_Part: TypeAlias = _Bytes | _At | _Sequence | _Choice | _Times


def mask_of(ranges: Ranges) -> int:
    """A set of bytes as a mask."""
    mask = 0
    for first, last in ranges:
        mask |= (1 << (last + 1)) - (1 << first)
    return mask


class _Resolver(Meaning):
    """Reads the flags off a tree, from left to right, as they apply."""

    __slots__ = ()

    def part(self, node: Node) -> _Part:
        match node:
            case tree.Char():
                found = self.char(node)
                if isinstance(found, bytes):
                    return _Sequence(tuple(_Bytes(1 << byte) for byte in found))
                return self._any_of(found)
            case tree.Dot():
                return self._any_of(self.dot())
            case tree.Perl() | tree.Property() | tree.Class():
                return self._any_of(self.members(node))
            case tree.Assertion(name=name):
                return _At(self._place(name))
            case tree.Flags(changes=changes):
                self.set(changes)
                return _Sequence(())
            case tree.Repeat(item=item, first=first, last=last):
                return _Times(self.part(item), first, last)
            case tree.Group():
                before = self.mode
                self.set(node.changes)
                inner = self.part(node.item)
                self.mode = before
                return inner
            case tree.Concat(items=items):
                return _Sequence(tuple(self.part(item) for item in items))
            case tree.Alternation(items=items):
                return _Choice(tuple(self.part(item) for item in items))

    def _any_of(self, members: Ranges) -> _Part:
        if self.of_bytes(members):
            return _Bytes(mask_of(members))
        spelled = [tuple(_Bytes(mask_of((step,))) for step in steps) for steps in sets.utf8_sequences(members)]
        return _Choice(tuple(_Sequence(steps) for steps in spelled))

    def _place(self, name: str) -> Place:
        if name in ("\\b", "\\B"):
            return "boundary" if name == "\\b" else "no boundary"
        if name in ("^", "\\A"):
            return "line begin" if name == "^" and self.mode.m else "begin"
        return "line end" if name == "$" and self.mode.m else "end"


# --- nodes ------------------------------------------------------------------------------------------------------------


class _Builder:
    """Builds from the end to the beginning, so that steps on the same bytes to the same node are one."""

    def __init__(self) -> None:
        self.nfa = Nfa()
        self._known: dict[tuple[int, int], int] = {}

    def build(self, part: _Part, then: int) -> int:
        """The node from which a part leads to `then`."""
        match part:
            case _Bytes(mask=mask):
                known = self._known.get((mask, then))
                if known is None:
                    known = self._known[mask, then] = self.nfa.node()
                    self.nfa.moves[known] = (mask, then)
                return known
            case _At(place=place):
                return self._empty((place, then))
            case _Sequence(parts=parts):
                for item in reversed(parts):
                    then = self.build(item, then)
                return then
            case _Choice(parts=parts):
                return self._empty(*dict.fromkeys(("", self.build(item, then)) for item in parts))
            case _Times(part=item, first=first, last=last):
                return self._times(item, first, last, then)

    def _empty(self, *steps: tuple[Place, int]) -> int:
        node = self.nfa.node()
        self.nfa.empty[node] = list(steps)
        return node

    def _times(self, item: _Part, first: int, last: int | None, then: int) -> int:
        if last is None:
            loop = self._empty()
            self.nfa.empty[loop] = [("", self.build(item, loop)), ("", then)]
            then = loop
        else:
            end = then
            for _ in range(last - first):
                then = self._empty(("", self.build(item, then)), ("", end))
        for _ in range(first):
            then = self.build(item, then)
        return then
