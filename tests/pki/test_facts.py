"""The fields of a certificate, byte for byte as documented, and beside what the openssl program prints."""

import base64
import json
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from mtls_tui import pki
from mtls_tui.pki import dn
from tests.pki import mint, surgery
from tests.pki.judge import check
from tests.pki.mint import AT, DAY

P = "cf.tls_client_auth."
TYPE = x509.name._ASN1Type
A = x509.NameAttribute


def test_there_is_every_documented_field_and_no_other(shared, top):
    documented = {
        field["name"]: field["default"]
        for field in json.loads(shared("reference/fields.json").read_text())
        if field["name"].startswith(P)
    }
    absent = pki.facts_absent()
    assert {name: value.decode() if isinstance(value, bytes) else value for name, value in absent.items()} == documented
    found = pki.facts(mint.client("c", top).certificate)
    assert found.keys() == documented.keys()
    assert {type(found[name]) for name in found} == {bytes, bool}
    assert all(isinstance(found[name], type(absent[name])) for name in found)


def test_every_field_of_one_certificate(top, store):
    subject = mint.name("James Royal", COUNTRY_NAME="US", ORGANIZATION_NAME="Access")
    begin, end = datetime(2026, 3, 1, 13, 5, tzinfo=UTC), datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
    leaf = mint.client(subject, top, serial=0x0A0B0C, begin=begin, end=end).certificate
    der = leaf.public_bytes(Encoding.DER)
    found = pki.facts(leaf, [top.certificate], check(leaf, store))
    key = x509.SubjectKeyIdentifier.from_public_key(leaf.public_key()).digest
    above = x509.SubjectKeyIdentifier.from_public_key(top.certificate.public_key()).digest
    serial = format(top.certificate.serial_number, "X")
    assert found == {
        P + "cert_presented": True,
        P + "cert_verified": True,
        P + "cert_revoked": False,
        P + "cert_issuer_dn": b"CN=Root",
        P + "cert_subject_dn": b"CN=James Royal,O=Access,C=US",
        P + "cert_issuer_dn_rfc2253": b"CN=Root",
        P + "cert_subject_dn_rfc2253": b"CN=James Royal,O=Access,C=US",
        P + "cert_issuer_dn_legacy": b"/CN=Root",
        P + "cert_subject_dn_legacy": b"/C=US/O=Access/CN=James Royal",
        P + "cert_serial": b"0A0B0C",
        P + "cert_issuer_serial": serial.zfill(len(serial) + len(serial) % 2).encode(),
        P + "cert_fingerprint_sha256": leaf.fingerprint(hashes.SHA256()).hex().encode(),
        P + "cert_fingerprint_sha1": leaf.fingerprint(hashes.SHA1()).hex().encode(),  # noqa: S303 - a field of this name
        P + "cert_not_before": b"Mar  1 13:05:00 2026 GMT",
        P + "cert_not_after": b"Dec 31 23:59:59 2026 GMT",
        P + "cert_ski": key.hex().upper().encode(),
        P + "cert_issuer_ski": above.hex().upper().encode(),
        P + "cert_rfc9440": b":" + base64.b64encode(der) + b":",
        P + "cert_rfc9440_too_large": False,
        P + "cert_chain_rfc9440": b":" + base64.b64encode(top.der) + b":",
        P + "cert_chain_rfc9440_too_large": False,
    }


def test_the_booleans_come_from_the_verification_alone(top, store):
    leaf = mint.client("c", top)
    crl = mint.crl(top, [leaf.certificate.serial_number])
    revoked = check(leaf, pki.TrustStore([top.certificate], crls=[crl]))
    for verification, expected in (
        (None, (False, False, False)),
        (check(leaf, store), (True, True, False)),
        (check(leaf, pki.TrustStore([])), (True, False, False)),
        (revoked, (True, True, True)),
        (check([], store), (False, False, False)),
    ):
        found = pki.facts(leaf.certificate, (), verification)
        assert tuple(found[P + name] for name in ("cert_presented", "cert_verified", "cert_revoked")) == expected


def test_the_issuers_serial_needs_its_certificate_and_its_signature(top):
    leaf, twin = mint.client("c", top).certificate, mint.root("Root", own=mint.key("twin"))
    serial = pki.facts(leaf, [twin.certificate, top.certificate])[P + "cert_issuer_serial"]
    assert int(serial, 16) == top.certificate.serial_number
    assert pki.facts(leaf)[P + "cert_issuer_serial"] == b""
    assert pki.facts(leaf, [twin.certificate])[P + "cert_issuer_serial"] == b""


def test_an_authority_that_did_not_sign_gives_no_facts(top, store):
    """Neither an anchor of the host nor a presented one, although the name is right; and no other chain's issuer."""
    serial, identifier = P + "cert_issuer_serial", P + "cert_issuer_ski"
    forged = mint.client("c", top, signer=mint.key("forger"), aki=False)
    other = mint.authority("Z", mint.root("Strange"), serial=0xABCD)
    leaf = mint.client("c", other, signer=mint.key("forger"), aki=False)
    for chain in ([forged], [forged, top], [leaf, other]):
        found = check(chain, store)
        assert not found.verified
        shown = pki.facts(chain[0].certificate, [made.certificate for made in chain[1:]], found)
        assert (shown[serial], shown[identifier]) == (b"", b"")
    good = check(mint.client("good", top), store)
    shown = pki.facts(forged.certificate, (), good)
    assert (shown[serial], shown[identifier]) == (b"", b""), "a verification of another certificate"


def test_a_strangers_key_that_is_dear_to_ask_is_not_asked(top, store):
    costly = mint.rsa_key(4104)
    other = mint.root("Z", own=costly)
    leaf = mint.client("c", other)
    shown = pki.facts(leaf.certificate, [other.certificate], check([leaf, other], store))
    assert shown[P + "cert_issuer_serial"] == b""
    trusted = check([leaf, other], pki.TrustStore([other.certificate]))
    assert (
        int(pki.facts(leaf.certificate, (), trusted)[P + "cert_issuer_serial"], 16) == other.certificate.serial_number
    )


def test_without_key_identifiers_the_issuers_own_is_used(top, store):
    leaf = mint.client("c", top, ski=False, aki=False).certificate
    found = pki.facts(leaf)
    assert (found[P + "cert_ski"], found[P + "cert_issuer_ski"]) == (b"", b"")
    above = x509.SubjectKeyIdentifier.from_public_key(top.certificate.public_key()).digest.hex().upper().encode()
    assert pki.facts(leaf, (), check(leaf, store))[P + "cert_issuer_ski"] == above


def test_the_chain_is_as_sent_without_the_leaf(top):
    middle = mint.authority("Middle", top)
    leaf = mint.client("c", middle)
    wanted = b", ".join(b":" + base64.b64encode(item.der) + b":" for item in (top, middle))
    for chain in (
        [top.certificate, middle.certificate],
        [leaf.der, top.der, middle.der],
        [leaf.pem + top.pem, middle.pem],
    ):
        assert pki.facts(leaf.certificate, chain)[P + "cert_chain_rfc9440"] == wanted


def padded(top, size):
    """A certificate whose RFC 9440 form has this many bytes (a multiple of 4, and 2 colons)."""
    other = x509.ObjectIdentifier("1.2.3")
    base = len(mint.client("c", top, extensions=[(x509.UnrecognizedExtension(other, b"x" * 5000), False)]).der) - 5000
    wanted = (size - 2) // 4 * 3
    for extra in range(-20, 20):  # the signature's length differs by a byte or two
        value = x509.UnrecognizedExtension(other, b"x" * (wanted - base + extra))
        made = mint.client("c", top, extensions=[(value, False)])
        if len(made.der) == wanted:
            return made
    return padded(top, size)


def test_size_limits_are_on_the_encoded_value_and_set_the_twin(top):
    fits, large = padded(top, 10_238), padded(top, 10_242)
    found = pki.facts(fits.certificate)
    assert len(found[P + "cert_rfc9440"]) == 10_238
    assert found[P + "cert_rfc9440_too_large"] is False
    found = pki.facts(large.certificate)
    assert (found[P + "cert_rfc9440"], found[P + "cert_rfc9440_too_large"]) == (b"", True)
    assert found[P + "cert_serial"] != b"", "the other fields stay"
    leaf = mint.client("c", top).certificate
    found = pki.facts(leaf, [fits.certificate])
    assert found[P + "cert_chain_rfc9440_too_large"] is False
    found = pki.facts(leaf, [fits.certificate, fits.certificate])
    assert (found[P + "cert_chain_rfc9440"], found[P + "cert_chain_rfc9440_too_large"]) == (b"", True)


@pytest.mark.parametrize(
    ("serial", "text"),
    [(1, b"01"), (0x7F, b"7F"), (0x80, b"80"), (0x100, b"0100"), (2**159 - 1, b"7" + b"F" * 39)],
)
def test_serials_are_whole_octets_in_upper_case(top, serial, text):
    assert pki.facts(mint.client("c", top, serial=serial).certificate)[P + "cert_serial"] == text


def test_negative_serials_are_shown_as_openssl_shows_them(top):
    made = mint.client("c", top, serial=0x55)
    der = surgery.changed(made, top, lambda content: content.replace(b"\x02\x01\x55", b"\x02\x01\x80", 1))
    assert pki.facts(der)[P + "cert_serial"] == b"-80"


def test_bytes_that_are_no_certificate_give_empty_fields(store):
    verification = pki.verify([b"junk"], store, AT)
    found = pki.facts(b"junk", (), verification)
    assert found == {**pki.facts_absent(), P + "cert_presented": True}


# --- distinguished names -------------------------------------------------------------------------------------------

ODD_NAMES = [
    x509.Name([]),
    x509.Name([A(NameOID.COMMON_NAME, ' leading, "quoted"+plus; <tag>\\ # ')]),
    x509.Name([A(NameOID.COMMON_NAME, "#hash"), A(NameOID.ORGANIZATION_NAME, "a=b/c")]),
    x509.Name([A(NameOID.COMMON_NAME, "tab\tnewline\n\x7f")]),
    x509.Name([A(NameOID.COMMON_NAME, "Zoë Ünïcode 名前 🔑")]),
    x509.Name([A(NameOID.COMMON_NAME, "BMP é", _type=TYPE.BMPString)]),
    x509.Name([A(NameOID.COMMON_NAME, "Universal é", _type=TYPE.UniversalString)]),
    x509.Name([A(NameOID.COMMON_NAME, "T61 \u00e9", _type=TYPE.T61String)]),
    x509.Name([A(NameOID.COMMON_NAME, " "), A(NameOID.SURNAME, "  ")]),
    x509.Name([A(NameOID.DOMAIN_COMPONENT, "com"), A(NameOID.DOMAIN_COMPONENT, "example"), A(NameOID.USER_ID, "7")]),
    x509.Name([A(NameOID.EMAIL_ADDRESS, "a@example.com"), A(NameOID.SERIAL_NUMBER, "12"), A(NameOID.TITLE, "Dr.")]),
    x509.Name([A(x509.ObjectIdentifier("1.3.6.1.4.1.99999.7"), "private"), A(NameOID.COMMON_NAME, "c")]),
    x509.Name([A(NameOID.GIVEN_NAME, "G"), A(NameOID.INITIALS, "I"), A(NameOID.PSEUDONYM, "p")]),
    x509.Name([A(NameOID.JURISDICTION_COUNTRY_NAME, "DE"), A(NameOID.BUSINESS_CATEGORY, "x")]),
    x509.Name([A(NameOID.ORGANIZATION_IDENTIFIER, "VAT"), A(NameOID.STREET_ADDRESS, "s")]),
    x509.Name([A(NameOID.UNSTRUCTURED_NAME, "u"), A(NameOID.POSTAL_CODE, "1"), A(NameOID.DN_QUALIFIER, "q")]),
    x509.Name([A(NameOID.COMMON_NAME, 'a\\b/c+d,e=f"g'), A(NameOID.GENERATION_QUALIFIER, "/+")]),
    x509.Name(
        [
            x509.RelativeDistinguishedName([A(NameOID.COMMON_NAME, "multi"), A(NameOID.USER_ID, "7")]),
            x509.RelativeDistinguishedName([A(NameOID.ORGANIZATION_NAME, "Org")]),
        ]
    ),
    x509.Name([A(NameOID.X500_UNIQUE_IDENTIFIER, b"\x01\x02", _type=TYPE.BitString), A(NameOID.COMMON_NAME, "bits")]),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(ODD_NAMES)))
def test_both_styles_are_what_openssl_prints(openssl, top, number):
    pem = mint.client(ODD_NAMES[number], top).pem
    comma = openssl.run("x509", "-noout", "-subject", "-nameopt", "RFC2253", stdin=pem)
    slashes = openssl.run("x509", "-noout", "-subject", "-nameopt", "compat", stdin=pem)
    found = pki.facts(pem)
    assert b"subject=" + found[P + "cert_subject_dn_rfc2253"] == comma.rstrip(b"\n")
    assert found[P + "cert_subject_dn"] == found[P + "cert_subject_dn_rfc2253"]
    assert b"subject=" + found[P + "cert_subject_dn_legacy"] == slashes.rstrip(b"\n")


def test_dates_and_serials_are_what_openssl_prints(openssl, top):
    for begin in (datetime(1999, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2050, 10, 11, 12, 13, 14, tzinfo=UTC)):
        pem = mint.client("c", top, begin=begin, end=begin + 9 * DAY).pem
        found = pki.facts(pem)
        lines = openssl.run("x509", "-noout", "-startdate", "-enddate", "-serial", stdin=pem).splitlines()
        assert lines == [
            b"notBefore=" + found[P + "cert_not_before"],
            b"notAfter=" + found[P + "cert_not_after"],
            b"serial=" + found[P + "cert_serial"],
        ]


@given(st.text(max_size=30), st.text(max_size=10))
@settings(max_examples=150, deadline=None)
def test_no_value_can_break_out_of_its_attribute(common_name, organization):
    """Whatever the text, an unescaped comma or plus only ever separates attributes."""
    attributes = [A(NameOID.ORGANIZATION_NAME, f"o{organization}"), A(NameOID.COMMON_NAME, f"c{common_name}")]
    try:
        name = x509.Name(attributes).public_bytes()
    except (ValueError, UnicodeEncodeError):
        return
    text = dn.rfc2253(name)
    unescaped = text.replace(b"\\\\", b"").replace(b"\\,", b"").replace(b"\\+", b"")
    assert unescaped.count(b",") == 1
    assert unescaped.count(b"+") == 0
    assert all(0x20 <= byte <= 0x7E for byte in text)


def test_attribute_types_have_the_names_that_openssl_gives_them(openssl, top):
    arcs = [f"2.5.4.{n}" for n in range(3, 107)] + [f"0.9.2342.19200300.100.1.{n}" for n in range(1, 61)]
    arcs += ["1.2.840.113549.1.9.1", "1.2.840.113549.1.9.2", "1.2.840.113549.1.9.7", "1.2.840.113549.1.9.8"]
    arcs += [f"1.3.6.1.4.1.311.60.2.1.{n}" for n in range(1, 4)]
    arcs += [f"1.2.840.113549.1.9.{n}" for n in (3, 4, 5, 6, 9, 14, 15, 16, 20, 21)]
    arcs += [f"1.2.643.{rest}" for rest in ("100.1", "100.3", "100.5", "100.111", "100.112", "3.131.1.1")]
    arcs += ["1.3.6.1.4.1.311.20.2.3", "1.3.6.1.4.1.311.17.1", *(f"1.3.6.1.5.5.7.9.{n}" for n in range(1, 6))]
    pem = mint.client(x509.Name([A(x509.ObjectIdentifier(arc), "xx", _type=TYPE.UTF8String) for arc in arcs]), top).pem
    printed = openssl.run("x509", "-noout", "-subject", "-nameopt", "RFC2253", stdin=pem).strip()

    def types(text):
        return [part.split(b"=")[0].decode() for part in reversed(text.split(b","))]

    theirs, ours = types(printed.removeprefix(b"subject=")), types(pki.facts(pem)[P + "cert_subject_dn"])
    different = [found for found in zip(arcs, theirs, ours, strict=True) if found[1] != found[2]]
    assert [found for found in different if found[0] not in found[1:]] == [], "releases may know more or fewer"
    assert len(different) < 10


def test_a_user_principal_name_and_a_postal_address_print_as_openssl_prints_them(openssl, top):
    made = mint.client("x", top)
    value = surgery.element(0x30, surgery.element(0x0C, b"a"))
    subject = [
        surgery.attribute("1.3.6.1.4.1.311.20.2.3", surgery.element(0x0C, b"me@corp.example")),
        surgery.attribute("2.5.4.16", value),
    ]
    der = surgery.renamed(made, top, *subject)
    shown = pki.facts(der)
    assert shown[P + "cert_subject_dn"] == b"postalAddress=#30030C0161,msUPN=me@corp.example"
    assert shown[P + "cert_subject_dn_legacy"] == b"/msUPN=me@corp.example/postalAddress=0\\x03\\x0C\\x01a"
    for style, field in (("RFC2253", "cert_subject_dn"), ("compat", "cert_subject_dn_legacy")):
        printed = openssl.run("x509", "-inform", "DER", "-noout", "-subject", "-nameopt", style, stdin=der).strip()
        assert printed.removeprefix(b"subject=").strip() == shown[P + field]
