"""A bundle is what was exported, octet for octet, or it is refused with the reason and the cure."""

import hashlib
import json
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from mtls_tui.engine.bundle import Bundle, BundleError, BundleHost, BundleList, BundleResponse, BundleRule, digest_of
from mtls_tui.engine.signing import load_signing_key, load_verify_key

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)


def bundle(rules=3):
    return Bundle(
        created="2030-01-31T12:00:00Z",
        anchors=("PEM",),
        hosts=(BundleHost(name="api.example.com", mtls=True, upstream="http://127.0.0.1:1"),),
        lists={"b": BundleList(kind="ip", items=("192.0.2.0/24",)), "a": BundleList(kind="asn", items=(1,))},
        rules=tuple(
            BundleRule(
                ref=f"r{n}",
                expression=f'http.host eq "h{n}.example.com"',
                action="block",
                response=BundleResponse(status=404, body="é\u2028"),
            )
            for n in range(rules)
        ),
    )


def test_a_bundle_comes_back_as_it_was():
    data = bundle().encode()
    assert Bundle.decode(data) == bundle()
    assert Bundle.decode(data).encode() == data
    assert data.endswith(b"\n")


def test_the_canonical_form_is_sorted_compact_utf8():
    data = bundle().encode(KEY)
    document = json.loads(data)
    assert data.decode() == json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
    assert document["digest"] == bundle().digest == digest_of(bundle().canonical())


def test_a_signature_is_asked_for_when_a_key_is_given():
    signed, plain = bundle().encode(KEY), bundle().encode()
    assert Bundle.decode(signed, KEY.public_key()) == bundle()
    assert Bundle.decode(signed) == bundle()
    with pytest.raises(BundleError, match="not signed"):
        Bundle.decode(plain, KEY.public_key())
    with pytest.raises(BundleError, match="another key"):
        Bundle.decode(signed, OTHER.public_key())


def forged(change, sign_key=KEY):
    """A bundle with one part of its JSON changed and everything else made to fit."""
    document = json.loads(bundle().encode(sign_key))
    change(document)
    return (json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n").encode()


def redigested(change):
    """A change of the inner object, under a digest that fits."""

    def both(document):
        change(document["bundle"])
        inner = json.dumps(document["bundle"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        document["digest"] = digest_of(inner.encode())
        document.pop("signature", None)

    return forged(both)


GOOD = bundle().encode(KEY)
BAD = {
    "empty": (b"", "empty"),
    "no JSON": (b"version = 1", "not JSON"),
    "cut off": (GOOD[:-20], "not JSON"),
    "another object": (b'{"a":1}\n', "not a bundle"),
    "an array": (b"[]\n", "not a bundle"),
    "not UTF-8": (GOOD.replace(b"api.example", b"\xff\xfe.example"), ""),
    "a changed octet": (GOOD.replace(b"h1.example", b"h9.example"), "digest is wrong"),
    "a changed digest": (forged(lambda d: d.update(digest="sha256:" + "0" * 64)), "digest is wrong"),
    "no digest": (forged(lambda d: d.pop("digest")), "not a bundle"),
    "an unknown key": (forged(lambda d: d.update(extra=1)), "unknown field"),
    "an unknown key inside": (redigested(lambda b: b.update(extra=1)), "unknown field"),
    "an unknown key in a host": (redigested(lambda b: b["hosts"][0].update(only="x")), "unknown field"),
    "a newer version": (redigested(lambda b: b.update(version=2)), "format version 2"),
    "no version": (redigested(lambda b: b.pop("version")), "not a bundle"),
    "a wrong type": (redigested(lambda b: b["rules"][0].update(enabled="no")), "not a bundle"),
    "an unknown action": (redigested(lambda b: b["rules"][0].update(action="allow")), "not a bundle"),
    "trailing garbage": (GOOD + b"x", ""),
    "a second bundle": (GOOD + GOOD, ""),
    "a blank": (GOOD + b" ", "canonical"),
    "no line break": (GOOD[:-1], "canonical"),
    "indented": (json.dumps(json.loads(GOOD), indent=1).encode(), ""),
    "a signature that is no Base64": (forged(lambda d: d["signature"].update(value="?")), "Base64"),
    "a short signature": (forged(lambda d: d["signature"].update(value="AAAA")), "64 bytes"),
    "another algorithm": (forged(lambda d: d["signature"].update(algorithm="none")), "not a bundle"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_what_was_exported_is_refused(name):
    data, words = BAD[name]
    for key in (None, KEY.public_key()):
        with pytest.raises(BundleError, match=words if key is None and words else None) as caught:
            Bundle.decode(data, key)
        assert caught.value.cure


def test_a_signature_is_for_this_content_alone():
    def other_content(document):
        document["bundle"]["rules"] = []
        inner = json.dumps(document["bundle"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        document["digest"] = digest_of(inner.encode())

    data = forged(other_content)
    assert Bundle.decode(data).rules == ()
    with pytest.raises(BundleError, match="signature is wrong"):
        Bundle.decode(data, KEY.public_key())


def test_a_key_given_twice_is_refused():
    data = GOOD.replace(b'"mtls":true', b'"mtls":false,"mtls":true')
    inner = data[len(b'{"bundle":') : data.index(b',"digest"')]
    data = data.replace(bundle().digest.encode(), digest_of(inner).encode())
    with pytest.raises(BundleError, match="canonical"):
        Bundle.decode(data)


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_no_changed_octet_is_ever_accepted(position, octet):
    data = GOOD[:position] + bytes([octet]) + GOOD[position + 1 :]
    if data == GOOD:
        return
    with pytest.raises(BundleError):
        Bundle.decode(data, KEY.public_key())


@given(st.binary(max_size=300))
def test_any_octets_are_an_error_and_never_another_one(data):
    with pytest.raises(BundleError):
        Bundle.decode(data)


def test_ten_thousand_rules_are_read_within_two_seconds():
    data = bundle(10_000).encode(KEY)
    begin = time.process_time()
    assert len(Bundle.decode(data, KEY.public_key()).rules) == 10_000
    assert time.process_time() - begin < 2


def pem(key, passphrase=None):
    encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def public_pem(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_keys_come_from_pem():
    assert load_signing_key(pem(KEY)).private_bytes_raw() == KEY.private_bytes_raw()
    assert load_signing_key(pem(KEY, b"secret"), b"secret").private_bytes_raw() == KEY.private_bytes_raw()
    assert load_verify_key(public_pem(KEY)).public_bytes_raw() == KEY.public_key().public_bytes_raw()


@pytest.mark.parametrize(
    ("data", "passphrase", "words"),
    [
        (b"x", None, "no private key"),
        (public_pem(KEY), None, "no private key"),
        (pem(X25519PrivateKey.generate()), None, "Ed25519"),
        (pem(KEY, b"secret"), None, "encrypted"),
        (pem(KEY, b"secret"), b"wrong", "passphrase"),
        (pem(KEY), b"secret", "not encrypted"),
    ],
)
def test_a_key_that_can_t_sign_is_refused(data, passphrase, words):
    with pytest.raises(BundleError, match=words) as caught:
        load_signing_key(data, passphrase)
    assert caught.value.cure


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"x", "no public key"), (pem(KEY), "private key"), (public_pem(X25519PrivateKey.generate()), "Ed25519")],
)
def test_a_key_that_can_t_verify_is_refused(data, words):
    with pytest.raises(BundleError, match=words):
        load_verify_key(data)


def test_a_bundle_written_before_an_optional_key_was_there_is_still_taken():
    inner = b'{"hosts":[{"mtls":false,"name":"a.example"}],"rules":[],"version":1}'
    file = b'{"bundle":' + inner + b',"digest":"sha256:' + hashlib.sha256(inner).hexdigest().encode() + b'"}\n'
    assert Bundle.decode(file).hosts[0].name == "a.example"
    for odd in (inner.replace(b",", b", ", 1), inner.replace(b'"version":1', b'"version":1,"version":1')):
        twisted = file.replace(inner, odd).replace(
            hashlib.sha256(inner).hexdigest().encode(), hashlib.sha256(odd).hexdigest().encode()
        )
        with pytest.raises(BundleError, match="canonical"):
            Bundle.decode(twisted)
