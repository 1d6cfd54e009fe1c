"""Distinguished names as text: the comma form of RFC 2253 and the old slash form, both exactly as OpenSSL prints them.

Comma form: `X509_NAME_print_ex` with XN_FLAG_RFC2253 (most specific first; bytes outside ASCII as `\\C3`; types without
a known name as OID with the value's DER in hex). Slash form: `X509_NAME_oneline`.
"""

from __future__ import annotations

from mtls_tui.pki.attribute_names import SHORT_NAMES
from mtls_tui.pki.der import BIT_STRING, SEQUENCE, DerError, oid_text
from mtls_tui.pki.names import Attribute, attributes

_READ = 8192
"""Octets of a name that is read for a message."""
_DISPLAYED = 300
"""Characters of a name in a message."""
_TEXT_WIDTH = {0x0C: 0, 0x12: 1, 0x13: 1, 0x14: 1, 0x16: 1, 0x1A: 1, 0x1C: 4, 0x1E: 2, 0x17: 1, 0x18: 1}
"""Octets of a character by string type; 0 for UTF-8."""


def rfc2253(name: bytes) -> bytes:
    """A Name's DER in the comma form; empty for an empty name or bytes that are not a name."""
    parts = _parts(name)
    out = bytearray()
    previous: int | None = None
    for attribute in reversed(parts):
        if previous is not None:
            out += b"+" if attribute.rdn == previous else b","
        previous = attribute.rdn
        out += _comma_attribute(attribute)
    return bytes(out)


def legacy(name: bytes) -> bytes:
    """A Name's DER in the slash form; empty for an empty name or bytes that are not a name."""
    parts = _parts(name)
    out = bytearray()
    previous: int | None = None
    for attribute in parts:
        out += b"+" if attribute.rdn == previous else b"/"
        previous = attribute.rdn
        out += _type_name(attribute).encode() + b"=" + _oneline(attribute)
    return bytes(out)


def _parts(name: bytes) -> list[Attribute]:
    try:
        return list(attributes(name))
    except DerError:
        return []


def display(name: bytes) -> str:
    """A name for messages: the comma form, cut where it is endless; `(empty name)` for none."""
    if len(name) > _READ:
        return f"(a name of {len(name):,} bytes)"
    text = rfc2253(name).decode("ascii", "replace")
    return (text if len(text) <= _DISPLAYED else f"{text[:_DISPLAYED]}…") or "(empty name)"


def _type_name(attribute: Attribute) -> str:
    dotted = oid_text(attribute.oid)
    return SHORT_NAMES.get(dotted, dotted)


def _comma_attribute(attribute: Attribute) -> bytes:
    dotted = oid_text(attribute.oid)
    known = SHORT_NAMES.get(dotted)
    if known is None:
        return dotted.encode() + b"=" + _dump(attribute)
    text = _utf8(attribute)
    return known.encode() + b"=" + (_dump(attribute) if text is None else _escape(text))


def _dump(attribute: Attribute) -> bytes:
    """`#` and the value's DER in upper-case hex (RFC 2253 2.4)."""
    return b"#" + _element(attribute).hex().upper().encode()


def _element(attribute: Attribute) -> bytes:
    """The value's DER."""
    length = len(attribute.value)
    head = bytes((length,)) if length < 0x80 else b""
    if not head:
        size = (length.bit_length() + 7) // 8
        head = bytes((0x80 | size,)) + length.to_bytes(size, "big")
    return bytes((attribute.tag,)) + head + attribute.value


def _utf8(attribute: Attribute) -> bytes | None:
    """The value in UTF-8; None for types that are not text, which are dumped instead."""
    width = _TEXT_WIDTH.get(attribute.tag)
    if width is None:
        return None
    if width == 0:
        return attribute.value
    if width == 1:
        return attribute.value.decode("latin-1").encode("utf-8")
    encoding = "utf-16-be" if width == 2 else "utf-32-be"
    return attribute.value.decode(encoding, "replace").encode("utf-8", "replace")


def _escape(value: bytes) -> bytes:
    """RFC 2253 2.4, and every byte outside printable ASCII as a hex pair."""
    text = value.decode("latin-1").translate(_COMMA_ESCAPES)
    if value[:1] in (b" ", b"#"):
        text = "\\" + text
    if value[-1:] == b" " and len(value) > 1:
        text = text[:-1] + "\\ "
    return text.encode("ascii")


def _oneline(attribute: Attribute) -> bytes:
    """A value of the slash form. As in OpenSSL 3, a slash or plus in it gets a backslash, a backslash does not."""
    value = attribute.value
    if attribute.tag == BIT_STRING:
        value = value[1:]
    elif attribute.tag == SEQUENCE:  # printed whole, tag and length included
        value = _element(attribute)
    return value.decode("latin-1").translate(_SLASH_ESCAPES).encode("ascii")


_OUTSIDE = [*range(0x20), *range(0x7F, 0x100)]
_COMMA_ESCAPES = {byte: f"\\{byte:02X}" for byte in _OUTSIDE} | {ord(special): f"\\{special}" for special in ',+"\\<>;'}
_SLASH_ESCAPES = {byte: f"\\x{byte:02X}" for byte in _OUTSIDE} | {ord(special): f"\\{special}" for special in "/+"}
