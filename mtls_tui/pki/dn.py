"""Distinguished names as text: the comma form of RFC 2253 and the old slash form, both exactly as OpenSSL prints them.

Comma form: `X509_NAME_print_ex` with XN_FLAG_RFC2253 (most specific first; bytes outside ASCII as `\\C3`; types without
a known name as OID with the value's DER in hex). Slash form: `X509_NAME_oneline`.
"""

from __future__ import annotations

from mtls_tui.pki.der import DerError, oid_text
from mtls_tui.pki.names import Attribute, attributes

SHORT_NAMES: dict[str, str] = {
    "2.5.4.3": "CN",
    "2.5.4.4": "SN",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "street",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.12": "title",
    "2.5.4.13": "description",
    "2.5.4.14": "searchGuide",
    "2.5.4.15": "businessCategory",
    "2.5.4.16": "postalAddress",
    "2.5.4.17": "postalCode",
    "2.5.4.18": "postOfficeBox",
    "2.5.4.19": "physicalDeliveryOfficeName",
    "2.5.4.20": "telephoneNumber",
    "2.5.4.21": "telexNumber",
    "2.5.4.22": "teletexTerminalIdentifier",
    "2.5.4.23": "facsimileTelephoneNumber",
    "2.5.4.24": "x121Address",
    "2.5.4.25": "internationaliSDNNumber",
    "2.5.4.26": "registeredAddress",
    "2.5.4.27": "destinationIndicator",
    "2.5.4.28": "preferredDeliveryMethod",
    "2.5.4.29": "presentationAddress",
    "2.5.4.30": "supportedApplicationContext",
    "2.5.4.31": "member",
    "2.5.4.32": "owner",
    "2.5.4.33": "roleOccupant",
    "2.5.4.34": "seeAlso",
    "2.5.4.35": "userPassword",
    "2.5.4.36": "userCertificate",
    "2.5.4.37": "cACertificate",
    "2.5.4.38": "authorityRevocationList",
    "2.5.4.39": "certificateRevocationList",
    "2.5.4.40": "crossCertificatePair",
    "2.5.4.41": "name",
    "2.5.4.42": "GN",
    "2.5.4.43": "initials",
    "2.5.4.44": "generationQualifier",
    "2.5.4.45": "x500UniqueIdentifier",
    "2.5.4.46": "dnQualifier",
    "2.5.4.47": "enhancedSearchGuide",
    "2.5.4.48": "protocolInformation",
    "2.5.4.49": "distinguishedName",
    "2.5.4.50": "uniqueMember",
    "2.5.4.51": "houseIdentifier",
    "2.5.4.52": "supportedAlgorithms",
    "2.5.4.53": "deltaRevocationList",
    "2.5.4.54": "dmdName",
    "2.5.4.65": "pseudonym",
    "2.5.4.72": "role",
    "2.5.4.97": "organizationIdentifier",
    "2.5.4.98": "c3",
    "2.5.4.99": "n3",
    "2.5.4.100": "dnsName",
    "1.2.840.113549.1.9.1": "emailAddress",
    "1.2.840.113549.1.9.2": "unstructuredName",
    "1.2.840.113549.1.9.7": "challengePassword",
    "1.2.840.113549.1.9.8": "unstructuredAddress",
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.3": "mail",
    "0.9.2342.19200300.100.1.25": "DC",
    "1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL",
    "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST",
    "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
}
"""OpenSSL's short names of attribute types."""

_SPECIAL = frozenset(b',+"\\<>;')
_TEXT_WIDTH = {0x0C: 0, 0x12: 1, 0x13: 1, 0x14: 1, 0x16: 1, 0x1A: 1, 0x1C: 4, 0x1E: 2, 0x17: 1, 0x18: 1}
_UNIVERSAL_PRINTED = frozenset(_TEXT_WIDTH)


def rfc2253(name: bytes) -> bytes:
    """A Name's DER in the comma form; empty for an empty name or bytes that are no name."""
    try:
        parts = list(attributes(name))
    except DerError:
        return b""
    out = bytearray()
    previous: int | None = None
    for attribute in reversed(parts):
        if previous is not None:
            out += b"+" if attribute.rdn == previous else b","
        previous = attribute.rdn
        out += _comma_attribute(attribute)
    return bytes(out)


def legacy(name: bytes) -> bytes:
    """A Name's DER in the slash form; empty for an empty name or bytes that are no name."""
    try:
        parts = list(attributes(name))
    except DerError:
        return b""
    return b"".join(b"/" + _type_name(a).encode() + b"=" + _oneline(a) for a in parts)


def display(name: bytes) -> str:
    """A name for messages: the comma form; `(empty name)` for none."""
    return rfc2253(name).decode("ascii", "replace") or "(empty name)"


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
    length = len(attribute.value)
    head = bytes((length,)) if length < 0x80 else b""
    if not head:
        size = (length.bit_length() + 7) // 8
        head = bytes((0x80 | size,)) + length.to_bytes(size, "big")
    return b"#" + (bytes((attribute.tag,)) + head + attribute.value).hex().upper().encode()


def _utf8(attribute: Attribute) -> bytes | None:
    """The value in UTF-8; None for types that are no text, which are dumped instead."""
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
    out = bytearray()
    last = len(value) - 1
    for position, byte in enumerate(value):
        if byte in _SPECIAL or (byte == 0x20 and position in (0, last)) or (byte == 0x23 and position == 0):
            out += b"\\" + bytes((byte,))
        elif byte < 0x20 or byte >= 0x7F:
            out += b"\\%02X" % byte
        else:
            out.append(byte)
    return bytes(out)


def _oneline(attribute: Attribute) -> bytes:
    out = bytearray()
    for byte in attribute.value:
        if 0x20 <= byte <= 0x7E:
            out.append(byte)
        else:
            out += b"\\x%02X" % byte
    return bytes(out)
