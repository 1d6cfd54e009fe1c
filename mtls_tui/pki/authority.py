"""A local certificate authority in a folder: it issues client certificates, revokes them and writes the CRL.

    ca.pem        the authority's certificate          anchors = ["ca.pem"]
    ca.key        its private key, mode 0600, encrypted when a passphrase was given
    ca.crl        the CRL, rewritten at every revocation      crls = ["ca.crl"]
    inventory.db  what was issued and revoked
    foreign/      certificates of other authorities, imported to be trusted

Time is a parameter everywhere. Files are written beside and renamed, so a crash leaves the old or the new one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from platformdirs import user_data_dir

from mtls_tui.files import FileError, read_bounded, write_atomically, write_new
from mtls_tui.pki import issue
from mtls_tui.pki.errors import LoadError
from mtls_tui.pki.inventory import Inventory, InventoryError, Record
from mtls_tui.pki.issue import DAY, IssueError, Issuer, KeyKind, PrivateKey, Purpose, RevokedEntry
from mtls_tui.pki.keys import PublicKey
from mtls_tui.pki.load import crl_ders, parse_crl

CRL_VALIDITY = timedelta(days=30)
CLOCK_SKEW = timedelta(minutes=5)
"""How long before now a certificate begins, so that a host whose clock is behind accepts it at once."""

LARGEST = 10_000_000
"""Bytes of a certificate, key or request."""

LARGEST_CRL = 512 * 1024 * 1024
"""Bytes of the authority's own revocation list."""


def default_folder() -> Path:
    """The folder of the user's own authority: `MTLS_TUI_STORE`, or one in the user's data."""
    given = os.environ.get("MTLS_TUI_STORE")
    return Path(given) if given else Path(user_data_dir("mtls-tui")) / "authority"


class AuthorityError(Exception):
    """The store can't be used as asked; the message names the file and the cure. Never holds key material."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A new certificate; `key` is None when it was made from a request, whose maker has the key."""

    certificate: x509.Certificate
    key: PrivateKey | None
    record: Record

    def certificate_pem(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)


class Authority:
    """An authority opened from its folder. Make a new one with `Authority.init`."""

    def __init__(self, folder: Path, *, passphrase: bytes | None = None) -> None:
        self.folder = folder
        self._passphrase = passphrase
        if not folder.is_dir():
            raise AuthorityError(f"{folder}: there is no authority here; make one with `mtls-tui certs init`")
        self.certificate = _read_certificate(folder / "ca.pem")
        self.inventory = Inventory(folder / "inventory.db")
        self._issuer: Issuer | None = None

    @classmethod
    def init(
        cls,
        folder: Path,
        *,
        cn: str,
        at: datetime,
        days: int = 3650,
        organization: str | None = None,
        key_kind: KeyKind = "ecdsa-p256",
        passphrase: bytes | None = None,
    ) -> Authority:
        """Make a root in an empty or new folder.

        Raises AuthorityError if one is there already: nothing is overwritten.
        """
        for name in ("ca.pem", "ca.key"):
            if (folder / name).exists():
                raise AuthorityError(f"{folder / name} exists already; choose another folder with --store")
        key = issue.generate_key(key_kind)
        begin = issue.whole_seconds(at - CLOCK_SKEW)
        certificate = issue.self_signed_authority(
            issue.common_name(cn, organization), key, not_before=begin, not_after=begin + days * DAY, path_length=0
        )
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_new(folder / "ca.key", key_pem(key, passphrase), mode=0o600)
            write_new(folder / "ca.pem", certificate.public_bytes(serialization.Encoding.PEM))
        except FileError as error:
            raise AuthorityError(str(error)) from None
        except OSError as error:
            raise AuthorityError(f"{folder}: can't be written: {error.strerror}") from None
        authority = cls(folder, passphrase=passphrase)
        authority.write_crl(at)
        return authority

    @property
    def issuer(self) -> Issuer:
        """Certificate and key, loaded when first needed: listing and showing need no passphrase."""
        if self._issuer is None:
            key = load_key(self.folder / "ca.key", self._passphrase)
            if key.public_key() != self.certificate.public_key():
                raise AuthorityError(
                    f"{self.folder / 'ca.key'}: is not the key of ca.pem; restore the pair from a backup"
                )
            self._issuer = Issuer(self.certificate, key)
        return self._issuer

    def issue(
        self,
        *,
        cn: str | None,
        at: datetime,
        days: int = 365,
        sans: Sequence[str] = (),
        csr: bytes | None = None,
        key_kind: KeyKind = "ecdsa-p256",
        organization: str | None = None,
        purpose: Purpose = "client",
        not_before: datetime | None = None,
    ) -> Issued:
        """Issue a certificate, by a new key or for the key of a signing request (PEM or DER, signature checked).

        Of a request only key, subject and alternative names are taken; `cn` and `sans` win over them where given.
        A validity past the authority's own end is refused.
        """
        if days < 1:
            raise IssueError("the validity is at least one day")
        names = [issue.alternative_name(text) for text in sans]
        subject = issue.common_name(cn, organization) if cn is not None else None
        key: PrivateKey | None = None
        public_key: PublicKey
        if csr is None:
            if subject is None:
                raise IssueError("without a signing request a common name is needed (--cn)")
            key = issue.generate_key(key_kind)
            public_key = key.public_key()
        else:
            request = load_request(csr)
            public_key = _acceptable(request.public_key())
            subject = subject or request.subject
            names = names or _names_of(request)
            if not list(subject) and not names:
                raise IssueError("the request names nobody: its subject and alternative names are empty; give --cn")
        begin = issue.whole_seconds(not_before or at - CLOCK_SKEW)
        end = begin + days * DAY
        if end > self.certificate.not_valid_after_utc:
            left = (self.certificate.not_valid_after_utc - begin).days
            raise IssueError(f"the authority itself ends in {left} days; ask for at most so many (--days)")
        certificate = issue.end_entity(
            self.issuer, subject, public_key, not_before=begin, not_after=end, purpose=purpose, alternative_names=names
        )
        return Issued(certificate, key, self.inventory.add(certificate, at))

    def revoke(self, serial: str, *, reason: str = "unspecified", at: datetime) -> Record:
        """Revoke and write the CRL. `reason` is a CRLReason name of RFC 5280 5.3.1."""
        if reason not in issue.REASONS:
            raise IssueError(f"unknown reason `{reason}`; use one of {', '.join(sorted(issue.REASONS))}")
        self.issuer  # noqa: B018 - a wrong passphrase must be found before anything changes
        record = self.inventory.revoke(serial, reason, at)
        self._publish(record, "revoked", at)
        return record

    def restore(self, serial: str, *, at: datetime) -> Record:
        """Lift a certificateHold and write the CRL."""
        self.issuer  # noqa: B018 - as in revoke
        record = self.inventory.restore(serial)
        self._publish(record, "restored", at)
        return record

    def _publish(self, record: Record, done: str, at: datetime) -> None:
        try:
            self.write_crl(at)
        except AuthorityError as error:
            raise AuthorityError(
                f"serial {record.serial} is {done} in the inventory, but nobody sees it yet: {error}; "
                "mend that and run `mtls-tui certs crl`"
            ) from None

    def crl_due(self, at: datetime, *, path: Path | None = None) -> bool:
        """True if the revocation list must be written again: half of its time is over, or it is not this inventory's.

        A list that is missing, unreadable, signed by another key or silent about a revocation is also due.
        """
        target = path or self.folder / "ca.crl"
        try:
            crl = parse_crl(crl_ders(read_bounded(target, LARGEST_CRL, "revocation list"))[0])
            signed = crl.is_signature_valid(self.certificate.public_key())  # type: ignore[arg-type]
        except (OSError, LoadError, ValueError, TypeError, UnsupportedAlgorithm):
            return True
        begin, end = crl.last_update_utc, crl.next_update_utc
        revoked = {int(record.serial, 16) for record in self.inventory.all() if record.revoked_at is not None}
        if not signed or end is None or revoked != {entry.serial_number for entry in crl}:
            return True
        return not begin <= at < begin + (end - begin) / 2

    def write_crl(self, at: datetime, *, path: Path | None = None, validity: timedelta = CRL_VALIDITY) -> Path:
        """Sign the next CRL and put it in place atomically (default: `ca.crl` in the folder)."""
        target = path or self.folder / "ca.crl"
        with self.inventory.next_crl() as (number, records):
            entries = [
                RevokedEntry(int(r.serial, 16), r.revoked_at, issue.REASONS[r.reason or "unspecified"])
                for r in records
                if r.revoked_at is not None
            ]
            now = issue.whole_seconds(at)
            crl = issue.revocation_list(
                self.issuer, entries, number=number, this_update=now - CLOCK_SKEW, next_update=now + validity
            )
            _write(target, crl.public_bytes(serialization.Encoding.PEM))
        return target

    def import_foreign(self, data: bytes, name: str) -> Path:
        """Keep another authority's certificate (PEM or DER) in `foreign/NAME.pem`, to be trusted by hosts.

        Raises AuthorityError if it is not a CA certificate or the name is taken by another certificate.
        """
        if not name or name != Path(name).name or name.startswith("."):
            raise AuthorityError(f"`{name}` is not a plain file name")
        certificate = _parse_certificate(data, f"the file for `{name}`")
        try:
            constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
            is_authority = constraints.ca
        except (x509.ExtensionNotFound, ValueError):
            is_authority = False
        if not is_authority:
            raise AuthorityError(
                f"{certificate.subject.rfc4514_string()} is not an authority: basicConstraints CA:TRUE is missing"
            )
        folder = self.folder / "foreign"
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / f"{name}.pem"
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        if path.exists() and _read(path) != pem:
            raise AuthorityError(f"{path} is another certificate; choose another name (--name)")
        _write(path, pem)
        return path


# --- keys and files ------------------------------------------------------------------------------------------------


def key_pem(key: PrivateKey, passphrase: bytes | None = None) -> bytes:
    """A private key as PKCS#8 PEM, encrypted when a passphrase is given."""
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def bundle_pkcs12(issued: Issued, authority: x509.Certificate, passphrase: bytes) -> bytes:
    """Certificate, key and authority as PKCS#12 for browsers and phones.

    Raises IssueError without a key or passphrase.
    """
    if issued.key is None:
        raise IssueError("a certificate made from a signing request has no key here to put into PKCS#12")
    if not passphrase:
        raise IssueError("PKCS#12 holds the private key: give it a passphrase")
    name = issued.record.subject.encode("utf-8")
    encryption = serialization.BestAvailableEncryption(passphrase)
    return pkcs12.serialize_key_and_certificates(name, issued.key, issued.certificate, [authority], encryption)


def load_key(path: Path, passphrase: bytes | None = None) -> PrivateKey:
    """A private key from a PEM file. AuthorityError names the file and the cure, never the content."""
    data = _read(path)
    try:
        key = serialization.load_pem_private_key(data, passphrase)
    except TypeError:
        cure = "it has no passphrase, leave it out" if passphrase else "it is encrypted: give its passphrase"
        raise AuthorityError(f"{path}: {cure}") from None
    except (ValueError, UnsupportedAlgorithm):
        cure = "wrong passphrase, or no PEM private key" if passphrase else "no PEM private key"
        raise AuthorityError(f"{path}: {cure}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        raise AuthorityError(f"{path}: keys of this kind can't issue; use ECDSA, RSA or Ed25519")
    return key


def load_request(data: bytes) -> x509.CertificateSigningRequest:
    """A PKCS#10 request, PEM or DER, whose signature proves that its maker has the key."""
    try:
        pem = b"-----BEGIN" in data
        request = x509.load_pem_x509_csr(data) if pem else x509.load_der_x509_csr(data)
        valid = request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm, InvalidSignature):
        raise IssueError("not a certificate signing request (PKCS#10, PEM or DER)") from None
    if not valid:
        raise IssueError("the signing request's own signature is wrong: it was changed or damaged")
    return request


def _acceptable(key: object) -> PublicKey:
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < 2048:
            raise IssueError(f"the request's RSA key has {key.key_size} bits; at least 2048 are needed")
        return key
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in ("secp256r1", "secp384r1", "secp521r1"):
            raise IssueError(f"the request's key is on the curve {key.curve.name}; use P-256, P-384 or P-521")
        return key
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    raise IssueError("the request's key is of a kind that is never accepted; use ECDSA, RSA or Ed25519")


def _names_of(request: x509.CertificateSigningRequest) -> list[x509.GeneralName]:
    try:
        return list(request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return []
    except ValueError as error:
        raise IssueError(f"the request's extensions can't be read: {error}") from None


def _read_certificate(path: Path) -> x509.Certificate:
    if not path.exists():
        raise AuthorityError(f"{path} is missing; make an authority with `mtls-tui certs init`")
    return _parse_certificate(_read(path), str(path))


def _parse_certificate(data: bytes, where: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(data) if b"-----BEGIN" in data else x509.load_der_x509_certificate(data)
    except ValueError:
        raise AuthorityError(f"{where}: is not a certificate (PEM or DER)") from None


def _read(path: Path) -> bytes:
    try:
        return read_bounded(path, LARGEST, "file of the authority")
    except FileError as error:
        raise AuthorityError(str(error)) from None


def _write(path: Path, data: bytes) -> None:
    """Put a public file in place, readable for all: gateways of other users read it."""
    try:
        write_atomically(path, data, mode=0o644, forced=True)
    except FileError as error:
        raise AuthorityError(str(error)) from None


def write_issued(path: Path, data: bytes, *, secret: bool) -> None:
    """Put an issued certificate in place or, `secret`, a file with its key (mode 0600). AuthorityError: it can't be."""
    try:
        write_atomically(path, data, mode=0o600 if secret else 0o644, forced=True, follow=not secret)
    except FileError as error:
        raise AuthorityError(str(error)) from None


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 in lower-case hexadecimal, as `cf.tls_client_auth.cert_fingerprint_sha256` has it."""
    return certificate.fingerprint(hashes.SHA256()).hex()


__all__ = [
    "Authority", "AuthorityError", "InventoryError", "Issued", "bundle_pkcs12", "fingerprint", "key_pem", "load_key",
    "load_request", "write_issued",
]  # fmt: skip
