"""What a person wants to see of a client certificate, and which line of it is the reason that it does not verify."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui.pki import LoadError, Verification, presented_certificates
from mtls_tui.pki.errors import Code

_PLACE: Final[dict[int, str]] = {
    Code.CERT_HAS_EXPIRED: "valid", Code.CERT_NOT_YET_VALID: "valid", Code.CERT_REVOKED: "serial",
    Code.DEPTH_ZERO_SELF_SIGNED_CERT: "issuer", Code.SELF_SIGNED_CERT_IN_CHAIN: "issuer",
    Code.UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "issuer", Code.UNABLE_TO_GET_CRL: "issuer", Code.CRL_HAS_EXPIRED: "issuer",
    Code.CRL_NOT_YET_VALID: "issuer", Code.INVALID_PURPOSE: "usage", Code.KEYUSAGE_NO_CERTSIGN: "usage",
    Code.EE_KEY_TOO_SMALL: "key", Code.CERT_SIGNATURE_FAILURE: "signature", Code.CA_MD_TOO_WEAK: "signature",
    Code.UNSUPPORTED_SIGNATURE_ALGORITHM: "signature", Code.PERMITTED_VIOLATION: "names",
    Code.EXCLUDED_VIOLATION: "names", Code.EMPTY_SUBJECT_ALT_NAME: "names", Code.SUBJECT_NAME_EMPTY: "subject",
}  # fmt: skip
"""The line that an error is about; every other error stands beside the subject."""
SOON: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class CertificateFact:
    """One line: what, its value, and what is wrong with it ("" when nothing is). `warning` is not a refusal."""

    name: str
    value: str
    problem: str = ""
    warning: str = ""


def certificate_facts(
    chain: Sequence[x509.Certificate | bytes], verification: Verification, at: datetime
) -> tuple[CertificateFact, ...]:
    """The facts of the first certificate presented; none when nothing was."""
    if not chain:
        return ()
    leaf = _parsed(chain[0])
    error = verification.error
    if leaf is None:
        return (CertificateFact("certificate", "can't be read", str(error) if error else ""),)
    lines: dict[str, tuple[str, Callable[[x509.Certificate], str]]] = {
        "subject": ("subject", lambda c: c.subject.rfc4514_string() or "(empty)"),
        "names": ("names", _names),
        "issuer": ("issuer", lambda c: c.issuer.rfc4514_string() or "(empty)"),
        "serial": ("serial", lambda c: f"{c.serial_number:X}"),
        "valid": ("valid", lambda c: _validity(c, at)),
        "usage": ("usage", _usage),
        "key": ("key", _key),
        "signature": ("signature", _signature),
        "fingerprint": ("sha256", lambda c: hashlib.sha256(c.public_bytes(Encoding.DER)).hexdigest()),
    }
    wrong = (_PLACE.get(error.number, "subject") if error.depth == 0 else "issuer") if error else ""
    found = []
    for place, (name, read) in lines.items():
        try:
            value = read(leaf)
        except (ValueError, TypeError, x509.UnsupportedGeneralNameType) as problem:
            value = f"can't be read: {problem}"
        if not value and place != wrong:
            continue
        warning = ""
        if place == "valid" and not error and leaf.not_valid_after_utc - at < SOON:
            warning = f"expires in {span(leaf.not_valid_after_utc - at)}"
        found.append(CertificateFact(name, value or "(none)", str(error) if error and place == wrong else "", warning))
    return tuple(found)


def _parsed(item: x509.Certificate | bytes) -> x509.Certificate | None:
    if isinstance(item, x509.Certificate):
        return item
    try:
        return presented_certificates(item)[0]
    except LoadError:
        return None


def _names(certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ""
    return ", ".join(str(getattr(name, "value", name)) for name in names)


def _validity(certificate: x509.Certificate, at: datetime) -> str:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if at < begin:
        when = f"begins in {span(begin - at)}"
    elif at > end:
        when = f"ended {span(at - end)} ago"
    else:
        when = f"{span(end - at)} left"
    return f"{begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC ({when})"


def _usage(certificate: x509.Certificate) -> str:
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return ""
    return ", ".join(usage._name if usage._name != "Unknown OID" else usage.dotted_string for usage in usages)


def _key(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    match key:
        case rsa.RSAPublicKey():
            return f"RSA {key.key_size}"
        case ec.EllipticCurvePublicKey():
            return f"ECDSA {key.curve.name}"
        case ed25519.Ed25519PublicKey():
            return "Ed25519"
        case ed448.Ed448PublicKey():
            return "Ed448"
        case dsa.DSAPublicKey():
            return f"DSA {key.key_size}"
    return type(key).__name__


def _signature(certificate: x509.Certificate) -> str:
    name = certificate.signature_algorithm_oid._name
    return name if name != "Unknown OID" else certificate.signature_algorithm_oid.dotted_string


def span(length: timedelta) -> str:
    """A length of time in the largest unit that says enough: `3 days`, `5 hours`, `40 minutes`."""
    seconds = int(abs(length.total_seconds()))
    for size, unit in (
        (365 * 86400 * 2, "year"),
        (86400 * 2, "day"),
        (3600 * 2, "hour"),
        (60, "minute"),
        (1, "second"),
    ):
        if seconds >= size:
            one = {"year": 365 * 86400, "day": 86400, "hour": 3600}.get(unit, size)
            number = seconds // one
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return "0 seconds"


def moment(value: datetime) -> str:
    """A time as it is shown everywhere."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
