"""The kind of a value, as far as evaluation needs it: read from the catalogue, for trees that were checked before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address
from types import NoneType
from typing import Any

from mtls_tui.engine.fields_of import canonical_field, is_mapped
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import FIELDS, FUNCTIONS
from mtls_tui.lang.types import BYTES, Fields, Type

CLASSES: Mapping[str, tuple[type, ...]] = {
    "Bytes": (bytes,),
    "Int": (int,),
    "Bool": (bool,),
    "Ip": (IPv4Address, IPv6Address),
    "Array": (list, tuple),
    "Map": (dict,),
}
"""What may stand for a value of a type."""

CLASSES_OR_NONE: Mapping[str, tuple[type, ...]] = {name: (*classes, NoneType) for name, classes in CLASSES.items()}

_UNKNOWN = BYTES
"""For names that the catalogue does not have: a checked tree has none."""


def type_of(node: ast.Argument) -> Type:
    """The type of a value, of an element for one over `[*]`; expressions are Bool."""
    match node:
        case ast.Field():
            info = FIELDS.get(canonical_field(node.name))
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


def check_types(fields: Fields, names: Iterable[str]) -> None:
    """Raise `TypeError` for a value that its field can't have: text where bytes belong would equal nothing."""
    for name in names:
        value: Any = fields.get(name)
        info = FIELDS.get(name)
        if value is None or info is None:
            continue
        kind = info.type.name
        if not isinstance(value, CLASSES[kind]) or (isinstance(value, bool) and kind == "Int"):
            cure = ": give bytes, text is encoded first" if isinstance(value, str) else ""
            raise TypeError(f"`{name}` is {info.type}, so its value can't be a {type(value).__name__}{cure}")
