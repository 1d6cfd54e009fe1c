"""Time-limited tokens and UUIDs. Never raise on data."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import uuid
from urllib.parse import unquote_to_bytes

_SIGNED = re.compile(rb"(.+)(\d{10})-(.{43,})", re.DOTALL)


def is_timed_hmac_valid_v0(
    key: bytes, message_mac: bytes, ttl: int, now: int, separator_length: int = 0, flags: bytes = b""
) -> bool:
    """Whether `message_mac` is message, separator, 10-digit time, `-` and a MAC made with `key` less than `ttl` s ago.

    The MAC is HMAC-SHA256 over message and time, in URL-encoded standard Base64, or with flag `s` in URL-safe Base64
    without padding. It is compared in constant time.
    """
    match = _SIGNED.fullmatch(message_mac)
    if match is None or separator_length < 0 or separator_length >= len(match[1]):
        return False
    message = match[1][: len(match[1]) - separator_length]
    issued = match[2]
    expected = hmac.new(key, message + issued, hashlib.sha256).digest()
    if b"s" in flags:
        wanted, given = base64.urlsafe_b64encode(expected).rstrip(b"="), match[3]
    else:
        wanted, given = base64.b64encode(expected), unquote_to_bytes(match[3])
    return hmac.compare_digest(wanted, given) and now < int(issued) + ttl


def uuidv4(source: bytes) -> bytes | None:
    """A version 4 UUID of the first 16 bytes (RFC 9562, 5.4); missing when there are fewer."""
    if len(source) < 16:
        return None
    return str(uuid.UUID(bytes=source[:16], version=4)).encode()
