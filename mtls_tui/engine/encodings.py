"""Functions that decode, encode, hash and take query strings apart. Never raise on data."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

_BASE64_ALPHABET = re.compile(rb"[A-Za-z0-9+/]*")
_HEX = re.compile(rb"[0-9A-Fa-f]{2}")
_UNICODE_ESCAPE = re.compile(rb"%[uU]([0-9A-Fa-f]{4})")
_PASSES = 3
"""Passes of `url_decode` with `r` over the whole text before it goes on byte by byte: more layers are rare."""


def decode_base64(source: bytes) -> bytes | None:
    """Standard or URL-safe Base64, padded or not; missing when the text is not Base64."""
    text = source.rstrip(b"=") if len(source) - len(source.rstrip(b"=")) <= 2 else source
    text = text.replace(b"-", b"+").replace(b"_", b"/")
    if len(text) % 4 == 1 or _BASE64_ALPHABET.fullmatch(text) is None:
        return None
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return None


def encode_base64(source: bytes, flags: bytes = b"") -> bytes:
    """Base64 without padding; flags: `u` for the URL-safe alphabet, `p` for padding."""
    text = base64.urlsafe_b64encode(source) if b"u" in flags else base64.b64encode(source)
    return text if b"p" in flags else text.rstrip(b"=")


def sha256(source: bytes) -> bytes:
    """The digest as 32 bytes."""
    return hashlib.sha256(source).digest()


def percent_decode(source: bytes) -> bytes:
    """`%XX` decoded, `+` a blank; a `%` that begins no pair stays."""
    parts = source.replace(b"+", b" ").split(b"%")
    out = [parts[0]]
    for part in parts[1:]:
        if _HEX.match(part):
            out.append(bytes((int(part[:2], 16),)))
            out.append(part[2:])
        else:
            out.append(b"%" + part)
    return b"".join(out)


def _unicode_decode(source: bytes) -> bytes:
    """`%uXXXX` as UTF-8; surrogate pairs join, a lone surrogate becomes U+FFFD."""
    if b"%u" not in source and b"%U" not in source:
        return source
    out = []
    place = 0
    units: list[bytes] = []

    def flush() -> None:
        if units:
            out.append(b"".join(units).decode("utf-16-be", "replace").encode())
            units.clear()

    for match in _UNICODE_ESCAPE.finditer(source):
        if match.start() != place:
            flush()
            out.append(source[place : match.start()])
        units.append(bytes.fromhex(match[1].decode()))
        place = match.end()
    flush()
    out.append(source[place:])
    return b"".join(out)


def url_decode(source: bytes, options: bytes = b"") -> bytes:
    """Percent-decoding; options: `r` repeats until nothing changes, `u` also takes `%uXXXX` as UTF-8."""
    unicode_too, repeat = b"u" in options, b"r" in options
    for _ in range(_PASSES if repeat else 1):
        if b"%" not in source and b"+" not in source:
            return source
        before = source
        source = percent_decode(_unicode_decode(source) if unicode_too else source)
        if source == before:
            return source
    return _decode_to_the_end(source, unicode_too=unicode_too) if repeat else source


def _decode_to_the_end(source: bytes, *, unicode_too: bool) -> bytes:
    """The fixed point of percent-decoding, computed in one linear pass.

    Decoding as soon as a pair is complete ends in the same: encoded bytes never overlap.
    """
    out = bytearray()
    high_at = -1  # where the half of a surrogate pair ends that waits for the other
    high = 0
    for byte in source:
        code: int | None = byte
        while code is not None:
            out.append(0x20 if code == 0x2B else code)
            code = None
            if len(out) >= 3 and out[-3] == 0x25 and _HEX.fullmatch(out, len(out) - 2):
                code = int(out[-2:], 16)
                del out[-3:]
            elif unicode_too and len(out) >= 6 and _UNICODE_ESCAPE.fullmatch(out, len(out) - 6):
                unit = int(out[-4:], 16)
                del out[-6:]
                if unit < 0x80:
                    code = unit
                elif 0xDC00 <= unit < 0xE000 and high_at == len(out):
                    out[-3:] = chr(0x10000 + ((high - 0xD800) << 10) + unit - 0xDC00).encode()
                else:
                    out += "\ufffd".encode() if 0xD800 <= unit < 0xE000 else chr(unit).encode()
                    if 0xD800 <= unit < 0xDC00:
                        high, high_at = unit, len(out)
    return bytes(out)


def remove_query_args(query: bytes, *names: bytes) -> bytes:
    """The query string without the named parameters, every occurrence; order and spelling of the rest stay."""
    unwanted = frozenset(names)
    return b"&".join(part for part in query.split(b"&") if part.split(b"=", 1)[0] not in unwanted)
