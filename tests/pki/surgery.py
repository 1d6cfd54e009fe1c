"""Certificates that no builder makes: the content of a made one is changed and signed again with the issuer's key."""

from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from mtls_tui.pki.der import children, expect
from tests.pki.mint import Made

ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")


def element(tag: int, body: bytes) -> bytes:
    """One DER element."""
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + body


def signed(tbs: bytes, issuer: Made, algorithm: bytes = ECDSA_SHA256) -> bytes:
    """A certificate (or CRL) of this content, signed by the issuer's P-256 key."""
    assert isinstance(issuer.key, ec.EllipticCurvePrivateKey)
    signature = issuer.key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    return element(0x30, tbs + algorithm + element(0x03, b"\0" + signature))


def content(tbs: bytes) -> bytes:
    start, end = expect(tbs, 0, len(tbs), 0x30)
    return tbs[start:end]


def changed(made: Made, issuer: Made, change: Callable[[bytes], bytes]) -> bytes:
    """The certificate's DER after `change` to the content of its TBSCertificate."""
    before = content(made.certificate.tbs_certificate_bytes)
    after = change(before)
    assert after != before
    return signed(element(0x30, after), issuer)


def with_extensions(made: Made, issuer: Made, change: Callable[[list[bytes]], list[bytes]]) -> bytes:
    """The certificate's DER after `change` to the list of its extensions, each as DER."""
    tbs = made.certificate.tbs_certificate_bytes
    start, end = expect(tbs, 0, len(tbs), 0x30)
    *_, (tag, position, inside, stop) = children(tbs, start, end)
    assert tag == 0xA3
    first, last = expect(tbs, inside, stop, 0x30)
    entries = [tbs[begin:finish] for _, begin, _, finish in children(tbs, first, last)]
    return signed(element(0x30, tbs[start:position] + element(0xA3, element(0x30, b"".join(change(entries))))), issuer)


def extension(number: x509.ObjectIdentifier, value: bytes, *, critical: bool = False) -> bytes:
    """An Extension's DER."""
    return element(0x30, oid(number) + (b"\x01\x01\xff" if critical else b"") + element(0x04, value))


def oid(number: x509.ObjectIdentifier) -> bytes:
    """An object identifier's DER."""
    arcs = [int(arc) for arc in number.dotted_string.split(".")]
    body = bytearray((arcs[0] * 40 + arcs[1],))
    for arc in arcs[2:]:
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | (arc & 0x7F))
        body += bytes(reversed(groups))
    return element(0x06, bytes(body))


def attribute(dotted: str, value: bytes) -> bytes:
    """An RDN of one attribute whose value is given as DER."""
    return element(0x31, element(0x30, oid(x509.ObjectIdentifier(dotted)) + value))


def renamed(made: Made, issuer: Made, *rdns: bytes) -> bytes:
    """The certificate's DER with these RDNs for its subject."""
    before = made.certificate.subject.public_bytes()
    return changed(made, issuer, lambda content: content.replace(before, element(0x30, b"".join(rdns))))
