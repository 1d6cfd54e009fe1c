"""The pieces of a regular expression as a tree. `depth` is how deep a piece is nested, as the original counts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn, TypeAlias


class PatternError(ValueError):
    """An invalid pattern, in the original's words."""


@dataclass(slots=True)
class Char:
    """One character; `byte` when it was written as `\\xHH` and so may be a byte that is not a character."""

    value: str
    byte: int | None = None
    depth: int = 0


@dataclass(slots=True)
class Dot:
    """`.`."""

    depth: int = 0


@dataclass(slots=True)
class Assertion:
    """An anchor or a word boundary, by one spelling (`^`, `$`, `\\A`, `\\z`, `\\b`, `\\B`, `\\b{start}`, …)."""

    name: str
    depth: int = 0


@dataclass(slots=True)
class Perl:
    """`\\d`, `\\s`, `\\w` and their negations: `kind` is the small letter."""

    kind: str
    negated: bool
    depth: int = 0


@dataclass(slots=True)
class Property:
    """`\\p{name}` or `\\P{name}`."""

    name: str
    negated: bool
    depth: int = 0


@dataclass(slots=True)
class Named:
    """`[:name:]` inside a class."""

    name: str
    negated: bool
    depth: int = 0


@dataclass(slots=True)
class CharRange:
    """`a-z` inside a class."""

    first: Char
    last: Char
    depth: int = 0


@dataclass(slots=True)
class Class:
    """`[...]`."""

    negated: bool
    content: ClassItem
    depth: int = 0


@dataclass(slots=True)
class Union:
    """What stands side by side in a class."""

    items: list[ClassItem]
    depth: int = 0


@dataclass(slots=True)
class Operation:
    """`&&`, `--` or `~~` inside a class."""

    operator: str
    left: ClassItem
    right: ClassItem
    depth: int = 0


@dataclass(slots=True)
class Flags:
    """`(?i-s)`: letters set and cleared from here to the end of the group."""

    changes: list[tuple[str, bool]]
    depth: int = 0


@dataclass(slots=True)
class Repeat:
    """A repetition; `last` is None for no end."""

    item: Node
    first: int
    last: int | None
    greedy: bool
    depth: int = 0


@dataclass(slots=True)
class Group:
    """A group; `changes` are the flags of `(?i:...)`."""

    item: Node
    captures: bool
    changes: list[tuple[str, bool]]
    depth: int = 0


@dataclass(slots=True)
class Concat:
    """Pieces one after the other; none matches the empty text."""

    items: list[Node]
    depth: int = 0


@dataclass(slots=True)
class Alternation:
    """Alternatives, the first that fits first."""

    items: list[Node]
    depth: int = 0


ClassItem: TypeAlias = Char | CharRange | Perl | Property | Named | Class | Union | Operation
Node: TypeAlias = Char | Dot | Assertion | Perl | Property | Class | Flags | Repeat | Group | Concat | Alternation


def fail(reason: str) -> NoReturn:
    """Stop with the library's words."""
    raise PatternError(f"error: {reason}")
