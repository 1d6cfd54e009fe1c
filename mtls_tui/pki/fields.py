"""The `cf.tls_client_auth.*` fields of one certificate, in the formats that Cloudflare documents.

Serials and key identifiers: upper-case hex without colons. Fingerprints: lower-case hex. Dates as OpenSSL prints them.
Names in three styles (see `dn`). The certificate and its chain as RFC 9440 header values, within Cloudflare's limits.
Nothing here raises: what a certificate lacks, or says unreadably, is empty.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import TypeAlias

from cryptography import x509

from mtls_tui.pki import dn
from mtls_tui.pki.certificate import ParsedCertificate, view
from mtls_tui.pki.errors import LoadError, Refused
from mtls_tui.pki.keys import is_dear, signed_by
from mtls_tui.pki.load import presented_certificates
from mtls_tui.pki.verification import Verification

Fact: TypeAlias = bytes | bool

PREFIX = "cf.tls_client_auth."
MAX_LEAF_BYTES = 10_240
"""10 KiB: a longer `cert_rfc9440` is dropped and its `_too_large` twin is true."""
MAX_CHAIN_BYTES = 16_384
"""16 KiB, likewise for `cert_chain_rfc9440`."""

_TRIED_ISSUERS = 3

_BOOLEANS = (
    "cert_presented", "cert_verified", "cert_revoked", "cert_rfc9440_too_large", "cert_chain_rfc9440_too_large",
)  # fmt: skip
_TEXTS = (
    "cert_issuer_dn", "cert_subject_dn", "cert_issuer_dn_rfc2253", "cert_subject_dn_rfc2253", "cert_issuer_dn_legacy",
    "cert_subject_dn_legacy", "cert_serial", "cert_issuer_serial", "cert_fingerprint_sha256", "cert_fingerprint_sha1",
    "cert_not_before", "cert_not_after", "cert_ski", "cert_issuer_ski", "cert_rfc9440", "cert_chain_rfc9440",
)  # fmt: skip
_ABSENT: dict[str, Fact] = {PREFIX + name: False for name in _BOOLEANS} | {PREFIX + name: b"" for name in _TEXTS}
_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")


def facts_absent() -> dict[str, Fact]:
    """Every field as it is when no certificate was presented."""
    return dict(_ABSENT)


def facts(
    certificate: x509.Certificate | bytes,
    chain: Sequence[x509.Certificate | bytes] = (),
    verification: Verification | None = None,
) -> dict[str, Fact]:
    """Every field of a certificate (an object, or PEM or DER bytes).

    `chain` is what the client sent beside it, in the order sent (a leading copy of the certificate itself is left out);
    it gives the RFC 9440 chain and, where nothing is verified, the issuer's serial. The three Booleans come from
    `verification`, and are false without one. Bytes that can't be read leave the fields of the certificate empty.
    """
    fields = dict(_ABSENT)
    if verification is not None:
        fields[PREFIX + "cert_presented"] = verification.presented
        fields[PREFIX + "cert_verified"] = verification.verified
        fields[PREFIX + "cert_revoked"] = verification.revoked
    found = _readable([certificate])
    if not found:
        return fields
    leaf = found[0]
    others = [*found[1:], *_readable(chain)]
    if others and others[0].der == leaf.der:
        del others[0]
    _own(leaf, fields)
    _issuer(leaf, others, verification, fields)
    value = _rfc9440(leaf)
    if len(value) > MAX_LEAF_BYTES:
        fields[PREFIX + "cert_rfc9440_too_large"] = True
    else:
        fields[PREFIX + "cert_rfc9440"] = value
    if sum(len(item.der) for item in others) > MAX_CHAIN_BYTES:
        fields[PREFIX + "cert_chain_rfc9440_too_large"] = True
    else:
        value = b", ".join(map(_rfc9440, others))
        if len(value) > MAX_CHAIN_BYTES:
            fields[PREFIX + "cert_chain_rfc9440_too_large"] = True
        else:
            fields[PREFIX + "cert_chain_rfc9440"] = value
    return fields


def serial_text(serial: bytes) -> bytes:
    """Content octets of a serial number as OpenSSL prints them: upper-case hex, whole octets, a minus if negative."""
    return _serial_text(int.from_bytes(serial, "big", signed=True))


def _serial_text(value: int) -> bytes:
    magnitude = abs(value)
    digits = magnitude.to_bytes(max(1, (magnitude.bit_length() + 7) // 8), "big").hex().upper()
    return (b"-" if value < 0 else b"") + digits.encode()


def date_text(seconds: int) -> bytes:
    """POSIX seconds as `Mar 21 13:35:00 2022 GMT`; the day is padded by a blank."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return b"%s %2d %02d:%02d:%02d %d GMT" % (
        _MONTHS[moment.month - 1], moment.day, moment.hour, moment.minute, moment.second, moment.year,
    )  # fmt: skip


def _name(raw: bytes) -> tuple[bytes, bytes]:
    """A name in the comma and the slash form; short ones, such as an authority's, are remembered."""
    return _short_name(raw) if len(raw) <= 256 else (dn.rfc2253(raw), dn.legacy(raw))


@lru_cache(1024)
def _short_name(raw: bytes) -> tuple[bytes, bytes]:
    return dn.rfc2253(raw), dn.legacy(raw)


def _own(leaf: ParsedCertificate, fields: dict[str, Fact]) -> None:
    issuer, issuer_legacy = _name(leaf.issuer_raw)
    subject, subject_legacy = _name(leaf.subject_raw)
    fields[PREFIX + "cert_issuer_dn"] = issuer
    fields[PREFIX + "cert_subject_dn"] = subject
    fields[PREFIX + "cert_issuer_dn_rfc2253"] = issuer
    fields[PREFIX + "cert_subject_dn_rfc2253"] = subject
    fields[PREFIX + "cert_issuer_dn_legacy"] = issuer_legacy
    fields[PREFIX + "cert_subject_dn_legacy"] = subject_legacy
    fields[PREFIX + "cert_serial"] = serial_text(leaf.serial)
    fields[PREFIX + "cert_fingerprint_sha256"] = hashlib.sha256(leaf.der).hexdigest().encode()
    # An identifier in the original's format, no protection of anything.
    fields[PREFIX + "cert_fingerprint_sha1"] = hashlib.sha1(leaf.der, usedforsecurity=False).hexdigest().encode()
    fields[PREFIX + "cert_not_before"] = date_text(leaf.not_before)
    fields[PREFIX + "cert_not_after"] = date_text(leaf.not_after)
    fields[PREFIX + "cert_ski"] = _hex(leaf.key_identifier)


def _issuer(
    leaf: ParsedCertificate,
    others: Sequence[ParsedCertificate],
    verification: Verification | None,
    fields: dict[str, Fact],
) -> None:
    """From the verified path; else from what was presented, if its key signed the leaf: a name alone says nothing."""
    identifier = leaf.issuer_key_identifier
    path = verification.chain if verification is not None else ()
    if len(path) > 1 and path[0] == leaf.certificate:
        fields[PREFIX + "cert_issuer_serial"] = _serial_text(path[1].serial_number)
        identifier = identifier or view(path[1]).key_identifier
    else:
        # Unverified, so strangers may send any number of would-be issuers: only a few are tried.
        named = (item for item in others if item.subject == leaf.issuer)
        issuer = next((item for item in islice(named, _TRIED_ISSUERS) if _issued(leaf, item)), None)
        if issuer is not None:
            fields[PREFIX + "cert_issuer_serial"] = serial_text(issuer.serial)
            identifier = identifier or issuer.key_identifier
    fields[PREFIX + "cert_issuer_ski"] = _hex(identifier)


def _issued(leaf: ParsedCertificate, candidate: ParsedCertificate) -> bool:
    try:
        return not is_dear(candidate.public_key) and signed_by(leaf, candidate)
    except Refused:
        return False


def _hex(identifier: bytes | None) -> bytes:
    return b"" if identifier is None else identifier.hex().upper().encode()


def _rfc9440(item: ParsedCertificate) -> bytes:
    """RFC 9440 2.1: a structured-field byte sequence of the DER."""
    return b":" + b64encode(item.der) + b":"


def _readable(items: Sequence[x509.Certificate | bytes]) -> list[ParsedCertificate]:
    found: list[ParsedCertificate] = []
    for item in items:
        try:
            if isinstance(item, x509.Certificate) or item[:1] == b"\x30":
                found.append(view(item))
            else:
                found.extend(view(certificate) for certificate in presented_certificates(item))
        except LoadError:
            continue
    return found
