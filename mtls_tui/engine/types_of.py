"""The kind of a value, as far as evaluation needs it: read from the catalogue, for trees that were checked before."""

from __future__ import annotations

from mtls_tui.engine.walk import canonical, is_mapped
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import FIELDS, FUNCTIONS
from mtls_tui.lang.types import BYTES, Type

_UNKNOWN = BYTES
"""For names that the catalogue does not have: a checked tree has none."""


def type_of(node: ast.Argument) -> Type:
    """The type of a value, of an element for one over `[*]`; expressions are Bool."""
    match node:
        case ast.Field():
            info = FIELDS.get(canonical(node.name))
            return info.type if info else _UNKNOWN
        case ast.Index():
            return type_of(node.base).item or _UNKNOWN
        case ast.Call():
            return _result(node)
        case ast.String():
            return BYTES
        case ast.Integer():
            return Type("Int")
        case ast.Address():
            return Type("Ip")
    return Type("Bool")


def _result(call: ast.Call) -> Type:
    info = FUNCTIONS.get(call.name)
    first = call.arguments[0] if call.arguments else None
    returned = info.returns if info else _UNKNOWN
    if returned is None:
        returned = type_of(first) if first is not None else _UNKNOWN
    if first is not None and is_mapped(first) and call.name not in ("any", "all"):
        return Type("Array", returned)
    return returned


def kind_of(node: ast.Argument) -> str:
    """The name of the type: Bool, Int, Bytes, Ip, Array or Map."""
    return type_of(node).name
