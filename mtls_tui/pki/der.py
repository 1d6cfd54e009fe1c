"""Walking over DER (ITU-T X.690): tags, lengths, slices. Knows no certificate.

Used on bytes that `cryptography` has already taken as strict DER, for what it does not hand out (raw names, signature
parts, entries of large CRLs); it still checks every length, so that other bytes fail with `DerError` and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator

BOOLEAN = 0x01
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
OID = 0x06
ENUMERATED = 0x0A
SEQUENCE = 0x30
SET = 0x31
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18


class DerError(ValueError):
    """Bytes that are not DER, or not of the expected shape."""


def header(data: bytes, position: int, end: int) -> tuple[int, int, int]:
    """(tag, start of the content, end of the content) of the element at `position`, which must end by `end`.

    Tags of more than one byte and indefinite or padded lengths are refused (X.690 8.1.3, 10.1).
    """
    if position + 2 > end:
        raise DerError("truncated element")
    tag = data[position]
    length = data[position + 1]
    start = position + 2
    if length & 0x80:
        count = length & 0x7F
        if count == 0 or count > 6 or start + count > end:
            raise DerError("bad length")
        length = int.from_bytes(data[start : start + count], "big")
        if length < 0x80 or data[start] == 0:
            raise DerError("length is not minimal")
        start += count
    if tag & 0x1F == 0x1F:
        raise DerError("tag of several bytes")
    stop = start + length
    if stop > end:
        raise DerError("element passes the end of its parent")
    return tag, start, stop


def expect(data: bytes, position: int, end: int, tag: int) -> tuple[int, int]:
    """(start, end) of the content of an element that must have this tag."""
    found, start, stop = header(data, position, end)
    if found != tag:
        raise DerError(f"tag {found:#04x} where {tag:#04x} belongs")
    return start, stop


def children(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """(tag, element start, content start, end) of each element between `start` and `end`."""
    while start < end:
        tag, content, stop = header(data, start, end)
        yield tag, start, content, stop
        start = stop


def oid_text(content: bytes) -> str:
    """Dotted form of an object identifier's content bytes (X.690 8.19)."""
    if not content or content[-1] & 0x80:
        raise DerError("truncated object identifier")
    arcs: list[int] = []
    value = 0
    for byte in content:
        value = (value << 7) | (byte & 0x7F)
        if not byte & 0x80:
            if not arcs:
                first = min(value // 40, 2)
                arcs += [first, value - 40 * first]
            else:
                arcs.append(value)
            value = 0
    return ".".join(map(str, arcs))
