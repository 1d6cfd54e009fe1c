"""What a request can have in one of its places: a set of texts or of numbers, and a search for one as wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from mtls_tui.theory import intervals
from mtls_tui.theory.intervals import Intervals
from mtls_tui.theory.languages import SEPARATOR, Algebra, Language

M = TypeVar("M")
V = TypeVar("V")
_FILLING = b"x"
_KEPT = 8
"""Values that are tried again."""


@dataclass
class Subject(Generic[M, V]):
    """One place of a request. `can_be` are all values that it can have; `made` those that a made request is given.

    Proofs stand on the first, requests that are shown have one of the second: a header may come from a strange client
    in a form that no ordinary one sends. `plain` is the value where nothing is asked.
    """

    name: str
    can_be: M
    made: M
    plain: V
    has: Callable[[M, V], bool]
    """Whether a value is in a set."""
    find: Callable[[Sequence[tuple[M, bool]]], V | None]
    """A value in the sets marked True and in none of those marked False. Raises TooLargeError."""
    guesses: Callable[[Sequence[tuple[M, bool]], V | None], Iterable[V]] = lambda _wanted, _near: ()
    """Values that may be as wanted, by how the sets are made; near a value that is as wanted in part."""
    texts: bool = False
    """Whether every value is a text, so that what is no member of a set is one of its complement."""
    usual: Sequence[V] = ()
    """Values that look ordinary, tried before others."""
    recent: list[V] = field(default_factory=list)

    def value(self, within: M, wanted: Sequence[tuple[M, bool]]) -> tuple[V | None, list[tuple[M, bool]]]:
        """A value as wanted, or None and a few of the wishes that no value fulfils together.

        Wishes are looked at only once a value breaks them, so most searches are over few of them.
        """
        base = (within, True)
        for known in (self.plain, *self.recent, *self.usual, *self.guesses(wanted, None)):
            if self.has(within, known) and not self._broken(known, wanted):
                return self._kept(known), []
        held: list[tuple[M, bool]] = []
        batch = 1
        while True:
            found = self.find([base, *held])
            if found is None:
                return None, self._core(base, held)
            broken = self._broken(found, wanted)
            if not broken:
                return self._kept(found), []
            for guess in self.guesses(wanted, found):
                if self.has(within, guess) and not self._broken(guess, wanted):
                    return self._kept(guess), []
            held += sorted(broken, key=_far)[:batch]
            batch *= 2

    def _kept(self, value: V) -> V:
        if value != self.plain and value not in self.recent:
            self.recent = [value, *self.recent[: _KEPT - 1]]
        return value

    def _broken(self, value: V, wanted: Sequence[tuple[M, bool]]) -> list[tuple[M, bool]]:
        return [(members, truth) for members, truth in wanted if self.has(members, value) is not truth]

    def _core(self, base: tuple[M, bool], held: list[tuple[M, bool]]) -> list[tuple[M, bool]]:
        """Few of some wishes that no value fulfils together (Junker, "QuickXplain", 2004)."""

        def smallest(kept: list[tuple[M, bool]], more: bool, rest: list[tuple[M, bool]]) -> list[tuple[M, bool]]:
            if more and self.find([base, *kept]) is None:
                return []
            if len(rest) == 1:
                return rest
            first, second = rest[: len(rest) // 2], rest[len(rest) // 2 :]
            late = smallest([*kept, *first], True, second)
            early = smallest([*kept, *late], bool(late), first)
            return [*early, *late]

        if self.find([base]) is None:
            return []
        return smallest([], False, held)


def _far(wish: tuple[object, bool]) -> bool:
    """Whether a wish asks for long texts: to be looked at last."""
    members, truth = wish
    return truth and isinstance(members, Language) and members.parts[:1] == ("lengths",)


def text_subject(
    algebra: Algebra, name: str, can_be: Language, made: Language, plain: tuple[int, ...]
) -> Subject[Language, tuple[int, ...]]:
    """A place that holds a text, a list of texts, or nothing."""

    def find(wanted: Sequence[tuple[Language, bool]]) -> tuple[int, ...] | None:
        return algebra.shortest(
            algebra.both([members if truth else algebra.other_than(members) for members, truth in wanted])
        )

    def guesses(
        wanted: Sequence[tuple[Language, bool]], near: tuple[int, ...] | None
    ) -> Iterator[tuple[int, ...]]:  # fmt: skip
        sets = [members for members, truth in wanted if truth]
        if near is not None:  # longer, where it is only too short
            least = max((members.parts[1] for members in sets if members.parts[:1] == ("lengths",)), default=0)
            if len(near) < least:
                yield (*near, *_FILLING * (least - len(near)))
                yield (*_FILLING * (least - len(near)), *near)
            return
        samples = [word for members in sets if (word := algebra.sample(members)) is not None]
        if len(samples) > 1:
            samples.append(tuple(symbol for word in samples for symbol in word))
        for word in samples:  # alone, behind the plain value, as its query, as the one item of a list
            yield word
            yield (*plain, *word)
            yield (*plain[:-1], *word)
            yield (*plain, *b"?", *word)
            yield (*word, SEPARATOR)

    return Subject(name, can_be, made, plain, algebra.has, find, guesses=guesses)


def number_subject(
    name: str, can_be: Intervals, made: Intervals, plain: int, *, addresses: bool = False
) -> Subject[Intervals, int]:
    """A place that holds a number, or an address."""

    def find(wanted: Sequence[tuple[Intervals, bool]]) -> int | None:
        left = wanted[0][0]
        for members, truth in wanted[1:]:
            left = (intervals.common if truth else intervals.without)(left, members)
            if not left:
                return None
        first, last = left[0]
        # of addresses one that a host of the network could have
        return first + 1 if addresses and last > first + 1 else first

    return Subject(name, can_be, made, plain, intervals.has, find)
