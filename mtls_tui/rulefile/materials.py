"""Reading the files that a rule file names: certificates and revocation lists, with an error that says the cure."""

from __future__ import annotations

import os
import stat
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui import pki
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
    """The whole of a regular file of at most `limit` bytes.

    Raises `MaterialError` for anything else: absent, a directory, a device, unreadable, too large. A large file is
    refused by its size, without being read.
    """
    try:
        # Without O_NONBLOCK, opening a FIFO would wait for a writer for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise MaterialError(f"no such file: {path}", "check the path and the spelling", "missing") from None
    except PermissionError:
        raise MaterialError(
            f"not readable: {path}", f"give this user the right to read it (chmod u+r {path})", "unreadable"
        ) from None
    except (OSError, ValueError) as error:
        raise MaterialError(f"can't be opened: {path}: {reason(error)}", "check the path", "unreadable") from None
    try:
        _require_regular(path, os.fstat(descriptor), limit, what)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise MaterialError(f"can't be read: {path}: {reason(error)}", "check the disk", "unreadable") from None
    finally:
        os.close(descriptor)
    if len(data) > limit:
        raise MaterialError(f"too large: {path} grew while it was read", f"check the {what}", "too-large")
    return data


def _require_regular(path: Path, status: os.stat_result, limit: int, what: str) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise MaterialError(f"is a directory: {path}", f"name the {what} inside it", "directory")
    if not stat.S_ISREG(status.st_mode):
        raise MaterialError(f"not a regular file: {path}", f"name a regular {what}", "directory")
    if status.st_size > limit:
        raise MaterialError(
            f"too large: {path} has {status.st_size / 1e6:.1f} MB, at most {limit / 1e6:.1f} MB are read",
            f"check that this is the right {what}",
            "too-large",
        )


def reason(error: Exception) -> str:
    """The system's words for an error, without Python's decoration."""
    return (getattr(error, "strerror", None) or str(error)).lower()


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
