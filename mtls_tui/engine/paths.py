"""The path of a request as the upstream will see it: normalised as Envoy does it, octet for octet.

Rules must see what the upstream sees. Envoy (normalize_path, merge_slashes) does, in this order: drop parameters of
dot segments (`/..;x/`), turn backslashes into slashes, decode escaped letters, digits and `-._~` (RFC 3986 6.2.2.2),
escape octets that no path may hold, remove dot segments (5.2.4), merge slashes. Other escapes stay as written,
`%2F` among them. The table in the tests was taken from Envoy itself.
"""

from __future__ import annotations

import re
from functools import lru_cache

_PLAIN = re.compile(rb"(?:/(?![./])[A-Za-z0-9_.~!$&'()*+,;=:@\[\]-]*+)+")
"""Paths on which normalisation does nothing: no escape, no backslash, no empty segment, none that begins with a dot."""
_DOT_PARAMETERS = re.compile(rb"(?<=/)(\.\.?);[^/]*")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ESCAPED = frozenset(b'"<>^`{|}') | frozenset(range(0x21)) | frozenset(range(0x7F, 0x100))
_HEX = frozenset(b"0123456789abcdefABCDEF")
_TOKEN = re.compile(rb'%[0-9A-Fa-f]{2}|[%\\"<>^`{|}\x00-\x20\x7f-\xff]|[^%\\"<>^`{|}\x00-\x20\x7f-\xff]+', re.DOTALL)
MAX_CACHED = 2048
"""Bytes of the longest path whose normal form is remembered."""


def normalise(path: bytes) -> bytes:
    """The normal form of a path (without query)."""
    if _PLAIN.fullmatch(path):
        return path
    if len(path) > MAX_CACHED:
        return _normalise(path)
    return _remembered(path)


def stable(path: bytes) -> bool:
    """Whether normalising a normal path again changes nothing.

    Where it does (`/a/%2e%2e;/b`), the next server may well see another path than the rules did.
    """
    return _PLAIN.fullmatch(path) is not None or normalise(path) == path


def _normalise(path: bytes) -> bytes:
    path = _decoded(_DOT_PARAMETERS.sub(rb"\1", path))
    path = _without_dots(path)
    if b"//" in path:
        parts = [part for part in path.split(b"/") if part]
        path = b"/" + b"/".join(parts) + (b"/" if path.endswith(b"/") else b"")
    return path


_remembered = lru_cache(maxsize=4096)(_normalise)


def _decoded(path: bytes) -> bytes:
    out = bytearray()
    stray = -3  # where the last `%` stands that begins no escape
    for match in _TOKEN.finditer(path):
        token = match.group()
        first = token[0]
        if first == 0x25:
            if len(token) == 1:
                stray = len(out)
                out.append(first)
                continue
            octet = int(token[1:], 16)
            if octet not in _UNRESERVED:
                out += token
                continue
            out.append(octet)
            # Decoding must not make a new escape out of a stray `%`: that one is escaped itself.
            follows = path[match.end() : match.end() + 1]
            if (len(out) - 3 == stray and out[-2] in _HEX and octet in _HEX) or (
                len(out) - 2 == stray and octet in _HEX and follows and follows[0] in _HEX
            ):
                out[stray : stray + 1] = b"%25"
                stray = -3
        elif first == 0x5C:
            out.append(0x2F)
        elif first in _ESCAPED:
            out += b"%%%02X" % first
        else:
            out += token
    return bytes(out)


def _without_dots(path: bytes) -> bytes:
    if b"/." not in path:
        return path
    parts = path.split(b"/")
    kept: list[bytes] = []
    for part in parts[1:]:
        if part == b"..":
            if kept:
                kept.pop()
        elif part != b".":
            kept.append(part)
    if parts[-1] in (b".", b".."):
        kept.append(b"")
    return b"/" + b"/".join(kept)


def extension(path: bytes) -> bytes:
    """Lower-cased text after the last dot of the last segment; a dot that begins the segment begins no extension."""
    segment = path.rpartition(b"/")[2]
    name, _, found = segment.rpartition(b".")
    return found.lower() if name else b""
