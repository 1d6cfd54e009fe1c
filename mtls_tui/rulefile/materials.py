"""Reading the files that a rule file names: certificates and revocation lists, with an error that says the cure."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui import pki
from mtls_tui.files import FileError, read_bounded
from mtls_tui.rulefile.errors import Problem

MAX_MATERIAL = 64 * 1024 * 1024
"""Bytes of one certificate or CRL file. The largest public CRLs have some 10 MB."""

MAX_RULE_FILE = 8 * 1024 * 1024
"""Bytes of a rule file: 10,000 rules take some 4 MB."""


class MaterialError(ValueError):
    """A file that can't be used: what is wrong, and the cure."""

    def __init__(self, message: str, cure: str, code: str = "file") -> None:
        super().__init__(message)
        self.message, self.cure, self.code = message, cure, code

    def problem(self, file: str, line: int = 0, column: int = 0, key: str = "") -> Problem:
        """As a problem at a place."""
        return Problem(self.code, self.message, file=file, line=line, column=column, key=key, cure=self.cure)


def read_bytes(path: Path, limit: int, what: str = "file") -> bytes:
    """The whole of a regular file of at most `limit` bytes, as `files.read_bounded`. Raises `MaterialError`."""
    try:
        return read_bounded(path, limit, what)
    except FileError as error:
        raise MaterialError(f"{error.what}: {path}", error.cure, error.code) from None


def certificates(path: Path) -> tuple[str, ...]:
    """The certificates of a PEM or DER file, each as PEM text. Raises `MaterialError`."""
    return _certificates(path, *_stamp(path))


def crls(path: Path) -> tuple[str, ...]:
    """The revocation lists of a PEM or DER file, each as PEM text. Raises `MaterialError`."""
    return _crls(path, *_stamp(path))


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return (0, 0, 0)  # the read that follows says what is wrong
    return status.st_mtime_ns, status.st_size, status.st_ino


@lru_cache(maxsize=256)
def _certificates(path: Path, *_stamp: int) -> tuple[str, ...]:
    try:
        found = pki.load_certificates(read_bytes(path, MAX_MATERIAL, "certificate file"))
    except pki.LoadError as error:
        raise _unusable(path, error, _CERTIFICATE_CURE, "not-a-certificate") from None
    return tuple(certificate.public_bytes(Encoding.PEM).decode("ascii") for certificate in found)


@lru_cache(maxsize=256)
def _crls(path: Path, *_stamp: int) -> tuple[str, ...]:
    try:
        found = pki.load_crls(read_bytes(path, MAX_MATERIAL, "CRL file"))
    except pki.LoadError as error:
        raise _unusable(path, error, _CRL_CURE, "not-a-crl") from None
    return tuple(crl.public_bytes(Encoding.PEM).decode("ascii") for crl in found)


_CERTIFICATE_CURE = "name a file with -----BEGIN CERTIFICATE----- blocks, or one DER certificate"
_CRL_CURE = "name a file with an -----BEGIN X509 CRL----- block, or one DER CRL"


def _unusable(path: Path, error: pki.LoadError, cure: str, code: str) -> MaterialError:
    """Its message may bring a cure along, behind a semicolon."""
    message, _, better = str(error).partition("; ")
    return MaterialError(f"{path}: {message}", better or cure, code)
