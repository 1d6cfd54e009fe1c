"""The pieces of a regular expression as a tree. `depth` is how deep a piece is nested, as the original counts it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn, TypeAlias


class PatternError(ValueError):
    """An invalid pattern, in the original's words."""


@dataclass(slots=True)
class _Piece:
    depth: int = field(default=0, kw_only=True)


@dataclass(slots=True)
class Char(_Piece):
    """One character; `byte` when it was written as `\\xHH` and so may be a byte that is not a character."""

    value: str
    byte: int | None = None


@dataclass(slots=True)
class Dot(_Piece):
    """`.`."""


@dataclass(slots=True)
class Assertion(_Piece):
    """An anchor or a word boundary, by one spelling (`^`, `$`, `\\A`, `\\z`, `\\b`, `\\B`, `\\b{start}`, …)."""

    name: str


@dataclass(slots=True)
class Perl(_Piece):
    """`\\d`, `\\s`, `\\w` and their negations: `kind` is the small letter."""

    kind: str
    negated: bool


@dataclass(slots=True)
class Property(_Piece):
    """`\\p{name}` or `\\P{name}`."""

    name: str
    negated: bool


@dataclass(slots=True)
class Named(_Piece):
    """`[:name:]` inside a class."""

    name: str
    negated: bool


@dataclass(slots=True)
class CharRange(_Piece):
    """`a-z` inside a class."""

    first: Char
    last: Char


@dataclass(slots=True)
class Class(_Piece):
    """`[...]`."""

    negated: bool
    content: ClassItem


@dataclass(slots=True)
class Union(_Piece):
    """What stands side by side in a class."""

    items: list[ClassItem]


@dataclass(slots=True)
class Operation(_Piece):
    """`&&`, `--` or `~~` inside a class."""

    operator: str
    left: ClassItem
    right: ClassItem


@dataclass(slots=True)
class Flags(_Piece):
    """`(?i-s)`: letters set and cleared from here to the end of the group."""

    changes: list[tuple[str, bool]]


@dataclass(slots=True)
class Repeat(_Piece):
    """A repetition; `last` is None for no end."""

    item: Node
    first: int
    last: int | None
    greedy: bool


@dataclass(slots=True)
class Group(_Piece):
    """A group; `changes` are the flags of `(?i:...)`."""

    item: Node
    captures: bool
    changes: list[tuple[str, bool]]


@dataclass(slots=True)
class Concat(_Piece):
    """Pieces one after the other; none matches the empty text."""

    items: list[Node]


@dataclass(slots=True)
class Alternation(_Piece):
    """Alternatives, the first that fits first."""

    items: list[Node]


ClassItem: TypeAlias = Char | CharRange | Perl | Property | Named | Class | Union | Operation
Node: TypeAlias = Char | Dot | Assertion | Perl | Property | Class | Flags | Repeat | Group | Concat | Alternation


def fail(reason: str) -> NoReturn:
    """Stop with the library's words."""
    raise PatternError(f"error: {reason}")
