"""The type of a node of the syntax tree, parsed or made by hand."""

from __future__ import annotations

from mtls_tui.lang import ast, scheme
from mtls_tui.lang.tree import Node
from mtls_tui.lang.types import BOOL, BYTES, INT, IP, Type


def type_of(node: Node | ast.Expression) -> Type | None:
    """The type, as the checker has it; None for what has none (sets, lists) and for unknown names.

    A value over `[*]` has the type of one element; an expression over `[*]` is `Array<Bool>`.
    """
    match node:
        case ast.Expression(root=root):
            return type_of(root)
        case ast.Logical(items=items):
            return type_of(items[0])
        case ast.Not(item=item):
            return type_of(item)
        case ast.Comparison(left=left):
            return scheme.BOOL_ARRAY if scheme.each_count(left) else BOOL
        case ast.Test(value=value):
            return scheme.BOOL_ARRAY if scheme.each_count(value) else type_of(value)
        case ast.Always():
            return BOOL
        case ast.Field(name=name):
            return scheme.fields().get(name)
        case ast.Index(base=base):
            kind = type_of(base)
            return kind.item if kind is not None else None
        case ast.Call(arguments=arguments):
            return scheme.call_type(node, type_of(arguments[0]) if arguments else None)
        case ast.Range(first=first):
            return type_of(first)
        case ast.String() | ast.Pattern():
            return BYTES
        case ast.Integer():
            return INT
        case ast.Address() | ast.Network():
            return IP
        case _:
            return None
