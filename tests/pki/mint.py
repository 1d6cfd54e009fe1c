"""Certificates for tests, of every shape that the library lets one build, by few keys made once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER = ExtendedKeyUsageOID.SERVER_AUTH
ANY = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@cache
def key(name: object = 0) -> ec.EllipticCurvePrivateKey:
    """A P-256 key; the same one for the same name."""
    return ec.generate_private_key(ec.SECP256R1())


@cache
def rsa_key(bits: int = 2048, name: object = 0) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def name(common_name: str = "", **more: str) -> x509.Name:
    attributes = [x509.NameAttribute(getattr(NameOID, kind), value) for kind, value in more.items()]
    if common_name:
        attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
    return x509.Name(attributes)


def usage(*uses: str) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{item: item in uses for item in names})


AUTHORITY_USAGE = usage("key_cert_sign", "crl_sign")


@dataclass(frozen=True)
class Made:
    """A certificate with its key: what can issue."""

    certificate: x509.Certificate
    key: Key

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


def digest_for(signer: Key, digest: hashes.HashAlgorithm | None) -> hashes.HashAlgorithm | None:
    return None if isinstance(signer, ed25519.Ed25519PrivateKey) else digest or hashes.SHA256()


def make(
    subject: x509.Name | str,
    issuer: Made | None = None,
    *,
    own: Key | None = None,
    ca: bool | None = None,
    pathlen: int | None = None,
    extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
    begin: datetime = AT - 30 * DAY,
    end: datetime = AT + 30 * DAY,
    serial: int | None = None,
    signer: Key | None = None,
    issuer_name: x509.Name | None = None,
    digest: hashes.HashAlgorithm | None = None,
    ski: bool = True,
    aki: bool = True,
    key_usage: x509.KeyUsage | None = None,
    purposes: Sequence[x509.ObjectIdentifier] | None = None,
    sans: Sequence[x509.GeneralName] | None = None,
    constraints: x509.NameConstraints | None = None,
    padding: object = None,
) -> Made:
    """A certificate; self-signed without an issuer. `signer` signs instead of the issuer's key (a forgery)."""
    subject = name(subject) if isinstance(subject, str) else subject
    own = own or key(subject.rfc4514_string())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name or (issuer.certificate.subject if issuer else subject))
        .public_key(own.public_key())
        .serial_number(serial if serial is not None else x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, pathlen if ca else None), critical=True)
    if ski:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
    if aki:
        above = (issuer.key if issuer else own).public_key()
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above), critical=False)
    if key_usage is not None:
        builder = builder.add_extension(key_usage, critical=True)
    if purposes is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    if sans is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(sans), critical=not len(list(subject)))
    if constraints is not None:
        builder = builder.add_extension(constraints, critical=True)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    by = signer or (issuer.key if issuer else own)
    return Made(builder.sign(by, digest_for(by, digest), rsa_padding=padding), own)  # type: ignore[arg-type]


def root(common_name: str = "Root", **options: object) -> Made:
    settings: dict[str, object] = {"ca": True, "key_usage": AUTHORITY_USAGE, **options}
    return make(common_name, **settings)  # type: ignore[arg-type]


def authority(common_name: str, issuer: Made, **options: object) -> Made:
    settings: dict[str, object] = {"ca": True, "key_usage": AUTHORITY_USAGE, **options}
    return make(common_name, issuer, **settings)  # type: ignore[arg-type]


def client(common_name: str | x509.Name, issuer: Made, **options: object) -> Made:
    settings: dict[str, object] = {"ca": False, "purposes": [CLIENT], "own": key("client"), **options}
    return make(common_name, issuer, **settings)  # type: ignore[arg-type]


def crl(
    issuer: Made,
    serials: Iterable[int] = (),
    *,
    number: int | None = 1,
    begin: datetime = AT - DAY,
    end: datetime | None = AT + 10 * DAY,
    signer: Key | None = None,
    issuer_name: x509.Name | None = None,
    entry: Iterable[tuple[x509.ExtensionType, bool]] = (),
    extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
    number_critical: bool = False,
    digest: hashes.HashAlgorithm | None = None,
) -> x509.CertificateRevocationList:
    """A CRL; every serial with the same entry extensions."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer_name or issuer.certificate.subject)
        .last_update(begin)
        .next_update(end or AT)
    )
    if number is not None:
        builder = builder.add_extension(x509.CRLNumber(number), critical=number_critical)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    for serial in serials:
        revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(AT - 2 * DAY)
        for extension, critical in entry:
            revoked = revoked.add_extension(extension, critical=critical)
        builder = builder.add_revoked_certificate(revoked.build())
    by = signer or issuer.key
    return builder.sign(by, digest_for(by, digest))  # type: ignore[arg-type]
