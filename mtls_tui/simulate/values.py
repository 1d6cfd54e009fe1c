"""Field values from text: `--set ip.src.country=DE`, a test's `set`, a column of a log; typed by the catalogue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from mtls_tui.lang.catalogue import FIELDS
from mtls_tui.lang.nearest import nearest_field
from mtls_tui.lang.types import FieldValue, Type
from mtls_tui.simulate.errors import RequestError

MAX_INTEGER = 2**63 - 1


def field_value(name: str, value: Any) -> FieldValue:
    """The value of field `name` from text or plain data (JSON, TOML).

    Raises RequestError if there is no such field or the value has another type.
    """
    info = FIELDS.get(name)
    if info is None:
        near = nearest_field(name)
        cure = f"did you mean `{near}`?" if near else "docs/language.md lists all fields"
        raise RequestError(f"`{name}` is not a field; {cure}")
    if isinstance(value, str) and info.type.name in ("Array", "Map"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise RequestError(f"`{name}` is {info.type}; write its value as JSON, not `{_short(value)}`") from None
    return _typed(name, info.type, value)


def assignment(text: str) -> tuple[str, FieldValue]:
    """`FIELD=VALUE` as a name and a typed value."""
    name, equals, value = text.partition("=")
    if not equals:
        raise RequestError(f"`{text}` is not an assignment; write it as FIELD=VALUE")
    return name.strip(), field_value(name.strip(), value)


def plain(value: Any) -> Any:
    """A field value as JSON or TOML can hold it; bytes that are not UTF-8 come out with U+FFFD."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, IPv4Address | IPv6Address):
        return str(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    return value


def written(value: FieldValue) -> str:
    """The text from which `field_value` makes the same value; bytes that are not UTF-8 become lone surrogates."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, int | IPv4Address | IPv6Address):
        return str(value)
    return json.dumps(_jsonable(value))


def _jsonable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {written(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    return value if isinstance(value, bool | int) else written(value)


def _typed(name: str, kind: Type, value: Any) -> FieldValue:
    if kind.name == "Bytes":
        if isinstance(value, bytes):
            return value
        if isinstance(value, str):
            return value.encode("utf-8", "surrogateescape")
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value).encode()
    elif kind.name == "Int":
        if isinstance(value, str):
            try:
                value = int(value.strip(), 10)
            except ValueError:
                raise RequestError(f"`{name}` is a number; `{_short(value)}` is not") from None
        if isinstance(value, int) and not isinstance(value, bool):
            if not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
                raise RequestError(f"`{name}`: {value} does not fit into 64 bits")
            return value
    elif kind.name == "Bool":
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.strip().lower() in ("true", "false"):
            return value.strip().lower() == "true"
        raise RequestError(f"`{name}` is true or false, not `{_short(value)}`")
    elif kind.name == "Ip":
        if isinstance(value, IPv4Address | IPv6Address):
            return value
        if isinstance(value, str):
            try:
                return ip_address(value.strip())
            except ValueError:
                raise RequestError(f"`{name}` is an IP address; `{_short(value)}` is not") from None
    elif kind.name == "Array" and kind.item is not None:
        if isinstance(value, list | tuple):
            return [_typed(name, kind.item, item) for item in value]
    elif kind.name == "Map" and kind.item is not None and isinstance(value, Mapping):
        return {
            (key if isinstance(key, bytes) else str(key).encode("utf-8", "surrogateescape")): _typed(
                name, kind.item, item
            )
            for key, item in value.items()
        }
    raise RequestError(f"`{name}` is {kind}; `{_short(value)}` is not")


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:60] + "…"
