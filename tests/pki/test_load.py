"""Loading: every usual container, and whatever bytes end in certificates or in a LoadError with a cure."""

import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs7,
    pkcs12,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mtls_tui import pki
from mtls_tui.pki import load
from mtls_tui.pki.certificate import ParsedCertificate
from mtls_tui.pki.verification import _verify
from tests.pki import mint
from tests.pki.mint import AT

TOP = mint.root()
MIDDLE = mint.authority("Middle", TOP)
LEAF = mint.client("c", MIDDLE, sans=[x509.DNSName("c.example.com"), x509.RFC822Name("c@example.com")])
CRL = mint.crl(TOP, [1, 2, 3])


def names(certificates):
    return [certificate.subject.rfc4514_string() for certificate in certificates]


BOTH = ["CN=c", "CN=Middle"]


@pytest.mark.parametrize(
    "data",
    [
        LEAF.pem + MIDDLE.pem,
        (LEAF.pem + MIDDLE.pem).replace(b"\n", b"\r\n"),
        (LEAF.pem + MIDDLE.pem).replace(b"\n", b"\r"),
        b"Bag Attributes\n  friendlyName: x\nsubject=CN=c\n" + LEAF.pem + b"\njunk ---- \n" + MIDDLE.pem + b"\0\xff",
        b"\xef\xbb\xbf" + LEAF.pem + MIDDLE.pem,
        CRL.public_bytes(Encoding.PEM) + LEAF.pem + MIDDLE.pem,
        LEAF.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + LEAF.pem + MIDDLE.pem,
        LEAF.pem.replace(b"-\n", b"-\nProc-Type: x\nX-Long: a\n b\n\n", 1) + MIDDLE.pem,
        b"".join(line.strip() + b"  \n" for line in (LEAF.pem + MIDDLE.pem).splitlines()),
        b"-----BEGIN CERTIFICATE-----\ncut off\n" + LEAF.pem + MIDDLE.pem,
        pkcs7.serialize_certificates([LEAF.certificate, MIDDLE.certificate], Encoding.PEM),
        pkcs7.serialize_certificates([LEAF.certificate, MIDDLE.certificate], Encoding.DER),
    ],
    ids=[
        "pem", "crlf", "cr", "junk", "byte order mark", "crl before", "key before", "headers", "blanks",
        "unfinished block", "pkcs7 pem", "pkcs7 der",
    ],
)  # fmt: skip
def test_several_certificates_in_order(data):
    assert sorted(names(pki.load_certificates(data))) == sorted(BOTH)
    if not data.startswith((b"\x30", b"-----BEGIN PKCS7")):  # PKCS#7 holds a set: its order says nothing
        assert names(pki.load_certificates(data)) == BOTH


def test_der_and_doubles():
    assert names(pki.load_certificates(LEAF.der)) == ["CN=c"]
    assert names(pki.load_certificates(LEAF.pem * 3)) == ["CN=c"] * 3


@pytest.mark.parametrize("passphrase", [b"secret", None])
def test_pkcs12_with_and_without_passphrase(passphrase):
    encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    data = pkcs12.serialize_key_and_certificates(b"x", LEAF.key, LEAF.certificate, [MIDDLE.certificate], encryption)
    assert names(pki.load_certificates(data, passphrase)) == BOTH
    if passphrase:
        with pytest.raises(pki.LoadError, match="give its passphrase"):
            pki.load_certificates(data)
        with pytest.raises(pki.LoadError, match="passphrase is wrong"):
            pki.load_certificates(data, b"other")


def test_what_openssl_writes(openssl, tmp_path):
    (openssl.folder / "c.pem").write_bytes(LEAF.pem)
    (openssl.folder / "m.pem").write_bytes(MIDDLE.pem)
    openssl.key("c", LEAF.key)
    p7 = openssl.run("crl2pkcs7", "-nocrl", "-certfile", "c.pem", "-certfile", "m.pem")
    assert sorted(names(pki.load_certificates(p7))) == sorted(BOTH)
    p12 = openssl.run(
        "pkcs12", "-export", "-in", "c.pem", "-inkey", "c.key", "-certfile", "m.pem", "-passout", "pass:x"
    )
    assert names(pki.load_certificates(p12, b"x")) == BOTH
    trusted = openssl.run("x509", "-in", "c.pem", "-trustout", "-addtrust", "clientAuth")
    assert b"TRUSTED CERTIFICATE" in trusted
    assert names(pki.load_certificates(trusted)) == ["CN=c"]
    assert names(pki.load_certificates(openssl.run("x509", "-in", "c.pem", "-text"))) == ["CN=c"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"hello", "neither PEM nor DER"),
        (LEAF.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), "only PRIVATE KEY"),
        (CRL.public_bytes(Encoding.PEM), "only X509 CRL"),
        (LEAF.pem[:300], "does not end"),
        (LEAF.pem.replace(b"MII", b"M*I", 1), "block 1 of 1.*not base64"),
        (LEAF.pem + MIDDLE.pem.replace(b"MII", b"MIJ", 1), "block 2 of 2.*can't be read"),
        (LEAF.der[:-1], "not valid DER"),
        (LEAF.der + b"\0", "not valid DER"),
        (CRL.public_bytes(Encoding.DER), "can't be read"),
    ],
    ids=["empty", "blank", "text", "key", "crl", "cut", "no-base64", "second", "der-cut", "der-more", "der-crl"],
)
def test_what_is_no_certificate_is_an_error_with_a_cure(data, why):
    with pytest.raises(pki.LoadError, match=why) as caught:
        pki.load_certificates(data)
    assert "ParseError" not in str(caught.value)


def test_errors_never_show_key_material():
    pem = LEAF.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(pki.LoadError) as caught:
        pki.load_certificates(pem)
    assert not any(line.decode() in str(caught.value) for line in pem.splitlines()[1:-1])


@pytest.mark.parametrize("piece", [b"-----BEGIN A-----", b"-----BEGIN CERTIFICATE-----\n", b"-----END A-----", b"---"])
def test_a_megabyte_of_marks_ends_in_time(piece):
    start = time.process_time()
    with pytest.raises(pki.LoadError):
        pki.load_certificates(piece * (1_000_000 // len(piece)))
    assert time.process_time() - start < 2


# --- whatever bytes ------------------------------------------------------------------------------------------------

STORE = pki.TrustStore([TOP.certificate], [MIDDLE.certificate])
SEEDS = [LEAF.der, MIDDLE.der, TOP.der, LEAF.pem, CRL.public_bytes(Encoding.DER)]
SEEDS.append(pkcs7.serialize_certificates([LEAF.certificate], Encoding.DER))


@st.composite
def damaged(draw):
    """Something certain with a few bytes changed, cut out or put in."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        position = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.integers(0, 3)):
            case 0:
                data[position : position + 1] = bytes((draw(st.integers(0, 255)),))
            case 1:
                del data[position : position + draw(st.integers(1, 20))]
            case 2:
                data[position:position] = draw(st.binary(min_size=1, max_size=6))
            case _:
                data[position : position + 1] = (
                    bytes((data[position] ^ (1 << draw(st.integers(0, 7))),)) if data else b""
                )
    return bytes(data)


def load_all(data):
    for loader in (pki.load_certificates, pki.load_crls):
        try:
            found = loader(data)
        except pki.LoadError as error:
            assert str(error)
        else:
            assert found
    for options in ({"anchors": [data]}, {"anchors": [TOP.certificate], "crls": [data]}):
        try:
            pki.TrustStore(**options)
        except pki.StoreError as error:
            assert str(error)


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
@example(b"\x30\x80")
@example(b"0\x83\x01\x00\x00\x02\x01\x03")
@example(b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")
def test_whatever_bytes_load_or_fail_with_a_message(data):
    load_all(data)


@given(damaged())
@settings(max_examples=400, deadline=None)
def test_damaged_certificates_load_or_fail_and_never_verify(data):
    load_all(data)
    now = int(AT.timestamp())
    found = _verify([data], STORE, now)  # past the net that catches the unforeseen: there must be nothing to catch
    assert found.presented
    if found.verified:  # the damage was outside of what is signed: text around PEM, another of the same
        assert found.chain[0].tbs_certificate_bytes in (
            LEAF.certificate.tbs_certificate_bytes, CRL.tbs_certlist_bytes
        )  # fmt: skip
    _verify([LEAF.der, data, MIDDLE.der], STORE, now)
    facts = pki.facts(data, [data], found)
    assert facts.keys() == pki.facts_absent().keys()


@pytest.mark.parametrize("label", [b"PKCS12", b"PKCS7", b"CMS", b"TRUSTED CERTIFICATE"])
def test_of_what_is_presented_only_certificates_are_read(label, monkeypatch):
    """A container's key derivation takes as long as its writer likes, and who presents it is a stranger."""

    def never(*_arguments):
        raise AssertionError("a container was opened")

    monkeypatch.setattr(load, "_pkcs12", never)
    monkeypatch.setattr(load, "_pkcs7", never)
    body = LEAF.pem.split(b"-----")[2]
    data = b"-----BEGIN %s-----%s-----END %s-----\n" % (label, body, label)
    found = pki.verify([data], STORE, AT)
    assert (found.presented, found.verified) == (True, False)
    assert "can't be read" in found.error.message
    assert pki.facts(data, [data], found)["cf.tls_client_auth.cert_serial"] == b""
    assert pki.verify([data + LEAF.pem, MIDDLE.der], STORE, AT).verified, "certificates beside it are"


@given(st.binary(min_size=1, max_size=60))
@settings(max_examples=100, deadline=None)
def test_a_views_parts_are_the_parsers_parts(extra):
    """Our slices and the parser's attributes are two readings of one certificate: they agree."""
    made = mint.client(
        "c", TOP, extensions=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), extra), False)]
    )
    certificate = made.certificate
    view = ParsedCertificate(certificate, made.der)
    assert view.tbs == certificate.tbs_certificate_bytes
    assert view.signature == certificate.signature
    assert view.issuer_raw == certificate.issuer.public_bytes()
    assert view.subject_raw == certificate.subject.public_bytes()
    assert int.from_bytes(view.serial, "big") == certificate.serial_number
    assert view.not_before == certificate.not_valid_before_utc.timestamp()
    assert view.not_after == certificate.not_valid_after_utc.timestamp()
    assert view.version == 3


def test_a_crl_is_written_as_pem_as_cryptography_writes_it():
    der = CRL.public_bytes(Encoding.DER)
    assert load.crl_pem(der).encode() == CRL.public_bytes(Encoding.PEM)
    assert load.crl_ders(load.crl_pem(der).encode()) == [der]
