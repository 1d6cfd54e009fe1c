"""Making certificates and CRLs: pure functions from a request to a signed object. No files, no inventory.

Profiles follow RFC 5280: a client certificate has CA:FALSE, keyUsage digitalSignature, extendedKeyUsage clientAuth,
subject and authority key identifiers, and a positive random serial of at most 20 octets (section 4.1.2.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Literal, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from mtls_tui.pki.keys import PublicKey

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
KeyKind: TypeAlias = Literal["ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519"]
Purpose: TypeAlias = Literal["client", "server", "none"]

KEY_KINDS: tuple[KeyKind, ...] = ("ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519")

_PURPOSES: dict[Purpose, list[ObjectIdentifier]] = {
    "client": [ExtendedKeyUsageOID.CLIENT_AUTH],
    "server": [ExtendedKeyUsageOID.SERVER_AUTH],
    "none": [],
}

REASONS: dict[str, x509.ReasonFlags] = {
    reason.value: reason
    for reason in x509.ReasonFlags
    if reason not in (x509.ReasonFlags.remove_from_crl, x509.ReasonFlags.unspecified)
} | {"unspecified": x509.ReasonFlags.unspecified}
"""CRLReason names (RFC 5280 5.3.1) that a revocation may carry; removeFromCRL belongs to delta CRLs only."""


LONGEST_NAME = 64
"""Bytes of a common name or organization (ub-common-name, ub-organization-name of RFC 5280 appendix A)."""


class IssueError(ValueError):
    """What was asked for can't be issued; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """A certificate that may sign, with its private key."""

    certificate: x509.Certificate
    key: PrivateKey


def generate_key(kind: KeyKind = "ecdsa-p256") -> PrivateKey:
    """A new private key of a kind that verification accepts."""
    match kind:
        case "ecdsa-p256":
            return ec.generate_private_key(ec.SECP256R1())
        case "ecdsa-p384":
            return ec.generate_private_key(ec.SECP384R1())
        case "ed25519":
            return ed25519.Ed25519PrivateKey.generate()
        case "rsa-2048" | "rsa-3072" | "rsa-4096":
            return rsa.generate_private_key(65537, int(kind.removeprefix("rsa-")))
    raise IssueError(f"unknown kind of key `{kind}`; use one of {', '.join(KEY_KINDS)}")


def common_name(name: str, organization: str | None = None) -> x509.Name:
    """A subject of CN and, where given, O (in the order O, CN, as certificates have it)."""
    if not name.strip():
        raise IssueError("the common name is empty; give one with --cn")
    for what, text in (("common name", name), ("organization", organization or "")):
        if len(text.encode("utf-8", "surrogatepass")) > LONGEST_NAME:
            raise IssueError(
                f"the {what} is longer than {LONGEST_NAME} bytes, the most that RFC 5280 allows; shorten it"
            )
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if organization:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(attributes)


def alternative_name(text: str) -> x509.GeneralName:
    """A SAN from `dns:NAME`, `email:A@B`, `ip:ADDRESS`, `uri:URI`, or one of these guessed from its form."""
    kind, separator, value = text.partition(":")
    try:
        match kind if separator else "":
            case "dns":
                return x509.DNSName(value)
            case "email":
                return x509.RFC822Name(value)
            case "ip":
                return x509.IPAddress(ip_address(value))
            case "uri":
                return x509.UniformResourceIdentifier(value)
        if "://" in text:
            return x509.UniformResourceIdentifier(text)
        if "@" in text:
            return x509.RFC822Name(text)
        try:
            return x509.IPAddress(ip_address(text))
        except ValueError:
            return x509.DNSName(text)
    except ValueError as error:
        raise IssueError(
            f"`{text}` is not an alternative name: {error}; write dns:, email:, ip: or uri: before it"
        ) from None


def self_signed_authority(
    subject: x509.Name, key: PrivateKey, *, not_before: datetime, not_after: datetime, path_length: int | None = None
) -> x509.Certificate:
    """A root: CA:TRUE, keyCertSign and cRLSign (RFC 5280 4.2.1.3, 4.2.1.9)."""
    public_key = key.public_key()
    identifier = x509.SubjectKeyIdentifier.from_public_key(public_key)
    return (
        _base(subject, subject, public_key, not_before, not_after)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_key_usage("key_cert_sign", "crl_sign", "digital_signature"), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(key, _hash_for(key))
    )


def end_entity(
    issuer: Issuer,
    subject: x509.Name,
    public_key: PublicKey,
    *,
    not_before: datetime,
    not_after: datetime,
    purpose: Purpose = "client",
    alternative_names: Sequence[x509.GeneralName] = (),
) -> x509.Certificate:
    """A certificate for a client (or, for a demo's own server, a server)."""
    builder = (
        _base(subject, issuer.certificate.subject, public_key, not_before, not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage("digital_signature"), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(authority_key_identifier(issuer.certificate), critical=False)
    )
    if _PURPOSES[purpose]:
        builder = builder.add_extension(x509.ExtendedKeyUsage(_PURPOSES[purpose]), critical=False)
    if alternative_names:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternative_names), critical=False)
    return builder.sign(issuer.key, _hash_for(issuer.key))


@dataclass(frozen=True, slots=True)
class RevokedEntry:
    """One line of a CRL."""

    serial: int
    at: datetime
    reason: x509.ReasonFlags = x509.ReasonFlags.unspecified


def revocation_list(
    issuer: Issuer, entries: Iterable[RevokedEntry], *, number: int, this_update: datetime, next_update: datetime
) -> x509.CertificateRevocationList:
    """A complete CRL with number and authority key identifier (RFC 5280 5.2.1, 5.2.3)."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(this_update)
        .next_update(next_update)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(authority_key_identifier(issuer.certificate), critical=False)
    )
    for entry in entries:
        revoked = x509.RevokedCertificateBuilder().serial_number(entry.serial).revocation_date(entry.at)
        if entry.reason is not x509.ReasonFlags.unspecified:  # RFC 5280 5.3.1: leave the extension out instead
            revoked = revoked.add_extension(x509.CRLReason(entry.reason), critical=False)
        builder = builder.add_revoked_certificate(revoked.build())
    return builder.sign(issuer.key, _hash_for(issuer.key))


def authority_key_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """The AKI that names this issuer: its own SKI where it has one (RFC 5280 4.2.1.1)."""
    try:
        identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())  # type: ignore[arg-type]
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _base(
    subject: x509.Name, issuer: x509.Name, public_key: PublicKey, not_before: datetime, not_after: datetime
) -> x509.CertificateBuilder:
    if not_after <= not_before:
        raise IssueError(
            f"the validity ends ({not_after:%Y-%m-%d %H:%M}) before it begins ({not_before:%Y-%m-%d %H:%M})"
        )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )


def _key_usage(*uses: str) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: name in uses for name in names})


def _hash_for(key: PrivateKey) -> hashes.SHA256 | hashes.SHA384 | None:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size >= 384:
        return hashes.SHA384()
    return hashes.SHA256()


def whole_seconds(moment: datetime) -> datetime:
    """X.509 times have no fractions; cutting them here keeps what we store equal to what is signed."""
    return moment.replace(microsecond=0)


DAY = timedelta(days=1)
