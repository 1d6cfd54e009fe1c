"""The type of a node of the syntax tree, parsed or made by hand."""

from __future__ import annotations

from mtls_tui.lang import scheme
from mtls_tui.lang.ast import (
    Address,
    Always,
    Call,
    Comparison,
    Expression,
    Field,
    Index,
    Integer,
    ListName,
    Logical,
    Network,
    Not,
    Pattern,
    Range,
    Set,
    String,
    Test,
)
from mtls_tui.lang.types import BOOL, BYTES, INT, IP, Type

Node = (
    Expression
    | Always
    | Test
    | Comparison
    | Not
    | Logical
    | Field
    | Index
    | Call
    | String
    | Integer
    | Address
    | Network
    | Range
    | Pattern
    | Set
    | ListName
)


def type_of(node: Node) -> Type | None:
    """The type, as the checker has it; None for what has none (sets, lists) and for unknown names.

    A value over `[*]` has the type of one element; an expression over `[*]` is `Array<Bool>`.
    """
    match node:
        case Expression(root=root):
            return type_of(root)
        case Logical(items=items):
            return type_of(items[0])
        case Not(item=item):
            return type_of(item)
        case Comparison(left=left):
            return scheme.BOOL_ARRAY if scheme.each_count(left) else BOOL
        case Test(value=value):
            return scheme.BOOL_ARRAY if scheme.each_count(value) else type_of(value)
        case Always():
            return BOOL
        case Field(name=name):
            return scheme.fields().get(name)
        case Index(base=base):
            kind = type_of(base)
            return kind.item if kind is not None else None
        case Call(arguments=arguments):
            return scheme.call_type(node, type_of(arguments[0]) if arguments else None)
        case Range(first=first):
            return type_of(first)
        case String() | Pattern():
            return BYTES
        case Integer():
            return INT
        case Address() | Network():
            return IP
        case _:
            return None
