"""Server certificates and keys from files: read, matched, permissions checked, before Envoy ever sees them."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from mtls_tui.files import FileError, read_bounded
from mtls_tui.gateway.settings import GatewayError

LARGEST = 1_000_000


@dataclass(frozen=True, slots=True)
class Credentials:
    """A server certificate chain and its key, both PEM. Never printed."""

    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        return "Credentials(…)"


def files(host: str, certificate: str | None, key: str | None) -> tuple[Path, Path]:
    """Where the pair of a host stands. Raises GatewayError if the bundle doesn't say."""
    if certificate is None or key is None:
        missing = "server_certificate" if certificate is None else "server_key"
        raise GatewayError(f"host {host}: `{missing}` is not set; the gateway needs it (PEM), then export again")
    return Path(certificate), Path(key)


def load(host: str, certificate: Path, key: Path) -> Credentials:
    """The pair of a host. GatewayError names host, file and cure; it never quotes the key."""
    chain_pem, key_pem = _read(host, certificate), _read(host, key)
    check_permissions(host, key)
    try:
        chain = x509.load_pem_x509_certificates(chain_pem)
    except ValueError:
        raise GatewayError(f"host {host}: {certificate}: no PEM certificate in it") from None
    try:
        private = load_pem_private_key(key_pem, None)
    except TypeError:
        raise GatewayError(
            f"host {host}: {key}: the key is encrypted, and the gateway starts without asking; "
            "decrypt it with: openssl pkey -in KEY -out NEW"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise GatewayError(f"host {host}: {key}: no PEM private key in it") from None
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if private.public_key().public_bytes(*form) != chain[0].public_key().public_bytes(*form):
        raise GatewayError(f"host {host}: {key} is not the key of {certificate} (its first certificate)")
    return Credentials(chain_pem, key_pem)


def check_permissions(host: str, key: Path) -> None:
    """A key that everybody may read, or others than its owner may write, is refused; a group may read it."""
    mode = stat.S_IMODE(os.stat(key).st_mode)  # noqa: PTH116 - beside S_IMODE
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise GatewayError(
            f"host {host}: {key} has mode {mode:04o}: others can get at the key; cure: chmod 600 {key} "
            "(a group may read it: 640)"
        )


def _read(host: str, path: Path) -> bytes:
    try:
        return read_bounded(path, LARGEST, "PEM file")
    except FileError as error:
        raise GatewayError(f"host {host}: {error}") from None
