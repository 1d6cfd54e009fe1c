"""Comparing distinguished names as RFC 5280 section 7.1 asks: case, runs of blanks and string type don't matter.

Works on the DER of a Name. Text values are compared after the folding of RFC 4518 (NFKC, case, blanks); values of other
types byte by byte.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from mtls_tui.pki.der import OID, SEQUENCE, SET, DerError, children, expect, header

CanonicalName: TypeAlias = tuple[bytes, ...]
"""One folded value per RDN, most general first; equal tuples are equal names, a prefix is a subtree."""

EMPTY_NAME = b"\x30\x00"
EMAIL_ADDRESS = bytes.fromhex("2a864886f70d010901")

_ENCODINGS = {
    0x0C: "utf-8",
    0x12: "ascii",
    0x13: "ascii",
    0x14: "latin-1",
    0x16: "ascii",
    0x1A: "ascii",
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}


class Attribute(NamedTuple):
    """One attribute of a name: content bytes of its type, tag and content of its value, number of its RDN."""

    oid: bytes
    tag: int
    value: bytes
    rdn: int

    def text(self) -> str | None:
        """The value as text; None when its type is no string or its bytes don't fit the type."""
        encoding = _ENCODINGS.get(self.tag)
        if encoding is None:
            return None
        try:
            return self.value.decode(encoding)
        except UnicodeDecodeError:
            return None


def attributes(name: bytes) -> Iterator[Attribute]:
    """The attributes of a Name's DER, in order. DerError when it is no Name."""
    start, end = expect(name, 0, len(name), SEQUENCE)
    if end != len(name):
        raise DerError("trailing bytes after the name")
    for number, (tag, _, rdn, rdn_end) in enumerate(children(name, start, end)):
        if tag != SET or rdn == rdn_end:
            raise DerError("no relative distinguished name")
        for inner, _, position, stop in children(name, rdn, rdn_end):
            if inner != SEQUENCE:
                raise DerError("no attribute")
            oid, oid_end = expect(name, position, stop, OID)
            value_tag, value, value_end = header(name, oid_end, stop)
            if value_end != stop:
                raise DerError("trailing bytes in an attribute")
            yield Attribute(name[oid:oid_end], value_tag, name[value:value_end], number)


def fold(text: str) -> str:
    """Text as it is compared: NFKC, lower case, outer blanks away, inner runs of blanks as one."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        return " ".join(text.split())
    return " ".join(text.lower().split())


MAX_FOLDED_BYTES = 8192
"""A longer name compares byte for byte: folding it would only cost time, and no authority has such a name."""


def canonical(name: bytes) -> CanonicalName:
    """The comparable form of a Name's DER. DerError when it is no Name."""
    if len(name) > MAX_FOLDED_BYTES:
        return (b"\xfe" + name,)
    rdns: dict[int, list[bytes]] = {}
    for attribute in attributes(name):
        text = attribute.text()
        if text is None:
            value = bytes((attribute.tag,)) + attribute.value
        else:
            value = b"\x0c" + fold(text).encode("utf-8", "surrogatepass")
        part = len(attribute.oid).to_bytes(2, "big") + attribute.oid + len(value).to_bytes(4, "big") + value
        rdns.setdefault(attribute.rdn, []).append(part)
    return tuple(b"".join(sorted(parts)) for parts in rdns.values())


def flaw(name: bytes) -> str | None:
    """What is wrong with the text in a Name's DER, as the end of "has …"; None when all is well.

    NUL is only ever seen where somebody wants two readers to see two names; bytes that don't fit their string type come
    to the same.
    """
    if name.isascii() and b"\0" not in name:
        return None
    try:
        for attribute in attributes(name):
            if attribute.tag in _ENCODINGS:
                text = attribute.text()
                if text is None:
                    return "a name with text that does not fit its type"
                if "\0" in text:
                    return "a NUL character in a name"
            elif attribute.tag & 0xC0:
                return "a name with a value of no known type"
    except DerError:
        return "a name that can't be read"
    return None
