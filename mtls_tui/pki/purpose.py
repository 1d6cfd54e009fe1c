"""Checks of one certificate by itself: is it fit to be a client's, is it fit to be an authority's.

Each check names the section of RFC 5280 that asks for it. All of them are independent of time and of the path.
"""

from __future__ import annotations

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from mtls_tui.pki import certificate as c
from mtls_tui.pki.certificate import ParsedCertificate
from mtls_tui.pki.errors import Code, Refused
from mtls_tui.pki.keys import check_algorithm, check_key
from mtls_tui.pki.names import EMPTY_NAME, flaw

MAX_SERIAL_OCTETS = 20

FOR_CLIENTS = frozenset({ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})
_KNOWN_PURPOSES = {
    ExtendedKeyUsageOID.SERVER_AUTH: "servers",
    ExtendedKeyUsageOID.CODE_SIGNING: "code signing",
    ExtendedKeyUsageOID.EMAIL_PROTECTION: "e-mail",
    ExtendedKeyUsageOID.TIME_STAMPING: "time stamps",
    ExtendedKeyUsageOID.OCSP_SIGNING: "OCSP",
}


def check_client(view: ParsedCertificate) -> None:
    """Refused unless the certificate can be a TLS client's."""
    _check_profile(view, anchor=False)
    constraints = view.extension(c.BASIC_CONSTRAINTS, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        raise Refused(Code.INVALID_PURPOSE, "is an authority (CA:TRUE), which can't be used as a client's certificate")
    if c.NAME_CONSTRAINTS in view.extensions:  # 4.2.1.10: only in a CA certificate
        raise Refused(Code.INVALID_EXTENSION, "is not an authority and yet has name constraints")
    usage = view.extension(c.KEY_USAGE, x509.KeyUsage)
    if usage is not None:
        if usage.key_cert_sign:  # 4.2.1.3
            raise Refused(
                Code.KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA,
                "is not an authority, yet its key usage says it signs certificates",
            )
        if not usage.digital_signature and not usage.key_agreement:  # 4.2.1.12, id-kp-clientAuth
            raise Refused(
                Code.INVALID_PURPOSE,
                "can't be used by a client: its key usage has neither digitalSignature nor keyAgreement",
            )
    _check_purpose(view)
    _check_subject_alternatives(view)
    check_key(view, authority=False)


def check_authority(view: ParsedCertificate, *, anchor: bool) -> None:
    """Refused unless the certificate can issue others (6.1.4 k to n, 4.2.1.3, 4.2.1.9)."""
    if view.version != 3:
        raise Refused(
            Code.INVALID_CA,
            f"is of version {view.version} and can't say that it is an authority; reissue it as version 3",
        )
    _check_profile(view, anchor=anchor)
    constraints = view.extension(c.BASIC_CONSTRAINTS, x509.BasicConstraints)
    if constraints is None or not constraints.ca:
        what = "has no basicConstraints" if constraints is None else "has CA:FALSE"
        raise Refused(Code.INVALID_CA, f"is not an authority: it {what}")
    if not view.has_subject:  # 4.1.2.6
        raise Refused(Code.SUBJECT_NAME_EMPTY, "is an authority without a name")
    usage = view.extension(c.KEY_USAGE, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        raise Refused(Code.INVALID_CA, "may not sign certificates: its key usage lacks keyCertSign")
    _check_purpose(view)
    check_key(view, authority=True)


def check_crl_signer(view: ParsedCertificate) -> None:
    """Refused unless the certificate may sign CRLs for its subject: an authority, or one with cRLSign (4.2.1.3)."""
    _check_profile(view, anchor=False)
    usage = view.extension(c.KEY_USAGE, x509.KeyUsage)
    if not (view.is_authority if usage is None else usage.crl_sign):
        raise Refused(Code.KEYUSAGE_NO_CRL_SIGN, "may not sign CRLs")
    check_key(view, authority=True)


def _check_profile(view: ParsedCertificate, *, anchor: bool) -> None:
    """What holds for every certificate of a path."""
    if view.issuer_raw == EMPTY_NAME:  # 4.1.2.4
        raise Refused(Code.ISSUER_NAME_EMPTY, "names no issuer")
    _check_serial(view.serial, anchor=anchor)
    extensions = view.extensions
    if extensions and view.version != 3:  # 4.1.2.9
        raise Refused(Code.EXTENSIONS_REQUIRE_VERSION_3, f"has extensions but is of version {view.version}")
    for number, extension in extensions.items():
        if extension.critical and number not in c.HANDLED:  # 4.2
            raise Refused(
                Code.UNHANDLED_CRITICAL_EXTENSION,
                f"has the critical extension {number.dotted_string}, which is not understood",
            )
    identifier = extensions.get(c.AUTHORITY_KEY_IDENTIFIER)
    if identifier is not None and identifier.critical:  # 4.2.1.1
        raise Refused(Code.AUTHORITY_KEY_IDENTIFIER_CRITICAL, "has a critical authorityKeyIdentifier")
    identifier = extensions.get(c.SUBJECT_KEY_IDENTIFIER)
    if identifier is not None and identifier.critical:  # 4.2.1.2
        raise Refused(Code.SUBJECT_KEY_IDENTIFIER_CRITICAL, "has a critical subjectKeyIdentifier")
    problem = flaw(view.subject_raw) or flaw(view.issuer_raw)
    if problem is not None:
        raise Refused(Code.UNSUPPORTED_NAME_SYNTAX, f"has {problem}")
    if not anchor:
        if view.algorithm != view.inner_algorithm:  # 4.1.1.2
            raise Refused(Code.SIGNATURE_ALGORITHM_INCONSISTENCY, "names two different signature algorithms")
        check_algorithm(view.algorithm)


def _check_serial(serial: bytes, *, anchor: bool) -> None:
    """4.1.2.2: positive, at most 20 octets. Roots that old tools made with 0 are taken when configured as anchors."""
    if serial[0] & 0x80:
        raise Refused(Code.INVALID_EXTENSION, "has a negative serial number")
    if len(serial) - (serial[0] == 0 and len(serial) > 1) > MAX_SERIAL_OCTETS:
        raise Refused(Code.INVALID_EXTENSION, f"has a serial number of more than {MAX_SERIAL_OCTETS} octets")
    if not anchor and serial == b"\0":
        raise Refused(Code.INVALID_EXTENSION, "has the serial number 0")


def _check_purpose(view: ParsedCertificate) -> None:
    """4.2.1.12; in an authority it limits what is issued below it, as all implementations read it."""
    usage = view.extension(c.EXTENDED_KEY_USAGE, x509.ExtendedKeyUsage)
    if usage is None or not FOR_CLIENTS.isdisjoint(usage):
        return
    known = [_KNOWN_PURPOSES.get(purpose, purpose.dotted_string) for purpose in usage]
    raise Refused(
        Code.INVALID_PURPOSE,
        f"is for {', '.join(known) or 'nothing'} only; clients need clientAuth in the extended key usage",
    )


def _check_subject_alternatives(view: ParsedCertificate) -> None:
    """4.2.1.6: somebody must be named; a name that two readers could read differently is a trap."""
    alternatives = view.extension(c.SUBJECT_ALTERNATIVE_NAME, x509.SubjectAlternativeName)
    if alternatives is not None:
        if not len(list(alternatives)):
            raise Refused(Code.EMPTY_SUBJECT_ALT_NAME, "has a subjectAltName without a name in it")
        for name in alternatives:
            if isinstance(name.value, str) and "\0" in name.value:
                raise Refused(Code.UNSUPPORTED_NAME_SYNTAX, "has a NUL character in an alternative name")
            problem = flaw(name.value.public_bytes()) if isinstance(name, x509.DirectoryName) else None
            if problem is not None:
                raise Refused(Code.UNSUPPORTED_NAME_SYNTAX, f"has {problem} among its alternative names")
    if not view.has_subject:
        if alternatives is None:
            raise Refused(Code.SUBJECT_NAME_EMPTY, "names nobody: subject and subjectAltName are both empty")
        if not view.extensions[c.SUBJECT_ALTERNATIVE_NAME].critical:
            raise Refused(
                Code.EMPTY_SUBJECT_SAN_NOT_CRITICAL, "has an empty subject, so its subjectAltName had to be critical"
            )
