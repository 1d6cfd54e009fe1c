"""Revocation lists that are newer than the bundle: which files to look at, and the bundle with what they hold.

A bundle is complete in itself: the lists it embeds are what is enforced wherever it is taken. Beside them it names the
files that they came from. A list is signed by its authority, so a newer one can be taken from there without a new
bundle; it can only ever replace a list by a later one of the same authority, key and scope (RFC 5280 5.2.3: numbers
grow), so neither a deleted nor a restored old file takes a revocation back. Knows no files: their bytes are handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui import pki
from mtls_tui.engine.bundle import Bundle, BundleError

_Key: TypeAlias = tuple[bytes, bytes, bytes]
_Current: TypeAlias = dict[_Key, tuple[int, str]]
"""By key: the number of the list in force, and its PEM."""


def crl_files(bundle: Bundle) -> tuple[str, ...]:
    """Every file that revocation lists of the bundle came from, each once."""
    named = [*bundle.crl_files, *(path for host in bundle.hosts if host.mtls for path in host.crl_files)]
    return tuple(dict.fromkeys(named))


def with_files(bundle: Bundle, contents: Mapping[str, bytes]) -> tuple[Bundle, tuple[str, ...]]:
    """The bundle with the lists of some files where they are newer, and a line for every list that is older.

    `contents` maps a path as the bundle names it to the bytes of the file; files left out keep what is embedded.
    Raises `BundleError` for a file that holds no revocation list. Signatures are checked when a trust store is made
    of the result, as for embedded ones.
    """
    read = {path: _parsed(path, contents[path]) for path in crl_files(bundle) if path in contents}
    notes: dict[str, None] = {}
    top = _newer(bundle.crls, bundle.crl_files, read, notes)
    hosts = tuple(
        msgspec.structs.replace(host, crls=_newer(host.crls, host.crl_files, read, notes)) for host in bundle.hosts
    )
    return msgspec.structs.replace(bundle, crls=top, hosts=hosts), tuple(notes)


def merged(path: str, old: bytes | None, new: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The newest list of each authority, key and scope from a file's former bytes and its present ones, as PEM.

    A line is added for every present list that is older than a former one. Raises `BundleError` as `with_files` does.
    """
    present = [(path, crl) for crl in _parsed(path, new)]
    if old is None:
        return new, ()
    notes: dict[str, None] = {}
    current = {_key(crl): (_number(crl), _pem(crl)) for crl in _parsed(path, old)}
    _take(current, present, notes)
    return "".join(pem for _, pem in current.values()).encode("ascii"), tuple(notes)


def _parsed(path: str, data: bytes) -> list[x509.CertificateRevocationList]:
    try:
        return pki.load_crls(data)
    except pki.LoadError as error:
        raise BundleError(f"{path}: {error}", "write the list anew, or export without it") from None


def _newer(
    embedded: tuple[str, ...],
    paths: Iterable[str],
    read: Mapping[str, list[x509.CertificateRevocationList]],
    notes: dict[str, None],
) -> tuple[str, ...]:
    found = [(path, crl) for path in paths for crl in read.get(path, ())]
    if not found:
        return embedded
    current: _Current = {}
    for pem in embedded:
        crl = x509.load_pem_x509_crl(pem.encode("ascii"))
        current[_key(crl)] = (_number(crl), pem)
    _take(current, found, notes)
    return tuple(pem for _, pem in current.values())


def _take(
    current: _Current, found: Iterable[tuple[str, x509.CertificateRevocationList]], notes: dict[str, None]
) -> None:
    """Let newer lists replace those of the same key; say which are older."""
    for path, crl in found:
        key, number = _key(crl), _number(crl)
        known = current.get(key)
        if known is not None and number < known[0]:
            notes[
                f"{path}: holds list number {number} of {crl.issuer.rfc4514_string()}, older than number {known[0]} "
                "that is in force: it is not taken"
            ] = None
        elif known is None or number > known[0]:
            current[key] = (number, _pem(crl))


def _pem(crl: x509.CertificateRevocationList) -> str:
    return crl.public_bytes(Encoding.PEM).decode("ascii")


def _key(crl: x509.CertificateRevocationList) -> _Key:
    """What two lists must share for one to replace the other: issuer, key, scope."""
    return (
        crl.issuer.public_bytes(),
        _extension(crl, x509.AuthorityKeyIdentifier),
        _extension(crl, x509.IssuingDistributionPoint),
    )


def _extension(crl: x509.CertificateRevocationList, kind: type[x509.ExtensionType]) -> bytes:
    try:
        return crl.extensions.get_extension_for_class(kind).value.public_bytes()
    except x509.ExtensionNotFound:
        return b""


def _number(crl: x509.CertificateRevocationList) -> int:
    """The CRL number; a list without one can never be used and is refused with its trust store."""
    try:
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        return -1
