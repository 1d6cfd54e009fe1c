"""Walking a JSON text by keys and indexes. Never raises on data: what does not resolve is missing."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

MAX_KEPT = 64 << 10
"""Texts no longer than this are kept decoded: several rules ask the same body."""


def _decode(text: bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


_decode_kept = lru_cache(maxsize=32)(_decode)


def _walk(text: bytes, path: tuple[bytes | int, ...]) -> Any:
    value = _decode_kept(text) if len(text) <= MAX_KEPT else _decode(text)
    for key in path:
        if isinstance(key, bytes):
            if not isinstance(value, dict):
                return None
            value = value.get(key.decode("utf-8", "surrogateescape"))
        elif isinstance(value, list) and 0 <= key < len(value):
            value = value[key]
        else:
            return None
    return value


def lookup_json_string(text: bytes, *path: bytes | int) -> bytes | None:
    """The string at the path; missing when there is none or it is not a string."""
    value = _walk(text, path)
    return value.encode() if isinstance(value, str) else None


def lookup_json_integer(text: bytes, *path: bytes | int) -> int | None:
    """The integer at the path; missing when there is none, it is not a plain integer (`42.0`) or exceeds 64 bits."""
    value = _walk(text, path)
    if isinstance(value, bool) or not isinstance(value, int) or not -(1 << 63) <= value < 1 << 63:
        return None
    return value
