"""Keys and signatures: strong ones of known kinds only."""

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa

from mtls_tui import pki
from tests.pki import mint, surgery
from tests.pki.judge import check, number


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
