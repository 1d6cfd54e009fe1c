"""Envoy's external processing protocol, as far as watching needs it: the handshake's headers in, a nod out. Pure.

Messages: `envoy.service.ext_proc.v3` in protobuf's wire format, framed as gRPC frames them (a flag, a length of four
octets). Of a request only the headers are read. What is not understood raises ValueError.
"""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.gateway.envoy.filters import DUPLICATES_HEADER, IDENTITY_UPSTREAM, NOT_ASKED
from mtls_tui.gateway.questions import RawQuestion

PREFIX_BYTES = 5
GO_ON = b"\x00\x00\x00\x00\x02\x0a\x00"
"""A framed `ProcessingResponse` with `request_headers` (field 1) that changes nothing."""

# Numbers of fields.
REQUEST_HEADERS = 2  # of ProcessingRequest
HEADERS = 1  # of HttpHeaders, and of HeaderMap
KEY, VALUE, RAW_VALUE = 1, 2, 3  # of HeaderValue

_NOT_THE_QUESTION = frozenset((*NOT_ASKED, *IDENTITY_UPSTREAM, DUPLICATES_HEADER))
"""Headers that the question before the handshake did not hold. Doubled lines come apart here by themselves."""


def message(data: bytes, most: int) -> bytes | None:
    """The first gRPC message out of a stream's bytes; None when it is not whole yet."""
    if len(data) < PREFIX_BYTES:
        return None
    length = int.from_bytes(data[1:PREFIX_BYTES], "big")
    if data[0] or length > most:
        raise ValueError("a compressed or too long message")
    if len(data) < PREFIX_BYTES + length:
        return None
    return data[PREFIX_BYTES : PREFIX_BYTES + length]


def handshake(text: bytes) -> RawQuestion:
    """The request that a `ProcessingRequest` tells of, as the decision service would be asked about it."""
    pseudo: dict[str, bytes] = {}
    headers: list[tuple[str, bytes]] = []
    for name, value in _headers(text):
        if name.startswith(":"):
            pseudo[name] = value
        elif name not in _NOT_THE_QUESTION:
            headers.append((name, value))
    if not {":method", ":path", ":authority"} <= pseudo.keys():
        raise ValueError("no request")
    headers.append(("host", pseudo[":authority"]))
    return RawQuestion(pseudo[":method"].decode("latin-1"), pseudo[":path"].decode("latin-1"), tuple(headers))


def _headers(text: bytes) -> Iterator[tuple[str, bytes]]:
    for request in _fields(text, REQUEST_HEADERS):
        for header_map in _fields(request, HEADERS):
            for header in _fields(header_map, HEADERS):
                name, value = b"", b""
                for number, part in _parts(header):
                    if number == KEY:
                        name = part
                    elif number in (VALUE, RAW_VALUE):
                        value = part
                yield name.decode("latin-1"), value


def _fields(data: bytes, wanted: int) -> Iterator[bytes]:
    return (part for number, part in _parts(data) if number == wanted)


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The fields of a message that have a length, by number; others are skipped."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            _, position = _varint(data, position)
        elif kind in (1, 5):
            position += 8 if kind == 1 else 4
        elif kind == 2:
            length, position = _varint(data, position)
            yield number, data[position : position + length]
            position += length
        else:
            raise ValueError(f"wire type {kind}")
        if position > len(data):
            raise ValueError("a field goes beyond its message")


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 64, 7):
        if position >= len(data):
            break
        octet = data[position]
        position += 1
        value |= (octet & 0x7F) << shift
        if octet < 0x80:
            return value, position
    raise ValueError("not a number")
