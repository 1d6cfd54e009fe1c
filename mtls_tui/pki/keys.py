"""Which keys and signature algorithms are good enough, and checking one signature.

Accepted: RSA of at least 2048 bits (PKCS #1 v1.5 and PSS), ECDSA on P-256, P-384 and P-521, Ed25519; with SHA-256 or
longer. MD5, SHA-1 and whatever is not listed are refused, as is a key that only looks strong (RSA with exponent 1,
Ed25519 of small order). An RSA key for PSS alone (RFC 4055 1.2) signs by PSS alone, with the parameters it names.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from mtls_tui.pki.certificate import ParsedCertificate
from mtls_tui.pki.der import INTEGER, OID, SEQUENCE, DerError, expect, oid_text
from mtls_tui.pki.errors import Code, Refused

MIN_RSA_BITS = 2048
MAX_RSA_BITS = 16_384
"""OpenSSL's own limit for verification (OPENSSL_RSA_MAX_MODULUS_BITS): larger keys only cost time."""
CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}

PublicKey: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
_Kind: TypeAlias = Literal["rsa", "pss", "ecdsa", "ed25519"]
_Hash: TypeAlias = hashes.SHA256 | hashes.SHA384 | hashes.SHA512


def _algorithm(dotted: str, *, null: bool = False) -> bytes:
    """DER of an AlgorithmIdentifier with absent or NULL parameters."""
    body = x509.ObjectIdentifier(dotted)
    arcs = [int(arc) for arc in body.dotted_string.split(".")]
    content = bytearray((arcs[0] * 40 + arcs[1],))
    for arc in arcs[2:]:
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | (arc & 0x7F))
        content += bytes(reversed(groups))
    inner = bytes((0x06, len(content))) + bytes(content) + (b"\x05\x00" if null else b"")
    return bytes((0x30, len(inner))) + inner


_HASHES: tuple[_Hash, ...] = (hashes.SHA256(), hashes.SHA384(), hashes.SHA512())
_ECDSA: dict[bytes, ec.ECDSA] = {
    _algorithm(f"1.2.840.10045.4.3.{arc}"): ec.ECDSA(digest) for arc, digest in zip((2, 3, 4), _HASHES, strict=True)
}
# RFC 4055 section 5: the parameters are NULL; absent ones must be taken as well.
_RSA: dict[bytes, _Hash] = {
    _algorithm(f"1.2.840.113549.1.1.{arc}", null=null): digest
    for arc, digest in zip((11, 12, 13), _HASHES, strict=True)
    for null in (True, False)
}
_ED25519 = _algorithm("1.3.101.112")
_PSS = "1.2.840.113549.1.1.10"
_PSS_OID = bytes.fromhex("06092a864886f70d01010a")


class _Restriction(NamedTuple):
    """What a key for RSA-PSS alone may sign by: this hash (None for any), and a salt of at least so many octets."""

    digest: str | None
    salt: int


_P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
_NAMED_STARTS = (
    _P256,
    bytes.fromhex("3076301006072a8648ce3d020106052b8104002203620004"),
    bytes.fromhex("30819b301006072a8648ce3d020106052b810400230381860004"),
)
"""How the SubjectPublicKeyInfo of P-256, P-384 and P-521 begins: the curve by name, the point in full."""
_P256_LENGTH = len(_P256) + 64
_P256_PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
_P256_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_COMPRESSED = tuple(
    bytes.fromhex(start)
    for start in (
        "3039301306072a8648ce3d020106082a8648ce3d030107032200",
        "3046301006072a8648ce3d020106052b81040022033200",
        "3058301006072a8648ce3d020106052b81040023034400",
    )
)

_WEAK = {
    "1.2.840.113549.1.1.2": "MD2",
    "1.2.840.113549.1.1.3": "MD4",
    "1.2.840.113549.1.1.4": "MD5",
    "1.2.840.113549.1.1.5": "SHA-1",
    "1.3.14.3.2.29": "SHA-1",
    "1.2.840.10045.4.1": "SHA-1",
    "1.2.840.10040.4.3": "SHA-1 with DSA",
}


def check_key(view: ParsedCertificate, *, authority: bool) -> None:
    """Refused when the certificate's key is too weak or of a kind that is not accepted."""
    spki = view.spki
    if not authority and _is_p256(spki):  # the usual client, whose key nobody needs as an object here
        return
    key = view.public_key
    too_small = Code.CA_KEY_TOO_SMALL if authority else Code.EE_KEY_TOO_SMALL
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in CURVES:
            raise Refused(too_small, f"has a key on the curve {key.curve.name}; only P-256, P-384 and P-521 are taken")
        if not spki.startswith(_NAMED_STARTS + _COMPRESSED):  # RFC 5480 2.1.1: by name only (CVE-2020-0601)
            raise Refused(too_small, "has a key that does not name its curve, or writes its point in an odd way")
    elif isinstance(key, rsa.RSAPublicKey):
        bits = key.key_size
        if bits < MIN_RSA_BITS:
            raise Refused(too_small, f"has an RSA key of {bits} bits; at least {MIN_RSA_BITS} are needed")
        if bits > MAX_RSA_BITS:
            raise Refused(too_small, f"has an RSA key of {bits:,} bits; at most {MAX_RSA_BITS:,} are taken")
        numbers = key.public_numbers()
        if numbers.e < 3 or not numbers.e & 1:
            raise Refused(too_small, f"has an RSA key that protects nothing (exponent {numbers.e})")
        if math.gcd(numbers.n % _SMALL_PRIMES, _SMALL_PRIMES) != 1:
            raise Refused(too_small, "has an RSA key that protects nothing (its modulus has a small factor)")
        try:
            _key_parameters(spki)
        except DerError:
            what = "has a key for RSA-PSS alone with parameters that are not taken (SHA-256, -384 or -512 twice)"
            raise Refused(too_small, what) from None
    elif isinstance(key, ed25519.Ed25519PublicKey):
        if _of_small_order(key.public_bytes_raw()):
            raise Refused(too_small, "has an Ed25519 key that protects nothing (a point of small order)")
    else:
        kind = "damaged or of an unknown kind" if key is None else f"of the kind {type(key).__name__.lstrip('_')}"
        raise Refused(too_small, f"has a key that is {kind}; only RSA, ECDSA and Ed25519 are taken")


def _is_p256(spki: bytes) -> bool:
    """Whether these are a P-256 key by name with a point on the curve: y² = x³ - 3x + b (SEC 1 3.2.2.1)."""
    if len(spki) != _P256_LENGTH or not spki.startswith(_P256):
        return False
    x, y = int.from_bytes(spki[27:59], "big"), int.from_bytes(spki[59:], "big")
    return x < _P256_PRIME > y and (y * y - (x * x - 3) * x - _P256_B) % _P256_PRIME == 0


_SMALL_PRIMES = math.prod(n for n in range(2, 100) if all(n % m for m in range(2, n)))
_ED25519_PRIME = 2**255 - 19
_ED25519_ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_ED25519_SMALL = frozenset({0, 1, _ED25519_PRIME - 1, _ED25519_ORDER_8, _ED25519_PRIME - _ED25519_ORDER_8})
"""The y of the eight points whose order divides the cofactor (RFC 8032 5.1)."""


def _of_small_order(encoded: bytes) -> bool:
    """Whether everybody can sign for this Ed25519 key: a point of small order, or one that is written as another."""
    y = int.from_bytes(encoded, "little") & ((1 << 255) - 1)
    return y >= _ED25519_PRIME or y in _ED25519_SMALL


def verify_signature(algorithm: bytes, signature: bytes, message: bytes, key: CertificatePublicKeyTypes | None) -> bool:
    """Whether `key` made `signature` over `message`; false as well when the algorithm needs another kind of key.

    What the key's owner restricts it to is not looked at: see `may_use`.

    `algorithm` is the DER AlgorithmIdentifier. Refused when it is weak or unknown, whatever the key.
    """
    try:
        if (ecdsa := _ECDSA.get(algorithm)) is not None:
            if not isinstance(key, ec.EllipticCurvePublicKey):
                return False
            key.verify(signature, message, ecdsa)
        elif (digest := _RSA.get(algorithm)) is not None:
            if not isinstance(key, rsa.RSAPublicKey):
                return False
            key.verify(signature, message, padding.PKCS1v15(), digest)
        elif algorithm == _ED25519:
            if not isinstance(key, ed25519.Ed25519PublicKey):
                return False
            key.verify(signature, message)
        else:
            salt, digest = _pss(algorithm)
            if not isinstance(key, rsa.RSAPublicKey):
                return False
            key.verify(signature, message, padding.PSS(padding.MGF1(digest), salt), digest)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def signed_by(child: ParsedCertificate, issuer: ParsedCertificate) -> bool:
    """Whether the issuer's key signed the child; worked out once per key. Refused for a weak or unknown algorithm."""
    known = child.fits.get(issuer.spki)
    if known is None:
        known = verify_signature(child.algorithm, child.signature, child.tbs, issuer.public_key)
        known = known and may_use(issuer, child.algorithm)
        if len(child.fits) >= MAX_FITS:
            child.fits.clear()
        child.fits[issuer.spki] = known
    return known


def may_use(issuer: ParsedCertificate, algorithm: bytes) -> bool:
    """RFC 4055 1.2, 3.1: a key for RSA-PSS alone signs by nothing else, and within the parameters that it names."""
    try:
        limits = _key_parameters(issuer.spki)
        if limits is None:
            return True
        salt, digest = _pss(algorithm)
    except (DerError, Refused):
        return False
    return limits.digest in (None, digest.name) and salt >= limits.salt


MAX_FITS = 64
"""Keys per certificate of which it is remembered whether they signed it."""
MAX_CHEAP_RSA_BITS = 4096
MAX_CHEAP_EXPONENT_BITS = 33


def is_dear(key: CertificatePublicKeyTypes | None) -> bool:
    """Whether a signature by this key costs milliseconds to check: nothing to do for a stranger's word."""
    return isinstance(key, rsa.RSAPublicKey) and (
        key.key_size > MAX_CHEAP_RSA_BITS or key.public_numbers().e.bit_length() > MAX_CHEAP_EXPONENT_BITS
    )


def check_algorithm(algorithm: bytes) -> None:
    """Refused when a signature by this AlgorithmIdentifier is never taken."""
    if algorithm not in _ECDSA and algorithm not in _RSA and algorithm != _ED25519:
        _pss(algorithm)


def _pss(algorithm: bytes) -> tuple[int, _Hash]:
    """(salt length, hash) of a PSS AlgorithmIdentifier; Refused for any other algorithm (RFC 4055 3.1)."""
    try:
        start, end = expect(algorithm, 0, len(algorithm), SEQUENCE)
        oid, oid_end = expect(algorithm, start, end, OID)
        dotted = oid_text(algorithm[oid:oid_end])
    except DerError:
        raise Refused(Code.UNSUPPORTED_SIGNATURE_ALGORITHM, "is signed by an algorithm that can't be read") from None
    if dotted in _WEAK:
        raise Refused(Code.CA_MD_TOO_WEAK, f"is signed with {_WEAK[dotted]}, which is too weak; reissue it")
    if dotted == _PSS:
        try:
            return _pss_parameters(algorithm[oid_end:end])
        except DerError:
            raise Refused(
                Code.CA_MD_TOO_WEAK,
                "is signed with RSA-PSS parameters that are not taken (SHA-256, -384 or -512 for both)",
            ) from None
    raise Refused(Code.UNSUPPORTED_SIGNATURE_ALGORITHM, f"is signed by the algorithm {dotted}, which is not taken")


def _key_parameters(spki: bytes) -> _Restriction | None:
    """What an RSA key for PSS alone is restricted to; None for any other key.

    Raises DerError for parameters not taken.
    """
    start, end = expect(spki, 0, len(spki), SEQUENCE)
    start, end = expect(spki, start, end, SEQUENCE)
    if not spki.startswith(_PSS_OID, start):
        return None
    parameters = spki[start + len(_PSS_OID) : end]
    if not parameters:
        return _Restriction(None, 0)
    salt, digest = _pss_parameters(parameters)
    return _Restriction(digest.name, salt)


_SHA2 = {
    bytes.fromhex("30")
    + bytes((11 + len(null),))
    + bytes.fromhex("06096086480165030402")
    + bytes((arc,))
    + null: digest
    for arc, digest in zip((1, 2, 3), _HASHES, strict=True)
    for null in (b"\x05\x00", b"")
}
_MGF1 = bytes.fromhex("06092a864886f70d010108")


def _pss_parameters(parameters: bytes) -> tuple[int, _Hash]:
    """(salt length, hash) of RSASSA-PSS-params of RFC 4055 3.1 with one SHA-2 for both. Raises DerError for any others.

    The defaults are SHA-1, so both hashes must be written; the trailer is always 1.
    """
    start, end = expect(parameters, 0, len(parameters), SEQUENCE)
    outer, position = expect(parameters, start, end, 0xA0)
    digest = _SHA2.get(parameters[outer:position])
    mask, position = expect(parameters, position, end, 0xA1)
    mask, mask_end = expect(parameters, mask, position, SEQUENCE)
    if digest is None or mask_end != position or not parameters.startswith(_MGF1, mask):
        raise DerError("other hashes")
    if _SHA2.get(parameters[mask + len(_MGF1) : mask_end]) is not digest:
        raise DerError("another hash for the mask")
    salt = 20
    if position < end and parameters[position] == 0xA2:
        length, position = expect(parameters, position, end, 0xA2)
        length, length_end = expect(parameters, length, position, INTEGER)
        salt = int.from_bytes(parameters[length:length_end], "big", signed=True)
    if position < end and parameters[position:end] != bytes.fromhex("a303020101"):
        raise DerError("another trailer")
    if not 0 <= salt <= MAX_RSA_BITS // 8:
        raise DerError("salt of no sensible length")
    return salt, digest
