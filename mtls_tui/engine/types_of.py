"""The kind of a value, as far as evaluation needs it: read from the catalogue, for trees that were checked before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address
from types import NoneType
from typing import Any

from mtls_tui import lang
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import FIELDS
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


def type_of(node: ast.Argument) -> Type:
    """The type, as the checker has it: of a value over `[*]` an element's. Bytes for a name that is in no catalogue."""
    return lang.type_of(node) or BYTES


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
