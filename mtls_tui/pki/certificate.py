"""One certificate as verification sees it: parts sliced once, extensions by OID, names ready to compare.

A `ParsedCertificate` is made from bytes that `cryptography` has read as strict DER. Making one costs a few
microseconds; what costs more (extensions, folded subject) is read when first asked for and kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import oid

from mtls_tui.pki.der import BIT_STRING, INTEGER, SEQUENCE, DerError, expect, header
from mtls_tui.pki.dn import display
from mtls_tui.pki.errors import Code, LoadError, Refused
from mtls_tui.pki.load import parse_certificate
from mtls_tui.pki.names import EMPTY_NAME, CanonicalName, FlawedNameError, canonical

_E = TypeVar("_E", bound=x509.ExtensionType)
_X = oid.ExtensionOID

BASIC_CONSTRAINTS = _X.BASIC_CONSTRAINTS
KEY_USAGE = _X.KEY_USAGE
EXTENDED_KEY_USAGE = _X.EXTENDED_KEY_USAGE
NAME_CONSTRAINTS = _X.NAME_CONSTRAINTS
SUBJECT_ALTERNATIVE_NAME = _X.SUBJECT_ALTERNATIVE_NAME
AUTHORITY_KEY_IDENTIFIER = _X.AUTHORITY_KEY_IDENTIFIER
SUBJECT_KEY_IDENTIFIER = _X.SUBJECT_KEY_IDENTIFIER
CERTIFICATE_POLICIES = _X.CERTIFICATE_POLICIES
POLICY_CONSTRAINTS = _X.POLICY_CONSTRAINTS
POLICY_MAPPINGS = oid.ObjectIdentifier("2.5.29.33")
INHIBIT_ANY_POLICY = _X.INHIBIT_ANY_POLICY

HANDLED = frozenset(
    {
        BASIC_CONSTRAINTS,
        KEY_USAGE,
        EXTENDED_KEY_USAGE,
        NAME_CONSTRAINTS,
        SUBJECT_ALTERNATIVE_NAME,
        AUTHORITY_KEY_IDENTIFIER,
        SUBJECT_KEY_IDENTIFIER,
        CERTIFICATE_POLICIES,
        POLICY_CONSTRAINTS,
        POLICY_MAPPINGS,
        INHIBIT_ANY_POLICY,
    }
)
"""Extensions that verification processes; any other one that is critical refuses (RFC 5280 4.2)."""


class ParsedCertificate:
    """A certificate taken apart. Treat as immutable."""

    __slots__ = (
        "__dict__",  # for what is read when first asked
        "algorithm",
        "certificate",
        "constraints",
        "der",
        "fits",
        "inner_algorithm",
        "issuer_raw",
        "not_after",
        "not_before",
        "serial",
        "signature",
        "spki",
        "subject_raw",
        "tbs",
        "verdicts",
        "version",
    )

    fits: dict[bytes, bool]
    """By an issuer's SubjectPublicKeyInfo: whether that key made the signature (`keys.signed_by`)."""
    verdicts: dict[bool, Refused | None]
    """By "as an anchor": whether it is fit to be an authority (`validate`)."""
    constraints: object | None
    """Its name constraints once they are read; ask `constraints.constraints_of`, which keeps them here."""

    def __init__(self, certificate: x509.Certificate, der: bytes) -> None:
        """Raises LoadError if the bytes are not shaped like a certificate."""
        self.certificate = certificate
        self.der = der
        self.fits = {}
        self.verdicts = {}
        self.constraints = None
        try:
            self._slice(der)
            self.not_before = _seconds(certificate.not_valid_before_utc)
            self.not_after = _seconds(certificate.not_valid_after_utc)
        except (DerError, ValueError, OverflowError) as error:
            raise LoadError(f"a certificate that can't be read: {error}") from None

    def _slice(self, der: bytes) -> None:
        """Cut the fields of RFC 5280 4.1 out of the DER."""
        start, end = expect(der, 0, len(der), SEQUENCE)
        tbs, tbs_end = expect(der, start, end, SEQUENCE)
        self.tbs = der[start:tbs_end]
        _, algorithm_end = expect(der, tbs_end, end, SEQUENCE)
        self.algorithm = der[tbs_end:algorithm_end]
        bits, bits_end = expect(der, algorithm_end, end, BIT_STRING)
        if bits_end != end or bits == bits_end:
            raise DerError("no signature")
        # A signature that is not a whole number of octets is invalid in every algorithm: no key verifies it.
        self.signature = der[bits + 1 : bits_end] if der[bits] == 0 else b""
        position = tbs
        tag, content, stop = header(der, position, tbs_end)
        self.version = 1
        if tag == 0xA0:
            number, number_end = expect(der, content, stop, INTEGER)
            self.version = int.from_bytes(der[number:number_end], "big") + 1
            position = stop
        number, position = expect(der, position, tbs_end, INTEGER)
        self.serial = der[number:position]
        _, stop = expect(der, position, tbs_end, SEQUENCE)
        self.inner_algorithm = der[position:stop]
        position = stop
        _, stop = expect(der, position, tbs_end, SEQUENCE)
        self.issuer_raw = der[position:stop]
        _, position = expect(der, stop, tbs_end, SEQUENCE)
        _, stop = expect(der, position, tbs_end, SEQUENCE)
        self.subject_raw = der[position:stop]
        position = stop
        _, stop = expect(der, position, tbs_end, SEQUENCE)
        self.spki = der[position:stop]

    @cached_property
    def extensions(self) -> Mapping[x509.ObjectIdentifier, x509.Extension[x509.ExtensionType]]:
        """All extensions by OID. Refused when one can't be read or comes twice (RFC 5280 4.2)."""
        try:
            return {extension.oid: extension for extension in self.certificate.extensions}
        except x509.DuplicateExtension as error:
            raise Refused(Code.INVALID_EXTENSION, f"has the extension {error.oid.dotted_string} twice") from None
        except (ValueError, TypeError, x509.UnsupportedGeneralNameType, UnsupportedAlgorithm) as error:
            text = (str(error).splitlines() or [type(error).__name__])[0][:160]
            detail = "" if "ParseError" in text else f" ({text})"  # the parser's own words help nobody
            raise Refused(Code.INVALID_EXTENSION, f"has an extension that can't be read{detail}") from None

    def extension(self, number: x509.ObjectIdentifier, kind: type[_E]) -> _E | None:
        """One extension's value, None when absent. Refused as in `extensions`."""
        found = self.extensions.get(number)
        if found is None:
            return None
        if not isinstance(found.value, kind):  # pragma: no cover - cryptography maps each OID to one class
            raise Refused(Code.INVALID_EXTENSION, f"has an extension {number.dotted_string} that can't be read")
        return found.value

    @cached_property
    def public_key(self) -> CertificatePublicKeyTypes | None:
        """The public key; None when it is of an unknown kind or damaged."""
        try:
            return self.certificate.public_key()
        except (ValueError, TypeError, UnsupportedAlgorithm):
            return None

    @cached_property
    def issuer(self) -> CanonicalName:
        """The issuer's name, comparable."""
        return _canonical(self.issuer_raw)

    @cached_property
    def subject(self) -> CanonicalName:
        """The subject's name, comparable."""
        return _canonical(self.subject_raw)

    @property
    def self_issued(self) -> bool:
        """Whether issuer and subject are one name (RFC 5280 3.2)."""
        return self.issuer_raw == self.subject_raw or self.issuer == self.subject

    @property
    def has_subject(self) -> bool:
        """Whether the subject is more than an empty sequence."""
        return self.subject_raw != EMPTY_NAME

    @cached_property
    def key_identifier(self) -> bytes | None:
        """The subject key identifier, None when absent or unreadable. A hint for the search, never a proof."""
        try:
            found = self.extension(SUBJECT_KEY_IDENTIFIER, x509.SubjectKeyIdentifier)
        except Refused:
            return None
        return None if found is None else found.digest

    @cached_property
    def issuer_key_identifier(self) -> bytes | None:
        """The authority key identifier's key part, None when absent or unreadable. A hint as well."""
        try:
            found = self.extension(AUTHORITY_KEY_IDENTIFIER, x509.AuthorityKeyIdentifier)
        except Refused:
            return None
        return None if found is None else found.key_identifier

    @cached_property
    def is_authority(self) -> bool:
        """Whether basicConstraints says CA:TRUE; false when it can't be read."""
        try:
            found = self.extension(BASIC_CONSTRAINTS, x509.BasicConstraints)
        except Refused:
            return False
        return found is not None and found.ca

    @property
    def name(self) -> str:
        """The subject for messages."""
        return display(self.subject_raw)

    @cached_property
    def name_words(self) -> frozenset[str]:
        """The words of the subject, to tell which name is nearest to another."""
        return words(self.name)

    @property
    def issuer_name(self) -> str:
        """The issuer for messages."""
        return display(self.issuer_raw)


def words(name: str) -> frozenset[str]:
    """The words of a name as it is shown."""
    return frozenset(name.replace(",", " ").replace("=", " ").lower().split())


def view(item: x509.Certificate | bytes) -> ParsedCertificate:
    """A certificate, or its DER, taken apart. Raises LoadError if it can't be read."""
    if isinstance(item, x509.Certificate):
        return ParsedCertificate(item, item.public_bytes(Encoding.DER))
    return ParsedCertificate(parse_certificate(item), item)


def _seconds(moment: datetime) -> int:
    """POSIX seconds; X.509 times have no fractions (RFC 5280 4.1.2.5)."""
    return int((moment - EPOCH).total_seconds())


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _canonical(name: bytes) -> CanonicalName:
    """For the search, where a name with a flaw leads to nobody; a certificate that has one never verifies."""
    try:
        return canonical(name)
    except FlawedNameError:
        return (b"\xff" + name,)
