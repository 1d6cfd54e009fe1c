"""The bundle: what the engine runs, as canonical JSON with a digest and, when wanted, a signature.

The file is one JSON object: `{"bundle":{…},"digest":"sha256:…","signature":{…}}`. Canonical means: keys sorted by
code point, no blanks, UTF-8, one line break at the end. The digest is over the bytes of the inner object as they
stand in the file, so what was checked is what is read; a file that isn't canonical is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Annotated, Literal, TypeAlias

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Meta

from mtls_tui.engine.model import Action

FORMAT_VERSION = 1
MAX_BYTES = 256 * 1024 * 1024
"""Bytes of a bundle: revocation lists are embedded, and the largest public ones have some 10 MB."""
SIGNED_PREFIX = b"mtls-tui bundle 1\n"
"""Stands before the canonical bytes when they are signed, so that a signature can't be one of something else."""

Pem: TypeAlias = Annotated[str, Meta(description="One object as PEM.")]
CrlFiles: TypeAlias = Annotated[
    tuple[str, ...],
    Meta(description="Absolute paths of the files that `crls` came from: newer lists are taken from there."),
]
Digest: TypeAlias = Annotated[str, Meta(pattern="^sha256:[0-9a-f]{64}$")]


class BundleError(ValueError):
    """A bundle that must not be used: what is wrong, and `cure`, what to do."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(f"{message}; {cure}")
        self.message, self.cure = message, cure


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Immutable; an unknown key is an error, since it could be a restriction that this engine doesn't know."""


class BundleResponse(_Part, frozen=True):
    """What a blocked client gets."""

    status: Annotated[int, Meta(ge=400, le=499)] = 403
    content_type: str = "text/plain"
    body: str = ""


class BundleRule(_Part, frozen=True):
    """One rule; `expression` is canonical text."""

    ref: Annotated[str, Meta(min_length=1)]
    expression: Annotated[str, Meta(min_length=1)]
    action: Action
    description: str = ""
    enabled: bool = True
    shadow: bool = False
    response: BundleResponse | None = None


class BundleHost(_Part, frozen=True):
    """One host. Trust material is embedded; server certificate and key are absolute paths, never key material."""

    name: Annotated[str, Meta(min_length=1)]
    mtls: bool
    anchors: tuple[Pem, ...] = ()
    intermediates: tuple[Pem, ...] = ()
    crls: tuple[Pem, ...] = ()
    crl_files: CrlFiles = ()
    crl_policy: Literal["require", "soft"] | None = None
    revocation: Literal["chain", "leaf"] | None = None
    upstream: str | None = None
    upstream_ca: Annotated[str | None, Meta(description="PEM of the authorities of an https upstream.")] = None
    server_certificate: str | None = None
    server_key: str | None = None


class BundleList(_Part, frozen=True):
    """What `$name` stands for."""

    kind: Literal["ip", "hostname", "asn"]
    items: tuple[str | int, ...] = ()


class BundleProperty(_Part, frozen=True):
    """What the rules were meant to do, as the rule file states it: kept for who compares bundles; decides nothing."""

    name: Annotated[str, Meta(min_length=1)]
    expect: Literal["blocked", "allowed"]
    hosts: tuple[str, ...] = ()
    when: str = "true"
    unless: str | None = None
    client: Literal["any", "none", "untrusted", "revoked", "trusted"] = "any"


class Bundle(_Part, frozen=True):
    """All that a decision depends on, and the stated `properties`, on which none depends.

    Top-level anchors, intermediates and CRLs hold for every host that asks.

    `created` is RFC 3339 in UTC; it is part of the digest.
    """

    version: Annotated[int, Meta(description="Format version.")] = FORMAT_VERSION
    created: str = ""
    anchors: tuple[Pem, ...] = ()
    intermediates: tuple[Pem, ...] = ()
    crls: tuple[Pem, ...] = ()
    crl_files: CrlFiles = ()
    hosts: tuple[BundleHost, ...] = ()
    lists: dict[str, BundleList] = {}
    rules: tuple[BundleRule, ...] = ()
    properties: tuple[BundleProperty, ...] = ()

    def canonical(self) -> bytes:
        """The bytes that digest and signature are over."""
        return msgspec.json.encode(self, order="sorted")

    @property
    def digest(self) -> str:
        """`sha256:` and the hex digest of the canonical bytes."""
        return digest_of(self.canonical())

    def encode(self, sign_key: Ed25519PrivateKey | None = None) -> bytes:
        """The bytes of the bundle file, signed when a key is given."""
        canonical = self.canonical()
        signature = None
        if sign_key is not None:
            value = base64.b64encode(sign_key.sign(SIGNED_PREFIX + canonical)).decode("ascii")
            signature = BundleSignature(algorithm="ed25519", key=key_id(sign_key.public_key()), value=value)
        envelope = BundleFile(bundle=msgspec.Raw(canonical), digest=digest_of(canonical), signature=signature)
        return msgspec.json.encode(envelope, order="sorted") + b"\n"

    @classmethod
    def decode(cls, data: bytes, verify_key: Ed25519PublicKey | None = None) -> Bundle:
        """The bundle in a file's bytes; with a key, only if that key signed it.

        Raises `BundleError`: no JSON, unknown key or version, not canonical, wrong digest, unsigned or wrongly
        signed. An unverified signature (no key given) must still be well-formed.
        """
        return decode_file(data, verify_key)[0]


class BundleSignature(_Part, frozen=True):
    """An Ed25519 signature. `key` is the SHA-256 of the raw public key, to tell keys apart, not to trust one."""

    algorithm: Literal["ed25519"]
    key: Digest
    value: str


class BundleFile(_Part, frozen=True, omit_defaults=True):
    """The file around a bundle."""

    bundle: msgspec.Raw
    digest: Digest
    signature: BundleSignature | None = None


class BundleDocument(_Part, frozen=True, omit_defaults=True):
    """The file's shape with the inner object spelled out, for the JSON Schema."""

    bundle: Bundle
    digest: Digest
    signature: BundleSignature | None = None


def digest_of(data: bytes) -> str:
    """`sha256:` and the hex digest of some bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def key_id(key: Ed25519PublicKey) -> str:
    """The name of a public key in a signature."""
    return digest_of(key.public_bytes(Encoding.Raw, PublicFormat.Raw))


_EXPORT_AGAIN = "export it again"


def decode_file(data: bytes, verify_key: Ed25519PublicKey | None = None) -> tuple[Bundle, BundleFile]:
    """`Bundle.decode`, and the file's digest and signature with it."""
    if len(data) > MAX_BYTES:
        raise BundleError(f"larger than {MAX_BYTES} bytes", "check that this is a bundle")
    if not data.strip():
        raise BundleError("the bundle is empty", _EXPORT_AGAIN)
    try:
        file = msgspec.json.decode(data, type=BundleFile)
    except msgspec.ValidationError as error:
        raise BundleError(f"not a bundle: {_lower(error)}", "name a file that `mtls-tui export` wrote") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BundleError(
            f"not JSON: {_lower(error)}", f"the file is damaged or not a bundle: {_EXPORT_AGAIN}"
        ) from None
    raw = bytes(file.bundle)
    if not hmac.compare_digest(digest_of(raw), file.digest):
        raise BundleError("the digest is wrong: the file was changed after it was exported", _EXPORT_AGAIN)
    _check_signature(raw, file.signature, verify_key)
    bundle = _decode_inner(raw)
    if not _is_canonical(raw) or msgspec.json.encode(file, order="sorted") + b"\n" != data:
        raise BundleError("the file is not in canonical form", f"another program or version wrote it: {_EXPORT_AGAIN}")
    return bundle, file


def _is_canonical(raw: bytes) -> bool:
    """Whether bytes are canonical JSON, whatever optional keys this version knows and the writer did not.

    A key that stands twice is found too: only its last value comes back.
    """
    return msgspec.json.encode(msgspec.json.decode(raw), order="sorted") == raw


def _decode_inner(raw: bytes) -> Bundle:
    try:
        version = msgspec.json.decode(raw, type=_Version).version
    except msgspec.MsgspecError as error:
        raise BundleError(f"not a bundle: {_lower(error)}", _EXPORT_AGAIN) from None
    if version != FORMAT_VERSION:
        raise BundleError(
            f"format version {version} is not known here (only {FORMAT_VERSION})",
            "export it with this version of mtls-tui, or run a version that knows it",
        )
    try:
        return msgspec.json.decode(raw, type=Bundle)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise BundleError(f"not a bundle: {_lower(error)}", _EXPORT_AGAIN) from None


class _Version(msgspec.Struct):
    version: int


def _check_signature(raw: bytes, signature: BundleSignature | None, key: Ed25519PublicKey | None) -> None:
    value = b""
    if signature is not None:
        try:
            value = base64.b64decode(signature.value, validate=True)
        except (binascii.Error, ValueError):
            raise BundleError("the signature is not Base64", _EXPORT_AGAIN) from None
        if len(value) != 64:
            raise BundleError("the signature has not 64 bytes", _EXPORT_AGAIN)
    if key is None:
        return
    if signature is None:
        raise BundleError("the bundle is not signed, but a key to verify it was given", "export it with --sign")
    try:
        key.verify(value, SIGNED_PREFIX + raw)
    except InvalidSignature:
        why = "" if signature.key == key_id(key) else " (another key signed it)"
        raise BundleError(f"the signature is wrong{why}", "sign it with the key that belongs to this one") from None


def _lower(error: Exception) -> str:
    text = str(error)
    return text[:1].lower() + text[1:]
