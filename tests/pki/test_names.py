"""Names: one walk refuses whatever two readers could read differently, and no shape of a name escapes a constraint.

Each vector has what OpenSSL says beside what must hold here.
"""

import time

import pytest
from cryptography import x509

from mtls_tui import pki
from mtls_tui.pki.der import DerError
from mtls_tui.pki.names import MAX_NAME_BYTES, attributes, canonical
from tests.pki import mint, peers, surgery
from tests.pki.judge import check, constrained, number
from tests.pki.mint import AT

CN, ORGANISATION, UNIT = "2.5.4.3", "2.5.4.10", "2.5.4.11"
ADMIN = surgery.attribute(CN, surgery.element(0x0C, b"admin"))
EVIL = surgery.attribute(ORGANISATION, surgery.element(0x0C, b"Evil"))
NO_EVIL = [x509.DirectoryName(mint.name(ORGANIZATION_NAME="Evil"))]
MAILBOX = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.9")


def both(der, made):
    """(our error's number, OpenSSL's) for one client's certificate."""
    return number(check([der], pki.TrustStore([made.certificate]))) or 0, peers.openssl(
        [der], [made.certificate], [], AT
    )


def named(made, *rdns):
    return surgery.renamed(mint.client("to be renamed", made), made, *rdns)


def units(size, count=1):
    return [surgery.attribute(UNIT, surgery.element(0x0C, b"x" * size)) for _ in range(count)]


# --- length --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [units(8000), units(8200), units(61, 120), units(20_000)], ids=len)
def test_an_excluded_subtree_binds_names_of_any_length(more):
    made, _ = constrained(None, NO_EVIL)
    ours, theirs = both(named(made, EVIL, ADMIN, *more), made)
    assert theirs == 48
    assert ours in (48, 53)


def test_an_excluded_subtree_binds_long_alternative_names():
    made, store = constrained(None, NO_EVIL)
    long = x509.DirectoryName(
        x509.Name(
            [
                *mint.name(ORGANIZATION_NAME="Evil"),
                *(x509.NameAttribute(x509.OID_ORGANIZATIONAL_UNIT_NAME, "x" * 61),) * 150,
            ]
        )
    )
    leaf = mint.client("c", made, sans=[long])
    assert peers.openssl([leaf.certificate], [made.certificate], [], AT) == 48
    assert number(check(leaf, store)) == 53


def test_a_name_has_a_greatest_length_and_one_of_it_verifies(top):
    rest = MAX_NAME_BYTES - len(surgery.element(0x30, ADMIN + units(8000)[0])) + 8000
    assert len(surgery.element(0x30, ADMIN + units(rest)[0])) == MAX_NAME_BYTES
    for size, expected in ((rest, 0), (rest + 1, 53)):
        assert both(named(top, ADMIN, *units(size)), top) == (expected, 0)


@pytest.mark.parametrize(
    "rdn",
    [surgery.element(0x31, b""), b"\x30" + ADMIN[1:], surgery.element(0x31, surgery.element(0x31, b""))],
    ids=["an empty set", "a sequence", "a set of a set"],
)
def test_a_name_is_a_sequence_of_sets_that_are_not_empty(top, rdn):
    """X.501 9.2, RFC 5280 4.1.2.4; held by the walk itself, whatever the parser before it lets through."""
    name = surgery.element(0x30, ADMIN + rdn)
    with pytest.raises(DerError):
        list(attributes(name))
    assert not check([named(top, ADMIN, rdn)], pki.TrustStore([top.certificate])).verified


def test_a_list_of_an_authority_with_an_endless_name_is_refused_at_loading():
    long = mint.root(x509.Name([x509.NameAttribute(x509.OID_ORGANIZATIONAL_UNIT_NAME, "x" * 61)] * 150))
    with pytest.raises(pki.StoreError, match="8,192 bytes"):
        pki.TrustStore([], crls=[mint.crl(long)])


# --- types of values -----------------------------------------------------------------------------------------------

FOREIGN = [
    b"\x1f\x1f\x03abc", b"\x5f\x1f\x03abc",  # tags of several bytes
    b"\x4c\x03abc", b"\x8c\x03abc", b"\x05\x00", b"\x01\x01\xff", b"\x02\x01\x05", b"\x04\x03abc",
    b"\x19\x03abc", b"\x1a\x03abc", b"\x1b\x03abc", b"\x15\x03abc", b"\x17\x0d260101000000Z",
    b"\x18\x0f20260101000000Z", b"\x1e\x04\xd8\x3d\xde\x00",
]  # fmt: skip


@pytest.mark.parametrize("value", FOREIGN, ids=bytes.hex)
def test_a_value_of_a_type_that_names_do_not_have_is_refused(top, value):
    ours, theirs = both(named(top, surgery.attribute(CN, value)), top)
    assert theirs == peers.UNREADABLE
    assert ours in (1, 53)


@pytest.mark.parametrize("kind", [0x03, 0x30], ids=["BIT STRING", "SEQUENCE"])
def test_values_that_are_no_text_stand_only_where_x520_has_them(top, kind):
    value = surgery.element(0x03, b"\0Evil") if kind == 0x03 else surgery.element(0x30, surgery.element(0x0C, b"Evil"))
    own = "2.5.4.45" if kind == 0x03 else "2.5.4.16"
    assert both(named(top, surgery.attribute(own, value)), top) == (0, 0)
    assert both(named(top, surgery.attribute(ORGANISATION, value)), top) == (53, 0)


@pytest.mark.parametrize("dotted", ["2.5.4.45", "2.5.4.16"])
def test_under_directory_constraints_every_value_is_text(dotted):
    made, _ = constrained(None, NO_EVIL)
    value = surgery.element(0x03, b"\0x") if dotted.endswith("45") else surgery.element(0x30, b"\x0c\x01x")
    assert both(named(made, ADMIN, surgery.attribute(dotted, value)), made)[0] == 53
    assert both(named(made, ADMIN, surgery.attribute(dotted, b"\x0c\x01x")), made)[0] == 0


STRINGS = [
    surgery.element(0x0C, b"Evil"), surgery.element(0x13, b"EVIL"), surgery.element(0x16, b"evil"),
    surgery.element(0x14, b"Evil"), surgery.element(0x1E, "Evil".encode("utf-16-be")),
    surgery.element(0x1C, "Evil".encode("utf-32-be")), surgery.element(0x0C, "Ｅvil".encode()),
    surgery.element(0x0C, "Evil\u00a0".encode()), surgery.element(0x0C, b"\tEvil "), surgery.element(0x0C, b"Ev\x01il"),
    surgery.element(0x0C, "Ev\u00adil".encode()), surgery.element(0x0C, "E\u200bvil".encode()),
    surgery.element(0x0C, "Evil\ufe0f".encode()), surgery.element(0x03, b"\0Evil"), surgery.element(0x1A, b"Evil"),
]  # fmt: skip


@pytest.mark.parametrize("value", STRINGS, ids=bytes.hex)
def test_no_spelling_of_an_excluded_name_passes(value):
    made, _ = constrained(None, NO_EVIL)
    ours, _ = both(named(made, surgery.attribute(ORGANISATION, value), ADMIN), made)
    assert ours in (1, 48, 53)


def test_a_constraint_that_can_not_be_compared_refuses_everything_below():
    value = surgery.element(0x30, surgery.attribute(ORGANISATION, surgery.element(0x03, b"\0Evil")))
    subtree = surgery.element(0x30, surgery.element(0xA4, value))
    raw = x509.UnrecognizedExtension(x509.OID_NAME_CONSTRAINTS, surgery.element(0x30, surgery.element(0xA1, subtree)))
    made = mint.root("Raw", extensions=[(raw, True)])
    assert number(check(mint.client("c", made), pki.TrustStore([made.certificate]))) in (41, 52)


def test_a_flaw_in_the_issuers_name_of_a_pinned_certificate_refuses_it():
    """Elsewhere such a name leads to no issuer; a pinned certificate needs none."""
    made = mint.make("device", ca=False, purposes=[mint.CLIENT])
    name = made.certificate.subject.public_bytes()
    bad = surgery.element(0x30, surgery.attribute(CN, b"\x0c\x01\0"))
    pinned = surgery.changed(made, made, lambda content: content.replace(name, bad, 1))
    assert number(check([pinned], pki.TrustStore([pinned]))) == 53


def test_a_flaw_in_an_alternative_directory_name_refuses(top, store):
    odd = x509.Name([x509.NameAttribute(x509.OID_COMMON_NAME, "a\0b")])
    assert number(check(mint.client("c", top, sans=[x509.DirectoryName(odd)]), store)) == 53


@pytest.mark.parametrize("text", ["Root\u00ad", "R\u200boot", "Root\x01", "root\ufe00"])
def test_characters_that_nobody_sees_do_not_make_another_name(text):
    assert canonical(mint.name(text).public_bytes()) == canonical(mint.name("Root").public_bytes())


# --- e-mail and hosts ----------------------------------------------------------------------------------------------

E = x509.RFC822Name


def smtp_utf8(text):
    return x509.OtherName(MAILBOX, surgery.element(0x0C, text.encode()))


@pytest.mark.parametrize(
    ("permitted", "excluded", "mailbox", "expected"),
    [
        (None, [E("evil.com")], "ü@evil.com", 48),
        (None, [E("evil.com")], "ü@EVIL.com", 48),
        ([E("good.com")], None, "ü@evil.com", 47),
        ([E("good.com")], None, "ü@good.com", 0),
        ([E("a@good.com")], None, "ü@good.com", 47),
        (None, [E("evil.com")], "ü@good.com", 0),
    ],
)
def test_internationalised_mailboxes_are_held_to_email_constraints(permitted, excluded, mailbox, expected):
    made, _ = constrained(permitted, excluded)
    leaf = mint.client("c", made, sans=[smtp_utf8(mailbox)])
    assert both(leaf.der, made) == (expected, expected)


def test_internationalised_mailboxes_are_held_to_constraints_for_the_hosts_below_a_domain():
    made, _ = constrained(None, [E(".evil.com")])
    leaf = mint.client("c", made, sans=[smtp_utf8("ü@mail.evil.com")])
    assert both(leaf.der, made) == (48, 0), "OpenSSL compares whole hosts only"


@pytest.mark.parametrize("value", [b"\x0c\x01\xff", b"\x16\x0aa@evil.com", b"\x0c\x04evil", b"\x05\x00"])
def test_an_internationalised_mailbox_that_is_none_is_refused_under_email_constraints(value):
    made, store = constrained(None, [E("example.com")])
    leaf = mint.client("c", made, sans=[x509.OtherName(MAILBOX, value)])
    assert number(check(leaf, store)) == 53


def test_wildcards_cost_no_more_than_hosts():
    many = [x509.DNSName(f"host-{i}.example.com") for i in range(9000)]
    made, store = constrained(None, many)
    wild = [x509.DNSName(f"*.sub-{i}.example.com") for i in range(110)]
    leaf = mint.client("c", made, sans=wild).der
    plain = mint.client("c", made, sans=[x509.DNSName(f"a.sub-{i}.example.com") for i in range(110)]).der
    check([plain], store)  # the authority's extension is read once

    def cost(der):
        start = time.process_time()
        found = check([der], pki.TrustStore([made.certificate]))
        return time.process_time() - start, found

    plainly, first = min((cost(plain) for _ in range(3)), key=lambda pair: pair[0])
    wildly, second = min((cost(leaf) for _ in range(3)), key=lambda pair: pair[0])
    assert first.verified
    assert second.verified
    assert wildly < 2 * plainly + 0.02
