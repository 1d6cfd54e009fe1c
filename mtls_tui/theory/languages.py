"""Sets of texts as regular languages: made from pieces, complemented, intersected, and searched for a shortest member.

Every set is a node that knows its *derivatives*: what may follow after a first symbol (Brzozowski, "Derivatives of
Regular Expressions", 1964). Complement and intersection are nodes as well, so nothing is ever determinised as a whole;
a search visits the few derivatives that it needs. Nodes that are equal by construction are one object.

A text is a sequence of symbols: the 256 bytes and some marks that stand in no text (`SEPARATOR` ends each item of an
array, `MISSING` alone is the value that is not there, `START` and `END` are for anchors of regular expressions).
Sets of symbols are integers with a bit for each symbol.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

Symbols: TypeAlias = int
Word: TypeAlias = "bytes | tuple[int, ...]"
Steps: TypeAlias = "tuple[tuple[Symbols, Language], ...]"

SEPARATOR, MISSING, START, END = 256, 257, 258, 259
BYTES: Symbols = (1 << 256) - 1
EVERY: Symbols = (1 << 260) - 1
MAX_STATES = 20_000
"""Derivatives that one search visits."""
MAX_WORK = 3_000_000
"""Pieces of derivatives that one search puts together: a second or two."""
_PLAIN = b"xabcdefghijklmnopqrstuvwyz0123456789/-._ABCDEFGHIJKLMNOPQRSTUVWXYZ=:,;@+~!$&'()*? %"
"""What a member is made of where it has a choice, best first."""


class TooLargeError(Exception):
    """A search passed its bound: whether there is a member is not known."""


class Language:
    """A set of words. `nullable`: whether the empty word is in it."""

    __slots__ = ("_make", "_steps", "nullable", "number", "parts")

    def __init__(self, number: int, nullable: bool, make: Callable[[], Steps], parts: tuple[Any, ...]) -> None:
        self.number = number
        self.nullable = nullable
        self.parts = parts
        self._make = make
        self._steps: Steps | None = None

    @property
    def steps(self) -> Steps:
        """Disjoint sets of first symbols, each with what may follow; a symbol in none of them begins no member."""
        if self._steps is None:
            self._steps = self._make()
        return self._steps

    def after(self, word: Iterable[int], nothing: Language) -> Language:
        """What may follow a beginning; `nothing` where no member begins so."""
        here = self
        for symbol in word:
            for symbols, following in here.steps:
                if symbols >> symbol & 1:
                    here = following
                    break
            else:
                return nothing
        return here


def symbols_of(members: Iterable[int]) -> Symbols:
    """Symbols as a set."""
    found = 0
    for member in members:
        found |= 1 << member
    return found


def between(first: int, last: int) -> Symbols:
    """The symbols from one to another, both included."""
    return (1 << (last + 1)) - (1 << first)


class Before(tuple[int, ...]):
    """What a transducer writes before the symbol that it reads, which it writes as well."""

    __slots__ = ()


class Transducer:
    """A function from texts to texts that reads symbol by symbol, for inverse images.

    `moves(state)` are (symbols, next state, what is written): a table from symbol to symbol, a fixed word, or `Before`.
    `end(state)` is what is written at the end. Every symbol that a text may have must be among the moves.
    """

    def moves(self, state: Any) -> Sequence[tuple[Symbols, Any, Word | dict[int, int] | None]]:
        """None for what is written: the symbol itself."""
        raise NotImplementedError

    def end(self, state: Any) -> Word:
        """What is written when the text is over."""
        return b""


class Algebra:
    """Makes nodes; those of one algebra go together. Holds every node that it made, so make one for one question."""

    def __init__(self, most_states: int | None = None) -> None:
        self._most_states = MAX_STATES if most_states is None else most_states
        self._nodes: dict[Any, Language] = {}
        self.work = 0
        self.nothing = self._node("nothing", False, tuple)
        self.empty = self._node("empty", True, tuple)
        self.everything = self._node("everything", True, lambda: ((EVERY, self.everything),))
        self.texts = self.star(self.one_of(BYTES))
        """All texts of bytes."""

    def _node(self, key: Any, nullable: bool, make: Callable[[], Steps], parts: tuple[Any, ...] = ()) -> Language:
        found = self._nodes.get(key)
        if found is None:
            found = self._nodes[key] = Language(len(self._nodes), nullable, make, parts)
        return found

    # --- plain sets ---

    def one_of(self, symbols: Symbols) -> Language:
        """The words of one symbol among these."""
        if not symbols:
            return self.nothing
        return self._node(("set", symbols), False, lambda: ((symbols, self.empty),), ("set", symbols))

    def word(self, text: Word) -> Language:
        """One word."""
        if not text:
            return self.empty
        text = tuple(text)
        return self._node(("word", text), False, lambda: ((1 << text[0], self.word(text[1:])),), ("word", text))

    def words(self, texts: Iterable[bytes]) -> Language:
        """Some words."""
        return self._words(tuple(sorted(set(texts))), 0)

    def _words(self, texts: tuple[bytes, ...], depth: int) -> Language:
        """The texts without their first `depth` bytes, which are equal in all."""
        if not texts:
            return self.nothing
        if len(texts) == 1:
            return self.word(texts[0][depth:])

        def make() -> Steps:
            found: dict[int, list[bytes]] = {}
            for text in texts:
                if len(text) > depth:
                    found.setdefault(text[depth], []).append(text)
            return tuple((1 << byte, self._words(tuple(group), depth + 1)) for byte, group in found.items())

        return self._node(("words", texts, depth), len(texts[0]) == depth, make, ("sample", texts[0][depth:]))

    def containing(self, text: bytes, done: int = 0) -> Language:
        """Everything with this somewhere in it."""
        if done == len(text):
            return self.everything
        return self._node(
            ("containing", text, done), False, lambda: self._searched(self.containing, text, done), ("sample", text)
        )  # fmt: skip

    def ending(self, text: bytes, done: int = 0) -> Language:
        """Everything that ends so."""
        if not text:
            return self.everything
        return self._node(
            ("ending", text, done), done == len(text), lambda: self._searched(self.ending, text, done),
            ("sample", text),
        )  # fmt: skip

    def _searched(self, make: Callable[[bytes, int], Language], text: bytes, done: int) -> Steps:
        """One step of the search for a text by its borders (Knuth, Morris, Pratt)."""
        found: dict[int, Symbols] = {}
        rest = EVERY
        borders = _borders(text)
        for byte in set(text):
            at = done if done < len(text) else borders[done]
            while at and text[at] != byte:
                at = borders[at]
            if text[at] == byte:
                found[at + 1] = found.get(at + 1, 0) | 1 << byte
                rest &= ~(1 << byte)
        return (*((symbols, make(text, at)) for at, symbols in found.items()), (rest, make(text, 0)))

    def below(self, text: bytes) -> Language:
        """The texts that sort before this one."""
        if not text:
            return self.nothing
        first = ((between(0, text[0] - 1), self.texts),) if text[0] else ()
        return self._node(("below", text), True, lambda: self._kept((*first, (1 << text[0], self.below(text[1:])))))

    def lengths(self, least: int, most: int | None = None) -> Language:
        """The texts of so many bytes."""
        least = max(least, 0)
        if most is not None and most < least:
            return self.nothing
        if most is None and not least:
            return self.texts

        def make() -> Steps:
            return self._kept(((BYTES, self.lengths(least - 1, None if most is None else most - 1)),))

        return self._node(("lengths", least, most), not least, make, ("lengths", least))

    def _kept(self, steps: Steps) -> Steps:
        return tuple((symbols, node) for symbols, node in steps if node is not self.nothing)

    # --- combinations ---

    def then(self, *pieces: Language) -> Language:
        """One after the other."""
        result = self.empty
        for piece in reversed(pieces):
            result = self._pair(piece, result)
        return result

    def _pair(self, first: Language, second: Language) -> Language:
        if first is self.nothing or second is self.nothing:
            return self.nothing
        if first is self.empty:
            return second
        if second is self.empty:
            return first
        if first is second and first in (self.everything, self.texts):
            return first
        if first.parts and first.parts[0] == "word" and second.parts and second.parts[0] == "word":
            return self.word(first.parts[1] + second.parts[1])
        if first.parts and first.parts[0] == "then":
            return self._pair(first.parts[1], self._pair(first.parts[2], second))

        def make() -> Steps:
            steps = tuple((symbols, self._pair(node, second)) for symbols, node in first.steps)
            return self._merged((steps, second.steps)) if first.nullable else steps

        key = ("then", first, second)
        return self._node(key, first.nullable and second.nullable, make, key)

    def star(self, item: Language) -> Language:
        """Any number of it."""
        if item in (self.nothing, self.empty):
            return self.empty
        return self._node(
            ("star", item), True,
            lambda: tuple((symbols, self._pair(node, self.star(item))) for symbols, node in item.steps),
            ("star", item),
        )  # fmt: skip

    def repeated(self, item: Language, first: int, last: int | None) -> Language:
        """From `first` to `last` times; None for no end."""
        result = self.star(item) if last is None else self.empty
        for _ in range(0 if last is None else last - first):
            result = self.either((self.empty, self._pair(item, result)))
        for _ in range(first):
            result = self._pair(item, result)
        return result

    def either(self, items: Iterable[Language]) -> Language:
        """What is in any of them."""
        found = self._flat(items, "either", self.nothing)
        if self.everything in found or _contradict(found):
            return self.everything
        if len(found) < 2:
            return next(iter(found), self.nothing)
        members = tuple(sorted(found, key=_number))
        return self._node(
            ("either", members), any(item.nullable for item in members),
            lambda: self._merged([item.steps for item in members]), ("either", members),
        )  # fmt: skip

    def both(self, items: Iterable[Language]) -> Language:
        """What is in all of them."""
        found = self._flat(items, "both", self.everything)
        if self.nothing in found or _contradict(found):
            return self.nothing
        if len(found) < 2:
            return next(iter(found), self.everything)
        members = tuple(sorted(found, key=_number))
        return self._node(
            ("both", members), all(item.nullable for item in members), lambda: self._common(members), ("both", members)
        )

    def other_than(self, item: Language) -> Language:
        """What is not in it."""
        if item.parts and item.parts[0] == "not":
            inner: Language = item.parts[1]
            return inner
        if item is self.nothing:
            return self.everything
        if item is self.everything:
            return self.nothing

        def make() -> Steps:
            rest, steps = EVERY, []
            for symbols, node in item.steps:
                rest &= ~symbols
                steps.append((symbols, self.other_than(node)))
            if rest:
                steps.append((rest, self.everything))
            return self._kept(tuple(steps))

        return self._node(("not", item), not item.nullable, make, ("not", item))

    def texts_other_than(self, item: Language) -> Language:
        """The texts that are not in it."""
        return self.both((self.texts, self.other_than(item)))

    def _flat(self, items: Iterable[Language], kind: str, neutral: Language) -> set[Language]:
        found: set[Language] = set()
        for item in items:
            if item.parts and item.parts[0] == kind:
                found.update(item.parts[1])
            elif item is not neutral:
                found.add(item)
        return found

    def _merged(self, parts: Sequence[Steps]) -> Steps:
        """The steps of a union."""
        cells: list[tuple[Symbols, tuple[Language, ...]]] = [(EVERY, ())]
        for steps in parts:
            cells = self._split(cells, steps, keep_rest=True)
        return self._kept(tuple((symbols, self.either(nodes)) for symbols, nodes in cells if nodes))

    def _common(self, members: Sequence[Language]) -> Steps:
        """The steps of an intersection."""
        cells: list[tuple[Symbols, tuple[Language, ...]]] = [(EVERY, ())]
        for member in sorted(members, key=lambda item: len(item.steps)):
            cells = self._split(cells, member.steps, keep_rest=False)
            if not cells:
                return ()
        found: dict[Language, Symbols] = {}
        for symbols, nodes in cells:
            node = self.both(nodes)
            found[node] = found.get(node, 0) | symbols
        return self._kept(tuple((symbols, node) for node, symbols in found.items()))

    def _split(
        self, cells: list[tuple[Symbols, tuple[Language, ...]]], steps: Steps, *, keep_rest: bool
    ) -> list[tuple[Symbols, tuple[Language, ...]]]:
        found = []
        self.work += len(cells)
        for cell, nodes in cells:
            rest = cell
            for symbols, node in steps:
                shared = rest & symbols
                if shared:
                    found.append((shared, (*nodes, node)))
                    rest &= ~symbols
                    if not rest:
                        break
            if rest and keep_rest:
                found.append((rest, nodes))
        return found

    def before_image(self, transducer: Transducer, item: Language, state: Any = None) -> Language:
        """The texts that the function makes a member of."""
        if item is self.nothing:
            return self.nothing

        def make() -> Steps:
            parts: list[tuple[Symbols, Language]] = []
            for symbols, following, written in transducer.moves(state):
                if written is None or isinstance(written, dict | Before):
                    table = written if isinstance(written, dict) else None
                    rest = item.after(written, self.nothing) if isinstance(written, Before) else item
                    for wanted, node in rest.steps:
                        reached = symbols & (wanted if table is None else _reaching(table, wanted))
                        if reached:
                            parts.append((reached, self.before_image(transducer, node, following)))
                else:
                    node = item.after(written, self.nothing)
                    parts.append((symbols, self.before_image(transducer, node, following)))
            found: dict[Language, Symbols] = {}
            for symbols, node in parts:
                found[node] = found.get(node, 0) | symbols
            return self._kept(tuple((symbols, node) for node, symbols in found.items()))

        nullable = item.after(transducer.end(state), self.nothing).nullable
        return self._node(("image", transducer, state, item), nullable, make)

    # --- asking ---

    def has(self, item: Language, word: Iterable[int]) -> bool:
        """Whether a word is in it."""
        return item.after(word, self.nothing).nullable

    def sample(self, item: Language) -> tuple[int, ...] | None:
        """A word that is probably in it, told by how it is made; None: that tells none."""
        match item.parts:
            case ("word", word):
                return tuple(word)
            case ("sample", text):
                return tuple(text)
            case ("set", symbols):
                return (_best(symbols)[1],)
            case ("star", _):
                return ()
            case ("then", first, second):
                one, other = self.sample(first), self.sample(second)
                return None if one is None or other is None else one + other
            case ("either", members):
                return self.sample(members[0])
            case ("both", members):
                return next((word for member in members if (word := self.sample(member)) is not None), None)
        return () if item in (self.everything, self.texts) else None

    def shortest(self, item: Language) -> tuple[int, ...] | None:
        """A shortest member, of plain characters where it has a choice; None: it is empty. Raises TooLargeError."""
        if item is self.nothing:
            return None
        if item.nullable:
            return ()
        origin: dict[Language, tuple[Language, int] | None] = {item: None}
        queue = deque([item])
        limit = self.work + MAX_WORK
        while queue:
            here = queue.popleft()
            for symbol, following in _ordered(here.steps):
                if following in origin:
                    continue
                origin[following] = (here, symbol)
                if following.nullable:
                    return _path(following, origin)
                queue.append(following)
            if len(origin) > self._most_states or self.work > limit:
                raise TooLargeError
        return None


def _ordered(steps: Steps) -> Iterator[tuple[int, Language]]:
    """Each step by its best symbol, those first that look best."""
    best = sorted(((_best(symbols), place) for place, (symbols, _) in enumerate(steps)))
    for (_, symbol), place in best:
        yield symbol, steps[place][1]


@lru_cache(maxsize=4096)
def _best(symbols: Symbols) -> tuple[int, int]:
    """(how little it is liked, symbol) of the symbol that looks best."""
    for rank, byte in enumerate(_PLAIN):
        if symbols >> byte & 1:
            return rank, byte
    symbol = (symbols & -symbols).bit_length() - 1
    return len(_PLAIN) + (symbol >= 256), symbol


def _path(last: Language, origin: dict[Language, tuple[Language, int] | None]) -> tuple[int, ...]:
    found = []
    step = origin[last]
    while step is not None:
        found.append(step[1])
        step = origin[step[0]]
    return tuple(reversed(found))


def _number(item: Language) -> int:
    return item.number


@lru_cache(maxsize=1024)
def _borders(text: bytes) -> tuple[int, ...]:
    """For every length, how long the longest beginning is that the text of this length also ends with."""
    borders = [0, 0]
    for at in range(1, len(text)):
        length = borders[at]
        while length and text[length] != text[at]:
            length = borders[length]
        borders.append(length + (text[length] == text[at]))
    return tuple(borders)


def _reaching(table: dict[int, int], wanted: Symbols) -> Symbols:
    """The symbols that a table sends into a set; those not in the table stay as they are."""
    found = wanted
    for source, target in table.items():
        if wanted >> target & 1:
            found |= 1 << source
        else:
            found &= ~(1 << source)
    return found


def _contradict(items: set[Language]) -> bool:
    """Whether a set and all that is not in it are among them."""
    return any(item.parts and item.parts[0] == "not" and item.parts[1] in items for item in items)
