"""The bytes of one extension, for those whose parsed form leaves out what matters."""

from __future__ import annotations

from cryptography import x509

from mtls_tui.pki.der import BOOLEAN, OCTET_STRING, OID, SEQUENCE, DerError, children, expect, header, oid_text


def raw_extension(tbs: bytes, number: x509.ObjectIdentifier, *, tag: int = 0xA3) -> bytes | None:
    """The extnValue of an extension in a TBSCertificate (tag [3]) or TBSCertList (tag [0]); None when absent."""
    try:
        for dotted, _, start, end in extension_list(tbs, tag=tag):
            if dotted == number.dotted_string:
                return tbs[start:end]
    except DerError:
        return None
    return None


def extension_list(tbs: bytes, *, tag: int) -> list[tuple[str, bool, int, int]]:
    """(OID, critical, start, end of the value) of each extension. Raises DerError if malformed."""
    start, end = expect(tbs, 0, len(tbs), SEQUENCE)
    found: list[tuple[str, bool, int, int]] = []
    for outer, _, content, stop in children(tbs, start, end):
        if outer == tag:
            found = list(_entries(tbs, content, stop))
    return found


def _entries(data: bytes, start: int, end: int) -> list[tuple[str, bool, int, int]]:
    position, stop = expect(data, start, end, SEQUENCE)
    found = []
    for inner, _, entry, entry_end in children(data, position, stop):
        if inner != SEQUENCE:
            raise DerError("no extension")
        found.append(read_extension(data, entry, entry_end))
    return found


def read_extension(data: bytes, start: int, end: int) -> tuple[str, bool, int, int]:
    """(OID, critical, start, end of the value) of the Extension whose content is given."""
    oid, oid_end = expect(data, start, end, OID)
    tag, content, stop = header(data, oid_end, end)
    critical = False
    if tag == BOOLEAN:
        critical = data[content:stop] != b"\0"
        tag, content, stop = header(data, stop, end)
    if tag != OCTET_STRING or stop != end:
        raise DerError("no extension")
    return oid_text(data[oid:oid_end]), critical, content, stop
