"""What a pattern matches as a language: regular expressions as they are searched for, and wildcards."""

from __future__ import annotations

from mtls_tui.engine.regex import searcher, wildcard_pieces
from mtls_tui.lang.regex import sets
from mtls_tui.lang.regex.meaning import Meaning
from mtls_tui.lang.regex.reader import read_regex
from mtls_tui.lang.regex.sets import Ranges
from mtls_tui.lang.regex.tree import (
    Alternation,
    Assertion,
    Char,
    Class,
    Concat,
    Dot,
    Flags,
    Group,
    Node,
    Perl,
    Property,
    Repeat,
)
from mtls_tui.theory.errors import OpaqueError
from mtls_tui.theory.languages import END, START, Algebra, Language, between
from mtls_tui.theory.transducers import LOWERED, Followed

MAX_COPIES = 2_000
"""Copies of pieces that repetitions of one pattern are written out to."""
MAX_ANCHORS = 20


def searched(algebra: Algebra, pattern: bytes) -> Language:
    """The texts in which a regular expression finds something. Raises OpaqueError."""
    reader = _Reader(algebra)
    found = reader.searched(read_regex(pattern.decode()))
    if reader.anchored and found.nullable is not searcher(pattern)(b""):
        # In the empty text both ends are one place; marks have an order there.
        empty = algebra.empty
        found = algebra.both((found, algebra.other_than(empty))) if found.nullable else algebra.either((found, empty))
    return found


def wildcard(algebra: Algebra, pattern: bytes, *, strict: bool) -> Language:
    """The texts that a wildcard stands for as a whole; ASCII letters in either case unless strict."""
    first, *others = wildcard_pieces(pattern if strict else pattern.lower())
    pieces = [algebra.word(first)]
    for piece in others:
        pieces += [algebra.texts, algebra.word(piece)]
    found = algebra.then(*pieces)
    return found if strict else algebra.before_image(LOWERED, found)


class _Reader(Meaning):
    """Walks a tree.

    An anchor is a mark before or behind the text; several that stand at one place each take a mark, so there are as
    many marks as anchors.
    """

    __slots__ = ("algebra", "anchored", "copies", "ends", "starts")

    def __init__(self, algebra: Algebra) -> None:
        super().__init__()
        self.algebra = algebra
        self.starts = self.ends = 0
        self.copies = 1
        self.anchored = False

    def searched(self, node: Node) -> Language:
        """What is found anywhere in a text; anchors at the ends of the whole are taken off first."""
        match node:
            case Alternation(items=items):
                return self.algebra.either([self.searched(item) for item in items])
            case Group(changes=changes, item=item):
                before = self.mode
                self.set(changes)
                found = self.searched(item)
                self.mode = before
                return found
            case Concat(items=items):
                return self._sequence(list(items))
        return self._sequence([node])

    def _sequence(self, items: list[Node]) -> Language:
        algebra = self.algebra
        while items and isinstance(items[0], Flags):
            self.set(items.pop(0).changes)  # type: ignore[union-attr]
        whole_line = not self.mode.m
        at_start = bool(items) and whole_line and _is_anchor(items[0], "^", "\\A")
        at_end = len(items) > at_start and whole_line and _is_anchor(items[-1], "$", "\\z")
        inner = items[at_start : len(items) - at_end]
        if any(isinstance(item, Flags) and any(letter == "m" for letter, _ in item.changes) for item in inner):
            at_start = at_end = False
            inner = items
        if len(inner) == 1 and not at_start and not at_end and isinstance(inner[0], Group | Alternation):
            return self.searched(inner[0])
        outer = self.starts, self.ends
        self.starts = self.ends = 0
        found = algebra.then(*[self.language(item) for item in inner])
        starts, ends = self.starts, self.ends
        self.starts, self.ends = outer
        if max(starts, ends) > MAX_ANCHORS:
            raise OpaqueError("a regular expression with many anchors")
        before = algebra.everything if starts else algebra.texts
        behind = algebra.everything if ends else algebra.texts
        if starts or ends:
            self.anchored = True
            # With anchors taken off, the rest must begin (end) where the text does: no mark may stand before it.
            found = algebra.then(
                algebra.star(algebra.one_of(1 << START)) if at_start else before, found,
                algebra.star(algebra.one_of(1 << END)) if at_end else behind,
            )  # fmt: skip
            found = found.after((START,) * starts, algebra.nothing)
            return algebra.before_image(Followed((END,) * ends), found)
        return algebra.then(algebra.empty if at_start else before, found, algebra.empty if at_end else behind)

    def language(self, node: Node) -> Language:
        """What a piece matches, anchors as marks."""
        algebra = self.algebra
        match node:
            case Char():
                spelt = self.char(node)
                return algebra.word(spelt) if isinstance(spelt, bytes) else self._members_of(spelt)
            case Dot():
                return self._members_of(self.dot())
            case Assertion(name=name):
                return self._anchor(name)
            case Perl() | Property() | Class():
                return self._members_of(self.members(node))
            case Flags(changes=changes):
                self.set(changes)
                return algebra.empty
            case Repeat():
                return self._repetition(node)
            case Group(changes=changes, item=item):
                before = self.mode
                self.set(changes)
                found = self.language(item)
                self.mode = before
                return found
            case Concat(items=items):
                return algebra.then(*[self.language(item) for item in items])
            case Alternation(items=items):
                return algebra.either([self.language(item) for item in items])

    def _members_of(self, ranges: Ranges) -> Language:
        if self.of_bytes(ranges):
            return self._bytes(ranges)
        sequences = [[self._bytes((step,)) for step in steps] for steps in sets.utf8_sequences(ranges)]
        return self.algebra.either([self.algebra.then(*steps) for steps in sequences])

    def _bytes(self, ranges: Ranges) -> Language:
        symbols = 0
        for first, last in ranges:
            symbols |= between(first, last)
        return self.algebra.one_of(symbols)

    def _anchor(self, name: str) -> Language:
        if name in ("^", "$") and self.mode.m:
            raise OpaqueError("a regular expression with anchors of lines")
        if name in ("^", "\\A"):
            self.starts += 1
            return self.algebra.word((START,))
        if name in ("$", "\\z"):
            self.ends += 1
            return self.algebra.word((END,))
        raise OpaqueError("a regular expression with word boundaries")

    def _repetition(self, node: Repeat) -> Language:
        starts, ends = self.starts, self.ends
        item = self.language(node.item)
        most = node.first if node.last is None else node.last
        self.copies += most
        if self.copies * max(1, most) > MAX_COPIES and most > 1:
            raise OpaqueError("a regular expression with large repetitions")
        self.starts += (self.starts - starts) * max(0, node.first - 1)
        self.ends += (self.ends - ends) * max(0, node.first - 1)
        return self.algebra.repeated(item, node.first, node.last)


def _is_anchor(node: Node, *names: str) -> bool:
    return isinstance(node, Assertion) and node.name in names
