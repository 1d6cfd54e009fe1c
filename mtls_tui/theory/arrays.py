"""Arrays of a request: the items of one text, such as the arguments of a query or the lines of a header."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from mtls_tui.theory.circuits import FALSE, TRUE, Circuit, Literal
from mtls_tui.theory.errors import OpaqueError
from mtls_tui.theory.languages import BYTES, SEPARATOR, Algebra, Language, symbols_of
from mtls_tui.theory.transducers import Followed, Joined

MAX_COUNT = 100
"""Elements of an array up to which they are counted."""
COOKIE_NAME = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
"""The octets of names of cookies that are described."""
Text: TypeAlias = Callable[[Language], Literal]
"""Whether the text that holds the items is in a set."""


class ArrayPlace:
    """An array whose items stand in one text, each with what ends it, among other pieces."""

    def __init__(
        self,
        circuit: Circuit,
        algebra: Algebra,
        item: Callable[[Language], Language],
        other: Language,
        piece: Language,
        literal: Callable[[Language], Literal],
        *,
        optional: bool = True,
        listed: bool = False,
    ) -> None:
        self.circuit = circuit
        self.algebra = algebra
        self.item = item
        """The pieces that are an item with a value among some."""
        self.others = self.algebra.star(other)
        """The pieces that are not."""
        self.rest = self.algebra.star(piece)
        self.literal = literal
        self.optional = optional
        """Whether the array is missing where it has no item."""
        self.listed = listed
        """Whether the text is the list itself."""

    def some(self, items: Language) -> Literal:
        """Some element is among these."""
        found = self.item(items)
        return FALSE if found is self.algebra.nothing else self.literal(self.algebra.then(self.rest, found, self.rest))

    def _after(self, count: int, *tail: Language) -> Language:
        piece = (self.others, self.item(self.algebra.texts))
        return self.algebra.then(*(piece * count), *tail)

    def element(self, place: int, items: Language, missing: bool) -> Literal:
        """The element at a place is among these; with `missing`, or there is none."""
        if place > MAX_COUNT:
            raise OpaqueError("a far element of an array")
        there = self.literal(self._after(place, self.others, self.item(items), self.rest))
        return self.circuit.some((there, -self.count(place + 1, None) if missing else FALSE))

    def count(self, least: int, most: int | None) -> Literal:
        """So many elements."""
        if max(least, most or 0) > MAX_COUNT:
            raise OpaqueError("many elements of an array")
        low = self.literal(self._after(least, self.rest)) if least > 0 else TRUE
        high = -self.literal(self._after(most + 1, self.rest)) if most is not None else TRUE
        return self.circuit.every((low, high))

    def counted(self, least: int, most: int) -> Literal:
        """`len` is between these."""
        last = None if most > 1 << 60 else most
        return self.count(max(least, 1) if self.optional else least, last)

    @property
    def missing(self) -> Literal:
        """Whether there is no such array."""
        return -self.count(1, None) if self.optional else FALSE

    def joined(self, join: Joined, members: Language, missing: bool) -> Literal:
        """The items joined are in a set."""
        if not self.listed:
            raise OpaqueError("`join`")
        there = self.literal(self.algebra.before_image(join, members))
        gone = self.missing
        return self.circuit.some((self.circuit.every((there, -gone)), gone if missing else FALSE))


def no_array(circuit: Circuit, algebra: Algebra) -> ArrayPlace:
    """One that no request has."""
    nothing = algebra.nothing
    return ArrayPlace(
        circuit, algebra, lambda _items: nothing, nothing, nothing, lambda lists: TRUE if lists.nullable else FALSE
    )


def header_values(circuit: Circuit, algebra: Algebra, text: Text) -> ArrayPlace:
    """The values of one header, each with a separator behind it."""
    end = algebra.one_of(1 << SEPARATOR)
    return ArrayPlace(
        circuit, algebra, lambda items: algebra.then(algebra.both((items, algebra.texts)), end), algebra.nothing,
        algebra.then(algebra.texts, end), text, listed=True,
    )  # fmt: skip


def arguments(circuit: Circuit, algebra: Algebra, kind: str, key: bytes | None, text: Text) -> ArrayPlace | None:
    """Pairs between `&` (`engine.fields.split_pairs`): the values of a key, or all "names" or "values" as `kind`."""
    part = algebra.star(algebra.one_of(BYTES & ~symbols_of(b"&")))
    names = algebra.star(algebra.one_of(BYTES & ~symbols_of(b"&=")))
    equals, end = algebra.word(b"="), algebra.word(b"&")

    def literal(lists: Language) -> Literal:
        return text(algebra.before_image(Followed(b"&"), lists))

    def pair(wanted: Language, values: Language) -> Language:
        found = algebra.then(wanted, equals, algebra.both((values, part)))
        if values.nullable:
            found = algebra.either((found, algebra.both((wanted, algebra.lengths(1)))))
        return algebra.then(found, end)

    def named(items: Language) -> Language:
        return pair(algebra.both((items, names)), algebra.texts)

    def valued(items: Language) -> Language:
        return pair(names, items)

    piece = algebra.then(part, end)
    if (kind == "") is not (key is not None):
        return None
    if key is None:
        item = named if kind == "names" else valued
        return ArrayPlace(circuit, algebra, item, end, piece, literal, optional=False)
    if b"&" in key or b"=" in key:
        return no_array(circuit, algebra)
    wanted = algebra.word(key)
    other = algebra.both((piece, algebra.other_than(pair(wanted, algebra.texts))))
    return ArrayPlace(circuit, algebra, lambda items: pair(wanted, items), other, piece, literal)


def cookies(circuit: Circuit, algebra: Algebra, key: bytes, text: Text) -> ArrayPlace | None:
    """Pairs between `;`, blanks around them left out (`engine.fields.RequestView.cookies`)."""
    if not key or not frozenset(key) <= COOKIE_NAME:
        return None
    blanks = algebra.star(algebra.one_of(symbols_of(b" \t")))
    part = algebra.star(algebra.one_of(BYTES & ~symbols_of(b";")))
    trimmed = algebra.other_than(algebra.then(algebra.everything, algebra.one_of(symbols_of(b" \t"))))
    name = algebra.then(*[algebra.words([bytes((byte,)), b"%%%02X" % byte, b"%%%02x" % byte]) for byte in key])
    equals, end = algebra.word(b"="), algebra.word(b";")
    mine = algebra.then(blanks, name, algebra.either((blanks, algebra.then(equals, part))), end)
    piece = algebra.then(part, end)
    other = algebra.both((piece, algebra.other_than(mine)))

    def item(values: Language) -> Language:
        value = algebra.then(equals, algebra.both((values, part, trimmed)))
        if values.nullable:
            value = algebra.either((value, algebra.empty))
        return algebra.then(blanks, name, value, blanks, end)

    def literal(lists: Language) -> Literal:
        return text(algebra.before_image(Followed(b";"), lists))

    return ArrayPlace(circuit, algebra, item, other, piece, literal)
