"""Distinguished names: one validating walk for each, and comparing them as RFC 5280 section 7.1 asks.

Works on the DER of a Name. A name with a flaw (too long, a value of a type that names don't have, text that does not
fit its type) has no comparable form: to compare it "unequal" would let it pass every exclusion. Text is compared after
the folding of RFC 4518 (characters mapped to nothing or to a blank, NFKC, case, blanks), whatever its string type.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from mtls_tui.pki.der import BIT_STRING, OID, SEQUENCE, SET, DerError, children, expect, header

CanonicalName: TypeAlias = tuple[bytes, ...]
"""One folded value per RDN, most general first; equal tuples are equal names, a prefix is a subtree."""

EMPTY_NAME = b"\x30\x00"
EMAIL_ADDRESS = bytes.fromhex("2a864886f70d010901")
_POSTAL_ADDRESS = bytes.fromhex("550410")
_UNIQUE_IDENTIFIER = bytes.fromhex("55042d")

MAX_NAME_BYTES = 8192
"""A longer name has a flaw: folding it would only cost time, and no authority has such a name."""

_ENCODINGS = {
    0x0C: "utf-8",
    0x12: "ascii",
    0x13: "ascii",
    0x14: "latin-1",
    0x16: "ascii",
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}
"""DirectoryString (4.1.2.4), IA5String and NumericString."""
_NOT_TEXT = {_POSTAL_ADDRESS: SEQUENCE, _UNIQUE_IDENTIFIER: BIT_STRING}
"""The types of X.520 whose values are not text and that do occur in names."""


class FlawedNameError(ValueError):
    """A name that is not compared; the message is the end of "has …"."""


class Attribute(NamedTuple):
    """One attribute of a name: content bytes of its type, tag and content of its value, number of its RDN."""

    oid: bytes
    tag: int
    value: bytes
    rdn: int

    def text(self) -> str | None:
        """The value as text; None when its type is not a string or its bytes don't fit the type."""
        encoding = _ENCODINGS.get(self.tag)
        if encoding is None:
            return None
        try:
            text = self.value.decode(encoding)
        except UnicodeDecodeError:
            return None
        if self.tag == 0x1E and len(text) * 2 != len(self.value):  # a BMPString has no surrogates (X.680 41.15)
            return None
        return text


def attributes(name: bytes) -> Iterator[Attribute]:
    """The attributes of a Name's DER, in order. Raises DerError if it is not a Name."""
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


def checked(name: bytes) -> list[Attribute]:
    """The attributes of a Name's DER, once all of it is well-formed. FlawedNameError says what is wrong otherwise.

    NUL is only ever seen where somebody wants two readers to see two names; so are bytes that don't fit their string
    type, and values of types that other readers refuse or print as text.
    """
    if len(name) > MAX_NAME_BYTES:
        raise FlawedNameError(f"a name of more than {MAX_NAME_BYTES:,} bytes")
    try:
        found = list(attributes(name))
    except DerError:
        raise FlawedNameError("a name that can't be read") from None
    for attribute in found:
        if attribute.tag not in _ENCODINGS:
            if _NOT_TEXT.get(attribute.oid) != attribute.tag:
                raise FlawedNameError("a name with a value of a type that names don't have")
            continue
        text = attribute.text()
        if text is None:
            raise FlawedNameError("a name with text that does not fit its type")
        if "\0" in text:
            raise FlawedNameError("a NUL character in a name")
    return found


_NOTHING = (
    (0x00, 0x08), (0x0E, 0x1F), (0x7F, 0x84), (0x86, 0x9F), (0xAD, 0xAD), (0x34F, 0x34F), (0x6DD, 0x6DD),
    (0x70F, 0x70F), (0x1806, 0x1806), (0x180B, 0x180E), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x2063),
    (0x206A, 0x206F), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFF9, 0xFFFC), (0x1D173, 0x1D17A), (0xE0001, 0xE0001),
    (0xE0020, 0xE007F),
)  # fmt: skip
"""RFC 4518 2.2: characters mapped to nothing. Those that it maps to a blank are white space to `str.split` as well."""
_MAPPED = {code: None for first, last in _NOTHING for code in range(first, last + 1)}


def fold(text: str) -> str:
    """Text as it is compared: unseen characters away, NFKC, lower case, outer blanks away, inner runs as one blank."""
    if not (text.isascii() and text.isprintable()):
        text = text.translate(_MAPPED)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        return " ".join(text.split())
    return " ".join(text.lower().split())


def canonical(name: bytes) -> CanonicalName:
    """The comparable form of a Name's DER. Raises FlawedNameError if it has none."""
    return _folded(checked(name))


def textual(name: bytes) -> CanonicalName:
    """As `canonical`, of a name whose values are all text: others have no form in which two of them are one name."""
    found = checked(name)
    if any(attribute.tag not in _ENCODINGS for attribute in found):
        raise FlawedNameError("a name with a value that is not text")
    return _folded(found)


def _folded(found: list[Attribute]) -> CanonicalName:
    rdns: dict[int, list[bytes]] = {}
    for attribute in found:
        text = attribute.text()
        # Anything but text is compared byte by byte.
        value = bytes((attribute.tag,)) + attribute.value if text is None else b"\x0c" + fold(text).encode("utf-8")
        part = len(attribute.oid).to_bytes(2, "big") + attribute.oid + len(value).to_bytes(4, "big") + value
        rdns.setdefault(attribute.rdn, []).append(part)
    return tuple(b"".join(sorted(parts)) for parts in rdns.values())


def flaw(name: bytes) -> str | None:
    """What is wrong with a Name's DER, as the end of "has …"; None when all is well."""
    try:
        checked(name)
    except FlawedNameError as error:
        return str(error)
    return None
