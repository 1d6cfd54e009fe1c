"""Every row of the table of differences in docs/compatibility-certificates.md: what each of the three says.

A row that stops being true, here or in a library, fails: then correct the page.
"""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519

from mtls_tui import pki
from tests.pki import mint, peers, surgery
from tests.pki.mint import AT, DAY

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "compatibility-certificates.md"


def load(item):
    return x509.load_der_x509_certificate(item) if isinstance(item, bytes) else item.certificate


def verdicts(chain, anchors, crls=()):
    """(OpenSSL, cryptography, ours); cryptography's is None where CRLs decide."""
    chain, anchors = [load(item) for item in chain], [load(item) for item in anchors]
    found = pki.verify(chain, pki.TrustStore(anchors, crls=crls), AT)
    ours = found.verified and not found.revoked
    return (
        peers.openssl(chain, anchors, list(crls), AT) == 0,
        None if crls else peers.cryptography(chain, anchors, AT),
        ours,
    )


def any_purpose(top):
    return verdicts([mint.client("c", top, purposes=[mint.ANY])], [top])


def any_purpose_below_ed25519(top):
    made = mint.root("Ed", own=ed25519.Ed25519PrivateKey.generate())
    return verdicts([mint.client("c", made, purposes=[mint.ANY])], [made])


def any_purpose_below_uri_constraints(top):
    uri = x509.UniformResourceIdentifier("example.com")
    made = mint.root("Uri", constraints=x509.NameConstraints([uri], None))
    leaf = mint.client("c", made, purposes=[mint.ANY], sans=[x509.UniformResourceIdentifier("https://example.com/")])
    return verdicts([leaf], [made])


def dotted_common_name(top):
    made = mint.root("Hosts", constraints=x509.NameConstraints([x509.DNSName("example.com")], None))
    return verdicts([mint.client("john.doe", made)], [made])


def mismatching_identifier(top):
    identifier = x509.AuthorityKeyIdentifier(b"\x01" * 20, None, None)
    return verdicts([mint.client("c", top, aki=False, extensions=[(identifier, False)])], [top])


def anchor_that_is_an_intermediate(top):
    middle = mint.authority("Middle", top)
    return verdicts([mint.client("c", middle)], [middle], [mint.crl(middle)])


def authority_as_client(top):
    return verdicts([mint.authority("c", top, key_usage=None)], [top])


def anchor_without_basic_constraints(top):
    made = mint.root("None", ca=None)
    return verdicts([mint.client("c", made)], [made])


def crl_by_another_key(top):
    renewed = mint.authority(top.certificate.subject, top, own=mint.key("renewed"))
    chain, anchors = [load(mint.client("c", top))], [load(top)]
    crl = mint.crl(renewed)
    found = pki.verify(chain, pki.TrustStore(anchors, [renewed.certificate], [crl]), AT)
    return peers.openssl([*chain, renewed.certificate], anchors, [crl], AT) == 0, None, found.verified


def second_path(top):
    shared = mint.key("shared")
    expired = mint.authority("Middle", top, own=shared, begin=AT - 2 * DAY, end=AT - DAY)
    impostor = mint.authority("Middle", mint.root("Other"), own=shared)
    return verdicts([mint.client("c", expired), impostor, mint.authority("Middle", top, own=shared)], [top])


def non_critical_basic_constraints(top):
    made = mint.root("Soft", ca=None, extensions=[(x509.BasicConstraints(True, None), False)])
    return verdicts([mint.client("c", made)], [made])


def ed25519_key_of_small_order(top):
    own = ed25519.Ed25519PrivateKey.generate()
    raw, neutral = own.public_key().public_bytes_raw(), (1).to_bytes(32, "little")
    small = mint.client("c", top, own=own)
    return verdicts([surgery.changed(small, top, lambda content: content.replace(raw, neutral))], [top])


def two_lists_of_one_second(top):
    leaf = mint.client("c", top)
    crls = [mint.crl(top, [leaf.certificate.serial_number], number=1), mint.crl(top, number=2)]
    return verdicts([leaf], [top], crls)


def unseen_characters(top):
    return verdicts([mint.client("c", top, issuer_name=mint.name("Ro\u00adot"))], [top])


def critical_key_identifiers(top):
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(top.key.public_key())
    return verdicts([mint.client("c", top, aki=False, extensions=[(identifier, True)])], [top])


def client_of_version_1(top):
    made = mint.make("c", top, own=mint.key("client"), ski=False, aki=False)
    return verdicts([surgery.changed(made, top, lambda content: content.removeprefix(b"\xa0\x03\x02\x01\x02"))], [top])


def constraint_with_a_leading_period(top):
    dotted = x509.DNSName._init_without_validation(".example.com")
    made = mint.root("Dot", constraints=x509.NameConstraints([dotted], None))
    return verdicts([mint.client("c", made, sans=[x509.DNSName("a.example.com")])], [made])


def odd_mailbox(top):
    made = mint.root("Mail", constraints=x509.NameConstraints([x509.RFC822Name("example.com")], None))
    odd = x509.RFC822Name._init_without_validation('"a b"@example.com')
    return verdicts([mint.client("c", made, sans=[odd])], [made])


def x400_address(top):
    raw = x509.UnrecognizedExtension(x509.OID_SUBJECT_ALTERNATIVE_NAME, bytes.fromhex("3004a3023000"))
    return verdicts([mint.client("c", top, extensions=[(raw, False)])], [top])


def many_comparisons(top):
    hosts = [x509.RFC822Name(f"host-{i}.example.com") for i in range(300)]
    made = mint.root("Many", constraints=x509.NameConstraints(hosts, None))
    names = [x509.RFC822Name(f"a@host-{i}.example.com") for i in range(299, 0, -1)]
    return verdicts([mint.client("c", made, sans=names)], [made])


def path_of_33(top):
    above, chain = top, []
    for level in range(32):
        above = mint.authority(f"Level {level}", above)
        chain.insert(0, above)
    return verdicts([mint.client("c", above), *chain], [top])


def nul_in_a_name(top):
    return verdicts([mint.client("c", top, sans=[x509.DNSName("admin\0.example.com")])], [top])


def endless_name(top):
    unit = surgery.attribute("2.5.4.11", surgery.element(0x0C, b"x" * 8200))
    return verdicts([surgery.renamed(mint.client("c", top), top, unit)], [top])


def bit_string_as_organisation(top):
    value = surgery.attribute("2.5.4.10", surgery.element(0x03, b"\0Corp"))
    return verdicts([surgery.renamed(mint.client("c", top), top, value)], [top])


def internationalised_mailbox(top):
    made = mint.root("Mail", constraints=x509.NameConstraints(None, [x509.RFC822Name(".example.com")]))
    value = surgery.element(0x0C, "ü@mail.example.com".encode())
    name = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.5.5.7.8.9"), value)
    return verdicts([mint.client("c", made, sans=[name])], [made])


def damaged_key(top):
    made = mint.client("c", top, own=mint.rsa_key())
    modulus = mint.rsa_key().public_key().public_numbers().n.to_bytes(256, "big")
    damaged = surgery.changed(made, top, lambda content: content.replace(modulus, modulus[:-1] + b"\0"))
    return verdicts([damaged], [top])


def netscape_type(top):
    server = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.16.840.1.113730.1.1"), b"\x03\x02\x06\x40")
    return verdicts([mint.client("c", top, extensions=[(server, False)])], [top])


def sha224(top):
    return verdicts([mint.client("c", top, digest=hashes.SHA224())], [top])


def unreadable_extension(top):
    raw = x509.UnrecognizedExtension(x509.OID_AUTHORITY_INFORMATION_ACCESS, b"\x05\x00")
    return verdicts([mint.client("c", top, extensions=[(raw, False)])], [top])


ROWS = [
    ("`anyExtendedKeyUsage` alone", any_purpose, (False, True, True)),
    ("the same below an Ed25519 authority", any_purpose_below_ed25519, (False, False, True)),
    ("or with URI or directory constraints", any_purpose_below_uri_constraints, (False, False, True)),
    ("common name that looks like a host", dotted_common_name, (False, True, True)),
    ("authority key identifier that fits no issuer", mismatching_identifier, (False, True, True)),
    ("revocation of an anchor that is an intermediate", anchor_that_is_an_intermediate, (False, None, True)),
    ("an authority's certificate as client", authority_as_client, (True, False, False)),
    ("anchor without basicConstraints", anchor_without_basic_constraints, (True, False, False)),
    ("CRL by another key of the same authority", crl_by_another_key, (False, None, True)),
    ("a second path when the first fails", second_path, (False, True, True)),
    ("CA:TRUE (critical or not", non_critical_basic_constraints, (True, True, True)),
    ("critical key identifiers", critical_key_identifiers, (False, True, False)),
    ("client of version 1", client_of_version_1, (True, False, True)),
    ("dNSName constraint with a leading period", constraint_with_a_leading_period, (True, False, False)),
    ("quoted or otherwise odd mailboxes", odd_mailbox, (True, False, False)),
    ("x400Address or ediPartyName", x400_address, (True, False, False)),
    ("more than 65,536 comparisons", many_comparisons, (True, True, False)),
    ("a path of more than 32", path_of_33, (True, False, False)),
    ("NUL in a name", nul_in_a_name, (True, True, False)),
    ("a name of more than 8,192 bytes", endless_name, (True, True, False)),
    ("BIT STRING or SEQUENCE", bit_string_as_organisation, (True, True, False)),
    ("internationalised mailbox", internationalised_mailbox, (True, True, False)),
    ("an Ed25519 key of small order", ed25519_key_of_small_order, (True, True, False)),
    ("two lists of one second", two_lists_of_one_second, (False, None, True)),
    ("characters that nobody sees", unseen_characters, (False, False, True)),
    ("damaged public key", damaged_key, (True, True, False)),
    ("Netscape certificate type", netscape_type, (False, True, True)),
    ("SHA-224", sha224, (True, False, False)),
    ("unparsable extension that nothing here reads", unreadable_extension, (True, True, False)),
]


@pytest.mark.parametrize(("words", "case", "expected"), ROWS, ids=[row[1].__name__ for row in ROWS])
def test_the_three_say_what_the_page_says(top, words, case, expected):
    assert words in PAGE.read_text(encoding="utf-8"), "the page has this row"
    assert case(top) == expected
