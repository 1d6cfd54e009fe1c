"""The syntax tree: immutable nodes, each with its source span. It holds no behaviour and knows no fields or types.

Equality is about meaning and form of literals: spans, parentheses and the notation of operators (`eq` or `==`) don't
count, literals compare with their text (`"a"` and `r"a"` differ). So `parse(format(e)) == e` can hold.

A node made by an edit has `span is None`; what was parsed keeps its place in the text it came from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Literal as Choice
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open range of character offsets into the text as given."""

    start: int
    end: int


# --- literals: value, and the text as written (always valid source for that value in its place) -------------------


@dataclass(frozen=True, slots=True)
class String:
    """`"..."`, `r#"..."#` or a byte string `01:2e`. `value` is what it denotes."""

    value: bytes
    text: str
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Integer:
    """Decimal, `0x` hexadecimal or `0` octal, signed 64-bit."""

    value: int
    text: str
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Address:
    """A single IP address."""

    value: IPv4Address | IPv6Address
    text: str
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Network:
    """A CIDR; only inside `{ }`."""

    value: IPv4Network | IPv6Network
    text: str
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Range:
    """`first..last`, inclusive, of integers or of addresses of one family; only inside `{ }`."""

    first: Integer | Address
    last: Integer | Address
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Pattern:
    """The right side of `matches` (a regular expression) or of `wildcard`.

    `value` is what goes to the matcher: escapes of the literal resolved, escapes of the pattern kept.
    """

    value: bytes
    text: str
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Set:
    """`{ items }` after `in`; items are all of one kind, integers, strings, or addresses, networks and ranges."""

    items: tuple[String | Integer | Address | Network | Range, ...]
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ListName:
    """`$name` after `in`; `name` without the dollar."""

    name: str
    span: Span | None = field(default=None, compare=False, repr=False)


Literal: TypeAlias = String | Integer | Address


# --- values: what a request has ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Field:
    """A field by the name as written (aliases stay as written)."""

    name: str
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Index:
    """`base[key]`: an int for arrays, a String for maps, None for `[*]` (every element)."""

    base: Value
    key: int | String | None
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """`name(arguments)`. An argument is a value, a literal, or (in `any` and `all`) an expression over `[*]`."""

    name: str
    arguments: tuple[Argument, ...]
    span: Span | None = field(default=None, compare=False, repr=False)


Value: TypeAlias = Field | Index | Call

# --- expressions: what is true or false ---------------------------------------------------------------------------

Operator: TypeAlias = Choice[
    "eq", "ne", "lt", "le", "gt", "ge", "contains", "matches", "wildcard", "strict wildcard", "in", "bitwise_and"
]
LogicalOperator: TypeAlias = Choice["and", "or", "xor"]
Right: TypeAlias = "Literal | Pattern | Set | ListName | Value"


@dataclass(frozen=True, slots=True)
class Always:
    """`true` or `false` standing as a whole operand."""

    value: bool
    span: Span | None = field(default=None, compare=False, repr=False)
    parens: int = field(default=0, compare=False, repr=False)
    outer: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Test:
    """A Boolean value standing alone: `ssl`, `starts_with(...)`, `any(...)`; over `[*]`, an array of Booleans."""

    __test__ = False  # pytest would collect it by its name

    value: Value
    span: Span | None = field(default=None, compare=False, repr=False)
    parens: int = field(default=0, compare=False, repr=False)
    outer: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left operator right`; `symbol` is the operator as written (`eq` or `==`), "" when made by an edit."""

    left: Value
    operator: Operator
    right: Right
    symbol: str = field(default="", compare=False)
    span: Span | None = field(default=None, compare=False, repr=False)
    parens: int = field(default=0, compare=False, repr=False)
    outer: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Not:
    """`not item` or `!item`."""

    item: Expr
    symbol: str = field(default="", compare=False)
    span: Span | None = field(default=None, compare=False, repr=False)
    parens: int = field(default=0, compare=False, repr=False)
    outer: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Logical:
    """Two or more items joined by one operator. `a and b and c` is one node; `(a and b) and c` is two.

    An item that binds no tighter than this operator carries `parens >= 1` when parsed.
    `symbols` are the operators as written, one fewer than items, or empty when made by an edit.
    """

    operator: LogicalOperator
    items: tuple[Expr, ...]
    symbols: tuple[str, ...] = field(default=(), compare=False)
    span: Span | None = field(default=None, compare=False, repr=False)
    parens: int = field(default=0, compare=False, repr=False)
    outer: Span | None = field(default=None, compare=False, repr=False)


Expr: TypeAlias = Always | Test | Comparison | Not | Logical
"""`span` leaves the node's own `parens` pairs of parentheses out, `outer` takes them in."""

Argument: TypeAlias = "Value | Literal | Expr"


@dataclass(frozen=True, slots=True)
class Expression:
    """A whole filter expression: its root, and the text it was parsed from ("" when made by hand)."""

    root: Expr
    text: str = field(default="", compare=False, repr=False)
