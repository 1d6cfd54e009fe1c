"""Keys and signatures: strong ones of known kinds only."""

import math
from datetime import UTC, datetime
from itertools import count
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mtls_tui import pki
from tests.pki import mint, peers, surgery
from tests.pki.judge import check, number
from tests.pki.mint import AT


def key_pairs():
    yield "rsa-1024", rsa.generate_private_key(65537, 1024), False
    yield "rsa-2047", rsa.generate_private_key(65537, 2047), False
    yield "rsa-2048", mint.rsa_key(2048), True
    yield "p-192", ec.generate_private_key(ec.SECP192R1()), False
    yield "p-224", ec.generate_private_key(ec.SECP224R1()), False
    yield "secp256k1", ec.generate_private_key(ec.SECP256K1()), False
    yield "brainpool", ec.generate_private_key(ec.BrainpoolP256R1()), False
    yield "p-384", ec.generate_private_key(ec.SECP384R1()), True
    yield "p-521", ec.generate_private_key(ec.SECP521R1()), True
    yield "ed25519", ed25519.Ed25519PrivateKey.generate(), True
    yield "ed448", ed448.Ed448PrivateKey.generate(), False
    yield "dsa", dsa.generate_private_key(2048), False


@pytest.mark.parametrize(
    ("kind", "own", "good"), list(key_pairs()), ids=lambda value: value if type(value) is str else ""
)
def test_only_strong_keys_of_known_kinds_are_taken(top, store, kind, own, good):
    assert check(mint.client("c", top, own=own), store).verified == good
    if kind in ("rsa-1024", "p-192"):
        assert number(check(mint.client("c", top, own=own), store)) == 66
    if kind in ("ed448", "dsa"):
        return
    weak = mint.root("Own key", own=own)
    found = check(mint.client("c", weak), pki.TrustStore([weak.certificate]))
    assert found.verified == good
    assert number(found) == (None if good else 67)


def test_a_weak_key_in_an_intermediate_is_refused(top, store):
    middle = mint.authority("Weak", top, own=mint.rsa_key(1024))
    assert number(check([mint.client("c", middle), middle], store)) == 67


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: curve.name)
def test_points_that_are_not_on_the_curve_are_refused(top, store, curve):
    own = ec.generate_private_key(curve)
    made = mint.client("c", top, own=own)
    y = own.public_key().public_numbers().y.to_bytes((curve.key_size + 7) // 8, "big")
    moved = bytes((*y[:-1], y[-1] ^ 1))
    assert check(made, store).verified
    assert number(check([surgery.changed(made, top, lambda content: content.replace(y, moved))], store)) == 66


@pytest.mark.parametrize("exponent", [1, 2, 65536])
def test_rsa_exponents_that_protect_nothing_are_refused(top, store, exponent):
    """Everybody can sign for exponent 1; the library makes no such key, so it is patched in and signed by hand."""
    made = mint.client("c", top, own=mint.rsa_key())
    octets = exponent.to_bytes(3, "big").lstrip(b"\0")

    def patch(content):
        public = content.index(b"\x02\x03\x01\x00\x01")
        start = content.index(b"\x30\x82\x01\x22")
        bits = content[start + 4 + 15 + 5 : public]
        numbers = surgery.element(0x30, bits[4:] + surgery.element(0x02, octets))
        spki = surgery.element(0x30, content[start + 4 : start + 19] + surgery.element(0x03, b"\0" + numbers))
        return content[:start] + spki + content[public + 5 :]

    found = check([surgery.changed(made, top, patch)], store)
    assert number(found) == 66, str(found.error)


def test_a_curve_spelled_out_instead_of_named_is_refused(openssl):
    """Spelled out, the parameters can be an attacker's (CVE-2020-0601), even when they are P-256's here."""
    for encoding, good in (("named_curve", True), ("explicit", False)):
        pem = openssl.run(
            "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", f"ec_param_enc:{encoding}"
        )
        (openssl.folder / "own.key").write_bytes(pem)
        certificate = openssl.run("req", "-x509", "-new", "-key", "own.key", "-subj", "/CN=c", "-days", "9",
                                  "-addext", "basicConstraints=critical,CA:FALSE")  # fmt: skip
        assert check([certificate], pki.TrustStore([certificate]), datetime.now(UTC)).verified == good


@pytest.mark.parametrize("digest", ["sha1", "sha224", "md5"])
def test_weak_digests_are_refused_wherever_they_count(digest, openssl):
    """OpenSSL signs with them; the library does not."""
    made = openssl.signed_with(digest)
    found = pki.verify([made.leaf], pki.TrustStore([made.root]), datetime.now(UTC))
    assert number(found) in (68, 76)


def test_an_anchors_own_signature_is_not_looked_at(openssl):
    made = openssl.signed_with("sha1", root_only=True)
    assert pki.verify([made.leaf], pki.TrustStore([made.root]), datetime.now(UTC)).verified


@pytest.mark.parametrize("salt", [padding.PSS.DIGEST_LENGTH, padding.PSS.MAX_LENGTH, 20])
def test_rsa_pss_is_taken(salt):
    signer = mint.rsa_key()
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), salt)
    made = mint.root("PSS", own=signer, padding=scheme)
    leaf = mint.client("c", made, padding=scheme)
    assert check(leaf, pki.TrustStore([made.certificate])).verified
    assert not check(
        mint.client("c", made, padding=scheme, signer=mint.rsa_key(2048, "x")), pki.TrustStore([made.certificate])
    ).verified


# --- keys for RSA-PSS alone (RFC 4055) -----------------------------------------------------------------------------

PSS = bytes.fromhex("06092a864886f70d01010a")
RSA = bytes.fromhex("06092a864886f70d0101010500")


def pss_parameters(arc, salt):
    digest = surgery.element(0x30, bytes.fromhex("06096086480165030402") + bytes((arc,)) + b"\x05\x00")
    mask = surgery.element(0x30, bytes.fromhex("06092a864886f70d010108") + digest)
    length = surgery.element(0xA2, surgery.element(0x02, bytes((salt,))))
    return surgery.element(0x30, surgery.element(0xA0, digest) + surgery.element(0xA1, mask) + length)


def for_pss_alone(made, issuer, parameters=b""):
    """The certificate with its RSA key marked as one for PSS alone."""
    spki = made.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    bits = spki[spki.index(RSA) + len(RSA) :]
    restricted = surgery.element(0x30, surgery.element(0x30, PSS + parameters) + bits)
    return surgery.changed(made, issuer, lambda content: content.replace(spki, restricted))


def scheme(digest, salt):
    return padding.PSS(padding.MGF1(digest), salt)


SHA256, SHA512 = hashes.SHA256(), hashes.SHA512()


@pytest.mark.parametrize(
    ("limits", "by", "digest", "good"),
    [
        (b"", None, SHA256, False),
        (b"", scheme(SHA256, 32), SHA256, True),
        (b"", scheme(SHA512, 64), SHA512, True),
        (pss_parameters(1, 32), None, SHA256, False),
        (pss_parameters(1, 32), scheme(SHA256, 32), SHA256, True),
        (pss_parameters(1, 32), scheme(SHA256, 64), SHA256, True),
        (pss_parameters(1, 32), scheme(SHA256, 31), SHA256, False),
        (pss_parameters(1, 32), scheme(SHA512, 64), SHA512, False),
        (b"\x30\x00", scheme(SHA256, 32), SHA256, False),
    ],
)  # fmt: skip
def test_a_key_for_pss_alone_signs_by_pss_alone_and_within_its_parameters(top, limits, by, digest, good):
    made = mint.authority("PSS", top, own=mint.rsa_key())
    authority = for_pss_alone(made, top, limits)
    leaf = mint.client("c", made, padding=by, digest=digest)
    found = check([leaf.der, authority], pki.TrustStore([top.certificate]))
    assert found.verified == good, str(found.error)
    assert (peers.openssl([leaf.der, authority], [top.certificate], [], AT) == 0) == good


def test_a_list_by_a_key_for_pss_alone_is_held_to_it_too(top):
    made = mint.authority("PSS", top, own=mint.rsa_key())
    authority = for_pss_alone(made, top)
    with pytest.raises(pki.StoreError, match="not by the key"):
        pki.TrustStore([top.certificate], [authority], [mint.crl(made)])


def test_a_client_may_have_a_key_for_pss_alone(top, store):
    made = mint.client("c", top, own=mint.rsa_key())
    assert check([for_pss_alone(made, top)], store).verified
    assert check([for_pss_alone(made, top, pss_parameters(1, 32))], store).verified
    assert number(check([for_pss_alone(made, top, b"\x30\x00")], store)) == 66, "SHA-1, which nothing here takes"


# --- keys that protect nothing -------------------------------------------------------------------------------------

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
# Twice a point (x, y) has y = 0, order 4, where y² = -x²; on -x² + y² = 1 + dx²y² that is dy⁴ + 2y² - 1 = 0.
ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
assert (D * ORDER_8**4 + 2 * ORDER_8**2 - 1) % P == 0
SMALL = [sign << 255 | y for y in (0, 1, P - 1, ORDER_8, P - ORDER_8, P, P + 1) for sign in (0, 1)]


@pytest.mark.parametrize("value", SMALL, ids=hex)
def test_ed25519_keys_of_small_order_are_refused(top, store, value):
    """For the neutral element the signature of all zeros but the first fits every message: nobody's key signed it."""
    own = ed25519.Ed25519PrivateKey.generate()
    raw, point = own.public_key().public_bytes_raw(), value.to_bytes(32, "little")
    made = mint.client("c", top, own=own)
    found = check([surgery.changed(made, top, lambda content: content.replace(raw, point))], store)
    assert number(found) == 66, str(found.error)
    authority = mint.authority("Small", top, own=own)
    weak = surgery.changed(authority, top, lambda content: content.replace(raw, point))
    leaf = mint.client("c", authority)
    forged = surgery.element(
        0x30,
        leaf.certificate.tbs_certificate_bytes
        + bytes.fromhex("300506032b6570")
        + surgery.element(0x03, b"\0\x01" + bytes(63)),
    )
    assert not check([forged, weak], store).verified


def test_the_neutral_element_would_verify_what_nobody_signed(top):
    """What the refusal is for: OpenSSL takes it."""
    own = ed25519.Ed25519PrivateKey.generate()
    authority = mint.authority("Small", top, own=own)
    raw, neutral = own.public_key().public_bytes_raw(), (1).to_bytes(32, "little")
    weak = surgery.changed(authority, top, lambda content: content.replace(raw, neutral))
    tbs = mint.client("c", authority).certificate.tbs_certificate_bytes
    nobody = bytes.fromhex("300506032b6570") + surgery.element(0x03, b"\0\x01" + bytes(63))
    forged = surgery.element(0x30, tbs + nobody)
    assert peers.openssl([forged, weak], [top.certificate], [], AT) == 0
    assert number(check([forged, weak], pki.TrustStore([top.certificate]))) == 67


@pytest.mark.parametrize(("bits", "taken"), [(16_384, True), (16_385, False)])
def test_rsa_keys_are_taken_up_to_16384_bits(top, store, bits, taken):
    small = math.factorial(1000)
    modulus = next(n for n in count((1 << bits - 1) + 1, 2) if math.gcd(n, small) == 1)
    public = rsa.RSAPublicNumbers(65537, modulus).public_key()
    found = check(mint.client("c", top, own=SimpleNamespace(public_key=lambda: public)), store)
    assert (found.verified, number(found)) == ((True, None) if taken else (False, 66))


@pytest.mark.parametrize("factor", [2, 3, 97])
def test_rsa_moduli_with_a_small_factor_are_refused(top, store, factor):
    made = mint.client("c", top, own=mint.rsa_key())
    modulus = made.key.public_key().public_numbers().n
    before, after = (n.to_bytes(256, "big") for n in (modulus, modulus - modulus % (2 * factor) + factor))
    found = check([surgery.changed(made, top, lambda content: content.replace(before, after))], store)
    assert number(found) == 66
    assert "protects nothing" in found.error.message
