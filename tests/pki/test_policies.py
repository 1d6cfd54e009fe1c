"""Certificate policies (RFC 5280 6.1): demanded, mapped, inhibited; and what is special about self-issued ones."""

import pytest
from cryptography import x509

from mtls_tui import pki
from tests.pki import mint, surgery
from tests.pki.judge import check, constrained, number

ONE, TWO, ANY = "1.2.3.1", "1.2.3.2", "2.5.29.32.0"
MAPPINGS = x509.ObjectIdentifier("2.5.29.33")


def policies(*dotted):
    return x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier(one), None) for one in dotted]), False


def demand(explicit=None, mapping=None):
    return x509.PolicyConstraints(explicit, mapping), True


def mapped(source, target):
    pair = b"".join(surgery.oid(x509.ObjectIdentifier(one)) for one in (source, target))
    return x509.UnrecognizedExtension(MAPPINGS, surgery.element(0x30, surgery.element(0x30, pair))), True


def inhibited(skip):
    return x509.InhibitAnyPolicy(skip), True


def verdict(top, middle, leaf):
    """The error's number for a client below an authority, each with these extensions."""
    authority = mint.authority("Middle", top, extensions=middle)
    return number(check([mint.client("c", authority, extensions=leaf), authority], pki.TrustStore([top.certificate])))


@pytest.mark.parametrize(
    ("middle", "leaf", "expected"),
    [
        ([], [], None),
        ([policies(ONE), demand(0)], [policies(ONE)], None),
        ([policies(ONE), demand(0)], [policies(TWO)], 43),
        ([policies(ONE), demand(0)], [], 43),
        ([policies(ONE)], [policies(TWO), demand(0)], 43),  # 6.1.5 (b): the client's certificate demands it itself
        ([policies(ONE)], [policies(TWO), demand(1)], None),
        ([policies(ONE)], [policies(ONE), demand(0)], None),
        ([policies(ANY), demand(0)], [policies(TWO)], None),
        ([policies(ONE), demand(0)], [policies(ANY)], None),
        ([policies(ONE), demand(0), inhibited(0)], [policies(ANY)], 43),
        ([policies(ONE), demand(0), inhibited(1)], [policies(ANY)], None),
        ([policies(ONE), demand(0), mapped(ONE, TWO)], [policies(TWO)], None),
        ([policies(ONE), demand(0), mapped(ONE, TWO)], [policies(ONE)], 43),
    ],
)
def test_a_demanded_policy_has_to_lead_from_the_authority_to_the_client(top, middle, leaf, expected):
    assert verdict(top, middle, leaf) == expected


def test_mapping_can_be_inhibited_from_above():
    strict = mint.root("Strict", extensions=[demand(0, 0)])
    assert verdict(strict, [policies(ONE), mapped(ONE, TWO)], [policies(TWO)]) == 43
    free = mint.root("Free", extensions=[demand(0)])
    assert verdict(free, [policies(ONE), mapped(ONE, TWO)], [policies(TWO)]) is None


@pytest.mark.parametrize("pair", [(ANY, ONE), (ONE, ANY), (ANY, ANY)])
@pytest.mark.parametrize("more", [[], [demand(0)]], ids=["nothing demanded", "demanded"])
def test_nothing_is_mapped_to_or_from_any_policy(top, pair, more):
    assert verdict(top, [policies(ONE), mapped(*pair), *more], [policies(ONE)]) == 42


@pytest.mark.parametrize("value", [b"\x05\x00", b"\x30\x02\x05\x00", b"\x30\x05\x30\x03\x06\x01\x2a"])
def test_mappings_that_can_not_be_read_are_refused(top, value):
    raw = x509.UnrecognizedExtension(MAPPINGS, value), False
    assert verdict(top, [raw], []) in (41, 42)


# --- self-issued certificates --------------------------------------------------------------------------------------


def test_a_self_issued_client_is_held_to_name_constraints():
    """6.1.3 (b): authorities that are self-issued are not, the last certificate is."""
    made, store = constrained([x509.DNSName("example.com")])
    leaf = mint.client(made.certificate.subject, made, sans=[x509.DNSName("a.example.org")])
    assert number(check(leaf, store)) == 47


def test_any_policy_may_be_used_by_self_issued_authorities_where_it_is_inhibited(top):
    """6.1.3 (d) (2): key rollover below an authority that inhibits it."""
    a = mint.authority("A", top, own=mint.key("old"), extensions=[policies(ONE), demand(0), inhibited(0)])
    store = pki.TrustStore([top.certificate])
    for subject, expected in (("A", None), ("B", 43)):
        new = mint.authority(subject, a, own=mint.key("new"), extensions=[policies(ANY)])
        leaf = mint.client("c", new, extensions=[policies(ONE)])
        assert number(check([leaf, new, a], store)) == expected
