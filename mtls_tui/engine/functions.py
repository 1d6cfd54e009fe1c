"""The functions of the language by name. Bytes in, bytes out; a missing value is None; none raises on data.

A function gets the values of its arguments and no more: no request, no clock. With a missing argument all but
`concat` and `coalesce` give a missing result. `any` and `all` belong to the evaluators, since their argument is an
expression.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address
from types import MappingProxyType
from typing import Any, TypeAlias

from mtls_tui.engine import encodings, json_lookup, replacing, tokens
from mtls_tui.lang.types import FieldValue

Function: TypeAlias = Callable[..., Any]


def _strict(function: Function) -> Function:
    """The function with a missing result for any missing argument."""

    def strict(*arguments: Any) -> Any:
        return None if None in arguments else function(*arguments)

    strict.__name__ = function.__name__
    return strict


def lower(value: bytes | None) -> bytes | None:
    """ASCII letters in lower case, other bytes as they are."""
    return None if value is None else value.lower()


def upper(value: bytes | None) -> bytes | None:
    """ASCII letters in upper case, other bytes as they are."""
    return None if value is None else value.upper()


def length(value: bytes | list[Any] | None) -> int | None:
    """Bytes of a string, elements of an array."""
    return None if value is None else len(value)


def starts_with(source: bytes | None, prefix: bytes | None) -> bool | None:
    """Whether the source begins with the prefix."""
    return None if source is None or prefix is None else source.startswith(prefix)


def ends_with(source: bytes | None, suffix: bytes | None) -> bool | None:
    """Whether the source ends with the suffix."""
    return None if source is None or suffix is None else source.endswith(suffix)


def substring(source: bytes, start: int, end: int | None = None) -> bytes:
    """Bytes from `start` up to `end`; negative positions count from the end, both are clamped to the source."""
    return source[start:] if end is None else source[start:end]


def to_string(value: FieldValue) -> bytes | None:
    """The text of an integer, a Boolean (`true`, `false`) or an address (RFC 5952 for IPv6)."""
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, int):
        return b"%d" % value
    if isinstance(value, IPv6Address) and value.ipv4_mapped is not None:
        return f"::ffff:{value.ipv4_mapped}".encode()  # Python's own text of it depends on Python's version
    if isinstance(value, IPv4Address | IPv6Address):
        return str(value).encode()
    return value if isinstance(value, bytes) else None


def concat(*values: Any) -> Any:
    """All strings in one, or all arrays in one; a missing argument counts as empty, missing when all are."""
    given = [value for value in values if value is not None]
    if not given:
        return None
    if isinstance(given[0], list | tuple):
        return [item for value in given for item in value]
    return b"".join(given)


def coalesce(*values: Any) -> Any:
    """The first argument that is not missing."""
    for value in values:
        if value is not None:
            return value
    return None


def join(items: list[bytes], separator: bytes) -> bytes:
    """The items with the separator between them."""
    return separator.join(items)


def split(source: bytes, separator: bytes, limit: int) -> list[bytes] | None:
    """At most `limit` parts (1 to 128); the last keeps the rest. Missing for an empty separator or another limit."""
    if not separator or not 1 <= limit <= 128:
        return None
    return source.split(separator, limit - 1)


def remove_bytes(source: bytes, unwanted: bytes) -> bytes:
    """The source without any of the listed bytes."""
    return source.translate(None, unwanted)


def has_key(mapping: dict[bytes, Any], key: bytes) -> bool:
    """Whether the map has the key."""
    return key in mapping


def has_value(collection: dict[bytes, Any] | list[Any], value: Any) -> bool:
    """Whether an element of the array, or a value of the map, equals the value."""
    return value in (collection.values() if isinstance(collection, dict) else collection)


def cidr(address: IPv4Address | IPv6Address, v4_bits: int, v6_bits: int) -> IPv4Address | IPv6Address | None:
    """The network address with `v4_bits` (1-32) or `v6_bits` (1-128) of prefix; missing for other lengths."""
    if not 1 <= v4_bits <= 32 or not 1 <= v6_bits <= 128:
        return None
    if isinstance(address, IPv4Address):
        return IPv4Address(int(address) >> (32 - v4_bits) << (32 - v4_bits))
    return IPv6Address(int(address) >> (128 - v6_bits) << (128 - v6_bits))


def cidr6(address: IPv4Address | IPv6Address, v6_bits: int) -> IPv4Address | IPv6Address | None:
    """As `cidr`, but IPv4 addresses stay as they are."""
    return cidr(address, 32, v6_bits)


def _nothing(*_arguments: Any) -> None:
    """What only Cloudflare's network can compute: missing, so that a comparison with it is false."""
    return


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "bit_slice": _nothing,
        "cidr": _strict(cidr),
        "cidr6": _strict(cidr6),
        "coalesce": coalesce,
        "concat": concat,
        "decode_base64": _strict(encodings.decode_base64),
        "encode_base64": _strict(encodings.encode_base64),
        "ends_with": ends_with,
        "has_key": _strict(has_key),
        "has_value": _strict(has_value),
        "is_jwt_present": _nothing,
        "is_jwt_valid": _nothing,
        "is_timed_hmac_valid_v0": _strict(tokens.is_timed_hmac_valid_v0),
        "join": _strict(join),
        "len": length,
        "lookup_json_integer": _strict(json_lookup.lookup_json_integer),
        "lookup_json_string": _strict(json_lookup.lookup_json_string),
        "lower": lower,
        "regex_replace": _strict(replacing.regex_replace),
        "remove_bytes": _strict(remove_bytes),
        "remove_query_args": _strict(encodings.remove_query_args),
        "sha256": _strict(encodings.sha256),
        "split": _strict(split),
        "starts_with": starts_with,
        "substring": _strict(substring),
        "to_string": _strict(to_string),
        "upper": upper,
        "url_decode": _strict(encodings.url_decode),
        "uuidv4": _strict(tokens.uuidv4),
        "wildcard_replace": _strict(replacing.wildcard_replace),
    }
)
"""Implementations by name; the catalogue has their signatures."""


class UnknownFunctionError(ValueError):
    """A tree that was not checked calls a function that there is not."""


def function_named(name: str) -> Function:
    """The implementation of a function other than `any` and `all`, which the evaluators have themselves."""
    function = FUNCTIONS.get(name)
    if function is None and name not in ("any", "all"):
        raise UnknownFunctionError(f"no function is named `{name}`")
    return function or _nothing
