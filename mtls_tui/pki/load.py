"""From bytes to certificates and CRLs: PEM, DER, PKCS#7, PKCS#12. Never a traceback, always a cure."""

from __future__ import annotations

import base64
import binascii
import re
import warnings

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

from mtls_tui.pki.der import DerError, header
from mtls_tui.pki.errors import LoadError

MAX_BYTES = 256 * 1024 * 1024
"""Larger input is refused unread: no trust store or CRL of a private authority comes near."""

_MARK = re.compile(rb"-----(BEGIN|END) ([A-Z0-9][A-Z0-9 #]{0,40})-----")
_CERTIFICATE_LABELS = frozenset({b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE"})
_CRL_LABELS = frozenset({b"X509 CRL", b"CRL"})
_PKCS7_LABELS = frozenset({b"PKCS7", b"CMS", b"PKCS #7 SIGNED DATA"})
_HEADER = re.compile(rb"^[A-Za-z0-9-]+:[^\n]*(?:\n[ \t][^\n]*)*\n", re.MULTILINE)
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_PFX_VERSION = bytes.fromhex("020103")


def load_certificates(data: bytes, passphrase: bytes | None = None) -> list[x509.Certificate]:
    """All certificates in `data`, in order; doubles are kept.

    Takes PEM (one or many blocks, anything between them, CRLF), DER, PKCS#7 (`.p7b`) and PKCS#12 (`.p12`, with its
    passphrase; the certificate that belongs to the key comes first). Raises LoadError if nothing usable is in it.
    """
    _check_size(data)
    blocks = list(_blocks(data))
    if blocks:
        return _from_pem(blocks, passphrase)
    if not data.strip():
        raise LoadError("the input is empty; give a certificate in PEM, DER, PKCS#7 or PKCS#12")
    if b"-----BEGIN" in data:
        raise LoadError("a PEM block begins and does not end; was the file cut off? copy it again, END line included")
    return _from_der(data, passphrase)


def presented_certificates(data: bytes) -> list[x509.Certificate]:
    """The certificates in PEM (or one in DER) that a client sent: damaged ones behind the first are left out.

    Raises LoadError if there is none. Containers are for your own files: opening PKCS#12 takes as long as its writer
    likes.
    """
    if data[:1] == b"\x30":
        return [parse_certificate(data)]
    found: list[x509.Certificate] = []
    kinds: set[str] = set()
    for label, body in _blocks(data):
        if label not in _CERTIFICATE_LABELS or label == b"TRUSTED CERTIFICATE":
            kinds.add(label.decode())
            continue
        try:
            found.append(parse_certificate(_decode(body, label)))
        except LoadError:
            if not found:
                raise
    if not found:
        what = f"only {', '.join(sorted(kinds))}" if kinds else "neither PEM nor DER" if data.strip() else "it is empty"
        raise LoadError(f"no certificate in here: {what}")
    return found


def load_crls(data: bytes) -> list[x509.CertificateRevocationList]:
    """All CRLs in `data` (PEM, one or many, or DER; PKCS#7 too). Raises LoadError if there is none."""
    _check_size(data)
    return [parse_crl(der) for der in crl_ders(data)]


def crl_ders(data: bytes) -> list[bytes]:
    """The DER of each CRL in `data`, not yet parsed. Raises LoadError if there is none."""
    if data[:1] == b"\x30":
        return [data]
    blocks = list(_blocks(data))
    found = [_decode(body, label) for label, body in blocks if label in _CRL_LABELS]
    if found:
        return found
    if blocks:
        kinds = ", ".join(sorted({label.decode() for label, _ in blocks}))
        raise LoadError(f"no CRL in here, only {kinds}; give the file that holds `BEGIN X509 CRL`")
    if not data.strip():
        raise LoadError("the input is empty; give a CRL in PEM or DER")
    raise LoadError("neither a PEM nor a DER certificate revocation list")


def crl_pem(der: bytes) -> str:
    """A CRL in PEM, with lines of 64 characters (RFC 7468). The DER is not looked at."""
    text = base64.b64encode(der).decode("ascii")
    lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN X509 CRL-----\n{lines}\n-----END X509 CRL-----\n"


def parse_crl(der: bytes) -> x509.CertificateRevocationList:
    """One CRL from DER. Raises LoadError if it can't be read."""
    try:
        return x509.load_der_x509_crl(der)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise LoadError(f"a CRL that can't be read: {_reason(error)}") from None


def parse_certificate(der: bytes) -> x509.Certificate:
    """One certificate from strict DER. Raises LoadError if it can't be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd serials and parameters are judged by verification, not here
            return x509.load_der_x509_certificate(der)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise LoadError(f"a certificate that can't be read: {_reason(error)}") from None


def _check_size(data: bytes) -> None:
    if len(data) > MAX_BYTES:
        raise LoadError(f"{len(data):,} bytes are more than the {MAX_BYTES:,} that are read; give a smaller file")


def _blocks(data: bytes) -> list[tuple[bytes, bytes]]:
    """(label, body) of each PEM block, in one pass: strangers send this as well."""
    if b"-----BEGIN" not in data:
        return []
    found: list[tuple[bytes, bytes]] = []
    label, start = b"", 0
    for mark in _MARK.finditer(data):
        if mark[1] == b"BEGIN":
            label, start = mark[2], mark.end()
        elif label and mark[2] == label:
            found.append((label, data[start : mark.start()]))
            label = b""
    return found


def _decode(body: bytes, label: bytes) -> bytes:
    text = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if b":" in text:
        text = _HEADER.sub(b"", text)
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise LoadError(
            f"a {label.decode()} block holds characters that are not base64; copy the file again, unchanged"
        ) from None


def _from_pem(blocks: list[tuple[bytes, bytes]], passphrase: bytes | None) -> list[x509.Certificate]:
    found: list[x509.Certificate] = []
    for number, (label, body) in enumerate(blocks, 1):
        try:
            if label == b"TRUSTED CERTIFICATE":
                found.append(parse_certificate(_first_element(_decode(body, label))))
            elif label in _CERTIFICATE_LABELS:
                found.append(parse_certificate(_decode(body, label)))
            elif label in _PKCS7_LABELS:
                found.extend(_pkcs7(_decode(body, label)))
            elif label == b"PKCS12":
                found.extend(_pkcs12(_decode(body, label), passphrase))
        except LoadError as error:
            raise LoadError(f"block {number} of {len(blocks)}: {error}") from None
    if not found:
        kinds = ", ".join(sorted({label.decode() for label, _ in blocks}))
        raise LoadError(f"no certificate in here, only {kinds}; give the file that holds `BEGIN CERTIFICATE`")
    return found


def _first_element(der: bytes) -> bytes:
    """The certificate before OpenSSL's trust settings (`BEGIN TRUSTED CERTIFICATE`)."""
    try:
        return der[: header(der, 0, len(der))[2]]
    except DerError as error:
        raise LoadError(f"a certificate that can't be read: {error}") from None


def _from_der(data: bytes, passphrase: bytes | None) -> list[x509.Certificate]:
    if data[:1] != b"\x30":
        raise LoadError("neither PEM nor DER: this is not a certificate, PKCS#7 or PKCS#12")
    if _SIGNED_DATA in data[:32] and _PFX_VERSION not in data[:8]:
        return _pkcs7(data)
    if _PFX_VERSION in data[:8]:
        return _pkcs12(data, passphrase)
    return [parse_certificate(data)]


def _pkcs7(der: bytes) -> list[x509.Certificate]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # OpenSSL writes BER, which is taken with a warning
            found = pkcs7.load_der_pkcs7_certificates(der)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise LoadError(f"PKCS#7 that can't be read: {_reason(error)}") from None
    if not found:
        raise LoadError("the PKCS#7 file holds no certificate")
    return list(found)


def _pkcs12(der: bytes, passphrase: bytes | None) -> list[x509.Certificate]:
    try:
        content = pkcs12.load_pkcs12(der, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        text = str(error).lower()
        if "password" in text or "mac" in text or "decrypt" in text:
            cure = "give its passphrase" if passphrase is None else "the passphrase is wrong"
            raise LoadError(f"the PKCS#12 file can't be opened: {cure}") from None
        raise LoadError(f"PKCS#12 that can't be read: {_reason(error)}") from None
    found = [content.cert.certificate] if content.cert is not None else []
    found += [extra.certificate for extra in content.additional_certs]
    if not found:
        raise LoadError("the PKCS#12 file holds no certificate")
    return found


def _reason(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    if "ParseError" in text:  # the parser's own words help nobody
        return "it is not valid DER of this kind"
    return text[:200]
