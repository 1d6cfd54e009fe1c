"""Certificates of odd shape, and bytes that are none."""

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from mtls_tui import pki
from tests.pki import mint, surgery
from tests.pki.judge import check, number
from tests.pki.mint import AT


def test_serial_numbers_are_positive_and_of_at_most_20_octets(top, store):
    made = mint.client("c", top, serial=0x55)

    def with_serial(octets):
        return [surgery.changed(made, top, lambda c: c.replace(b"\x02\x01\x55", surgery.element(0x02, octets), 1))]

    assert check(with_serial(b"\x7f" + b"\x01" * 19), store).verified
    assert check(with_serial(b"\x00\x80" + b"\x01" * 19), store).verified, "the sign octet does not count"
    for bad in (b"\x80", b"\x00", b"\x7f" + b"\x01" * 20):
        assert number(check(with_serial(bad), store)) == 41


def test_a_root_with_serial_0_can_be_an_anchor():
    """Old versions of `openssl req -x509` made them."""
    made = mint.root("Zero", serial=0x55)
    zero = surgery.changed(made, made, lambda content: content.replace(b"\x02\x01\x55", b"\x02\x01\0", 1))
    assert pki.verify([mint.client("c", made).der], pki.TrustStore([zero]), AT).verified


UNKNOWN = x509.ObjectIdentifier("1.3.6.1.4.1.99999.1")


def test_two_extensions_of_one_kind_are_refused(top, store):
    made = mint.client("c", top)
    extra = surgery.extension(UNKNOWN, b"\x05\x00")
    assert check([surgery.with_extensions(made, top, lambda entries: [*entries, extra])], store).verified
    for twice in ([extra, extra], None):
        der = surgery.with_extensions(made, top, lambda entries, t=twice: [*entries, *(t or entries[:1])])
        assert number(check([der], store)) == 41


@pytest.mark.parametrize(
    "broken",
    [
        surgery.extension(x509.OID_BASIC_CONSTRAINTS, b"\x30\x03\x01\x01"),
        surgery.extension(x509.OID_KEY_USAGE, b"\x04\x00"),
        surgery.extension(x509.OID_EXTENDED_KEY_USAGE, b"\x30\x00"),
        surgery.extension(x509.OID_SUBJECT_ALTERNATIVE_NAME, b"\x30\x04\x82\x06ab"),
        surgery.extension(x509.OID_NAME_CONSTRAINTS, b"\x05\x00"),
    ],
    ids=["basicConstraints", "keyUsage", "extendedKeyUsage", "subjectAltName", "nameConstraints"],
)
def test_extensions_that_can_not_be_read_are_refused(top, store, broken):
    made = mint.make("c", top, own=mint.key("client"))
    der = surgery.with_extensions(made, top, lambda entries: [*entries, broken])
    found = check([der], store)
    assert number(found) in (26, 41), str(found.error)


def test_two_different_signature_algorithms_are_refused(top, store):
    tbs = mint.client("c", top).certificate.tbs_certificate_bytes.replace(
        surgery.ECDSA_SHA256, bytes.fromhex("300a06082a8648ce3d040303"), 1
    )
    assert number(check([surgery.signed(tbs, top)], store)) == 78


@pytest.mark.parametrize("version", [1, 2, 4])
def test_extensions_need_version_3(top, store, version):
    made = mint.client("c", top)
    head = b"" if version == 1 else bytes((0xA0, 3, 2, 1, version - 1))
    der = surgery.changed(made, top, lambda content: head + content.removeprefix(b"\xa0\x03\x02\x01\x02"))
    assert number(check([der], store)) in (1, 93)


def test_bytes_after_the_certificate_are_refused(top, store):
    der = mint.client("c", top).der
    assert check([der], store).verified
    found = check([der + b"\0"], store)
    assert (found.presented, found.verified, number(found)) == (True, False, 1)


def test_nul_in_a_name_is_refused(top, store):
    assert number(check(mint.client("admin\0.example.com", top), store)) == 53
    assert number(check(mint.client("c", top, sans=[x509.DNSName("admin\0.example.com")]), store)) == 53
    assert number(check(mint.client("c", top, sans=[x509.RFC822Name("a@b\0.example.com")]), store)) == 53


@pytest.mark.parametrize(
    "value", [b"\x0c\x02\xc3\x28", b"\x1e\x03abc", b"\x13\x02\xe9x", b"\xa3\x01c", b"\x0c\x02\x00\xff"]
)
def test_text_that_does_not_fit_its_type_is_refused(top, store, value):
    made = mint.client("cc", top)
    der = surgery.changed(
        made,
        top,
        lambda content: content.replace(
            surgery.element(0x30, surgery.element(0x31, surgery.element(0x30, b"\x06\x03\x55\x04\x03\x0c\x02cc"))),
            surgery.element(0x30, surgery.element(0x31, surgery.element(0x30, b"\x06\x03\x55\x04\x03" + value))),
        ),
    )
    assert number(check([der], store)) in (1, 53), "the parser finds some of them"


def test_multi_valued_and_bmp_names_verify_and_show(top, store):
    subject = x509.Name(
        [
            x509.RelativeDistinguishedName(
                [x509.NameAttribute(NameOID.COMMON_NAME, "a"), x509.NameAttribute(NameOID.USER_ID, "7")]
            ),
            x509.RelativeDistinguishedName(
                [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Ünïcode", _type=x509.name._ASN1Type.BMPString)]
            ),
        ]
    )
    leaf = mint.client(subject, top)
    assert check(leaf, store).verified
    assert pki.facts(leaf.certificate)["cf.tls_client_auth.cert_subject_dn"] in (
        b"O=\\C3\\9Cn\\C3\\AFcode,CN=a+UID=7",
        b"O=\\C3\\9Cn\\C3\\AFcode,UID=7+CN=a",
    )


def test_an_empty_subject_needs_a_critical_alternative_name(top, store):
    nobody = mint.name()
    assert check(mint.client(nobody, top, sans=[x509.DNSName("a.example.com")]), store).verified
    assert number(check(mint.client(nobody, top), store)) == 84
    san = (x509.SubjectAlternativeName([x509.DNSName("a.example.com")]), False)
    assert number(check(mint.client(nobody, top, extensions=[san]), store)) == 88


def test_an_unknown_critical_extension_is_refused_and_a_harmless_one_is_not(top, store):
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
    assert check(mint.client("c", top, extensions=[(unknown, False)]), store).verified
    assert number(check(mint.client("c", top, extensions=[(unknown, True)]), store)) == 34
    middle = mint.authority("Middle", top, extensions=[(unknown, True)])
    assert number(check([mint.client("c", middle), middle], store)) == 34


@pytest.mark.parametrize(
    "item",
    [b"", b"\x30", b"junk", b"\x30\x82\xff\xff", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"],
)
def test_what_can_not_be_read_is_presented_and_not_verified(top, store, item):
    found = check([item], store)
    assert (found.presented, found.verified, found.revoked, number(found)) == (True, False, False, 1)
    good = mint.client("c", top)
    assert check([good, item], store).verified, "junk beside the leaf does no harm"
    assert not check([item, good], store).verified, "and a leaf is never taken from elsewhere"


def test_nothing_presented_is_no_error(store):
    found = check([], store)
    assert (found.presented, found.verified, found.revoked, found.error) == (False, False, False, None)


def test_pem_der_and_objects_are_the_same_chain(top, store):
    middle = mint.authority("Middle", top)
    leaf = mint.client("c", middle)
    damaged = leaf.pem.replace(b"MII", b"MIJ", 1)
    for chain in (
        [leaf.certificate, middle.certificate],
        [leaf.der, middle.der],
        [leaf.pem, middle.der],
        [leaf.pem + b"junk\n" + middle.pem],
        [leaf.pem.replace(b"\n", b"\r\n"), middle.pem],
        [leaf.der, middle.der, middle.der, leaf.der],
    ):
        assert pki.verify(chain, store, AT).verified
    assert pki.verify(leaf.pem + middle.pem, store, AT).verified
    assert pki.verify(leaf.pem + damaged + middle.pem, store, AT).verified, "damage behind the first does no harm"
    assert not pki.verify(damaged + leaf.pem + middle.pem, store, AT).verified
