"""Keys that sign and verify bundles: Ed25519, from PEM as `openssl genpkey -algorithm ed25519` writes it."""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from mtls_tui.engine.bundle import BundleError

_MAKE = "make one with: openssl genpkey -algorithm ed25519 -out bundle.key"
_PUBLIC = "write it with: openssl pkey -in bundle.key -pubout -out bundle.pub"


def load_signing_key(data: bytes, passphrase: bytes | None = None) -> Ed25519PrivateKey:
    """The private key in a PEM. Raises `BundleError`."""
    try:
        key = load_pem_private_key(data, passphrase)
    except TypeError:
        wrong = "the signing key is encrypted" if passphrase is None else "the signing key is not encrypted"
        cure = "give its passphrase" if passphrase is None else "give no passphrase"
        raise BundleError(wrong, cure) from None
    except (ValueError, UnsupportedAlgorithm):
        trouble = "no private key, or a wrong passphrase" if passphrase else "no private key in PEM"
        raise BundleError(f"the signing key can't be read: {trouble}", _MAKE) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BundleError("the signing key is not an Ed25519 key", _MAKE)
    return key


def load_verify_key(data: bytes) -> Ed25519PublicKey:
    """The public key in a PEM. Raises `BundleError`; a private key is refused, since it doesn't belong on a gateway."""
    if b"PRIVATE KEY-----" in data:
        raise BundleError("the key to verify with is a private key", _PUBLIC)
    try:
        key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise BundleError("the key to verify with can't be read: no public key in PEM", _PUBLIC) from None
    if not isinstance(key, Ed25519PublicKey):
        raise BundleError("the key to verify with is not an Ed25519 key", _PUBLIC)
    return key
