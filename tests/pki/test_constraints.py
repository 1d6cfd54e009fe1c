"""Name constraints of every kind (RFC 5280 4.2.1.10)."""

from ipaddress import ip_address, ip_network

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from mtls_tui import pki
from tests.pki import mint, surgery
from tests.pki.judge import check, constrained, number

# Malformed names are what half of these tests are about, so nothing checks them on the way in.
D = x509.DNSName._init_without_validation
E = x509.RFC822Name._init_without_validation
U = x509.UniformResourceIdentifier._init_without_validation
N = x509.DirectoryName
OID = x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))
SPIFFE = "spiffe://prod.example.com/x"


@pytest.mark.parametrize(
    ("permitted", "excluded", "names", "expected"),
    [
        ([D("example.com")], None, [D("a.example.com")], None),
        ([D("example.com")], None, [D("EXAMPLE.com")], None),
        ([D("example.com")], None, [D("badexample.com")], 47),
        ([D("example.com")], None, [D("a.example.com"), D("example.org")], 47),
        ([D("example.com")], None, [D("*.example.com")], None),
        ([D("a.example.com")], None, [D("*.example.com")], 47),
        ([D("example.com")], None, [D("a..example.com")], 53),
        ([D("example.com")], None, [D(".example.com")], 53),
        ([D("")], None, [D("anything.example.org")], None),
        (None, [D("example.com")], [D("a.example.com")], 48),
        (None, [D("bad.example.com")], [D("*.example.com")], 48),
        (None, [D("very.bad.example.com")], [D("*.example.com")], None),
        (None, [D("example.com")], [D("example.com.org")], None),
        (None, [D("")], [D("a")], 48),
        (None, [D("")], [E("a@example.com")], None),
        ([E("example.com")], None, [E("a@example.com")], None),
        ([E("example.com")], None, [E("a@EXAMPLE.com")], None),
        ([E("example.com")], None, [E("a@mail.example.com")], 47),
        ([E(".example.com")], None, [E("a@mail.example.com")], None),
        ([E(".example.com")], None, [E("a@example.com")], 47),
        ([E("a@example.com")], None, [E("a@example.com")], None),
        ([E("a@example.com")], None, [E("A@example.com")], 47),
        ([E("example.com")], None, [E("a@evil.org@example.com")], 53),
        ([E("example.com")], None, [E("example.com")], 53),
        ([E("example.com")], None, [E('"a b"@example.com')], 53),
        (None, [E("example.com")], [E("a@example.org")], None),
        ([x509.IPAddress(ip_network("10.0.0.0/8"))], None, [x509.IPAddress(ip_address("10.1.2.3"))], None),
        ([x509.IPAddress(ip_network("10.0.0.0/8"))], None, [x509.IPAddress(ip_address("11.1.2.3"))], 47),
        ([x509.IPAddress(ip_network("10.0.0.0/8"))], None, [x509.IPAddress(ip_address("::ffff:10.1.2.3"))], 47),
        (None, [x509.IPAddress(ip_network("2001:db8::/32"))], [x509.IPAddress(ip_address("2001:db8::1"))], 48),
        ([U("prod.example.com")], None, [U(SPIFFE)], None),
        ([U(".example.com")], None, [U(SPIFFE)], None),
        ([U("example.com")], None, [U(SPIFFE)], 47),
        ([U("example.com")], None, [U("https://example.com:443/x")], None),
        ([U("example.com")], None, [U("https://example.com@evil.org/")], 47),
        ([U("example.com")], None, [U("https://example.com:80@evil.org/")], 47),
        ([U("example.com")], None, [U("urn:uuid:1")], 53),
        ([U("example.com")], None, [U("https://192.0.2.1/")], 53),
        ([U("example.com")], None, [U("https://[2001:db8::1]/")], 53),
        ([U("example.com")], None, [U("https://evil.org\\@example.com/")], None),
        ([N(mint.name(ORGANIZATION_NAME="Corp"))], None, [], 47),
        (None, [OID], [OID], 51),
        (None, [OID], [D("a")], None),
    ],
)  # fmt: skip
def test_name_constraints_bind(permitted, excluded, names, expected):
    made, store = constrained(permitted, excluded)
    leaf = mint.client(mint.name(COUNTRY_NAME="DE"), made, sans=names or None)
    found = check(leaf, store)
    assert number(found) == expected, str(found.error)


def test_directory_constraints_are_subtrees_and_compare_as_names_do():
    made, store = constrained([N(mint.name(COUNTRY_NAME="DE", ORGANIZATION_NAME="Corp"))])
    assert check(mint.client(mint.name("c", COUNTRY_NAME="DE", ORGANIZATION_NAME="CORP "), made), store).verified
    assert number(check(mint.client(mint.name("c", ORGANIZATION_NAME="Corp"), made), store)) == 47
    assert number(check(mint.client(mint.name("c", COUNTRY_NAME="DE"), made), store)) == 47
    other = N(mint.name(COUNTRY_NAME="FR"))
    inside = mint.name("c", COUNTRY_NAME="DE", ORGANIZATION_NAME="Corp")
    assert number(check(mint.client(inside, made, sans=[other]), store)) == 47


def test_an_address_in_the_subject_is_held_to_email_constraints():
    made, store = constrained([E("example.com")])

    def subject(address):
        return x509.Name([x509.NameAttribute(NameOID.EMAIL_ADDRESS, address)])

    assert check(mint.client(subject("a@example.com"), made), store).verified
    assert number(check(mint.client(subject("a@example.org"), made), store)) == 47
    assert number(check(mint.client(subject("a@example.org"), made, sans=[E("a@example.com")]), store)) == 47


def test_a_common_name_is_no_host_whatever_it_looks_like():
    made, store = constrained([D("example.com")])
    for name in ("alice", "john.doe", "a.example.org"):
        assert check(mint.client(name, made), store).verified
    assert number(check(mint.client("a.example.com", made, sans=[D("a.example.org")]), store)) == 47


def test_constraints_add_up_along_the_path():
    made, store = constrained([D("example.com")])
    middle = mint.authority("Middle", made, constraints=x509.NameConstraints([D("example.org")], None))
    for host in ("a.example.com", "a.example.org"):
        assert number(check([mint.client("c", middle, sans=[D(host)]), middle], store)) == 47
    assert check([mint.client("c", middle), middle], store).verified


def test_an_authority_is_held_to_constraints_too_unless_self_issued():
    made, store = constrained([D("example.com")])
    middle = mint.authority("Middle", made, sans=[D("example.org")])
    assert number(check([mint.client("c", middle), middle], store)) == 47
    renewed = mint.authority(made.certificate.subject, made, own=mint.key("renewed"), sans=[D("example.org")])
    assert check([mint.client("c", renewed), renewed], store).verified


@pytest.mark.parametrize(
    ("kind", "base"),
    [
        (2, b"*.example.com"),
        (2, b".example.com"),
        (2, b"exa mple.com"),
        (2, b"example.com."),
        (1, b"a@b@example.com"),
        (1, b""),
        (1, b"*@"),
        (6, b""),
        (6, b"https://example.com/"),
        (7, bytes((10, 0, 0, 0, 255, 0, 255, 0))),
        (7, bytes(5)),
    ],
)
@pytest.mark.parametrize("side", [0xA0, 0xA1])
def test_malformed_constraints_refuse_everything_below(kind, base, side):
    subtree = surgery.element(0x30, surgery.element(0x80 | kind, base))
    assert number(below(surgery.element(side, subtree))) in (41, 52)


@pytest.mark.parametrize("bounds", [b"\x80\x01\x01", b"\x81\x01\x05"])
def test_minimum_and_maximum_are_refused(bounds):
    subtree = surgery.element(0x30, surgery.element(0x82, b"example.com") + bounds)
    assert number(below(surgery.element(0xA0, subtree))) == 49


@pytest.mark.parametrize("empty", [b"", b"\xa0\x00", b"\xa0\x00\xa1\x00"])
def test_constraints_that_constrain_nothing_are_malformed(empty):
    assert number(below(empty)) in (41, 52)


def below(body):
    """The verification of a client below an authority whose name constraints have this content."""
    raw = x509.UnrecognizedExtension(x509.OID_NAME_CONSTRAINTS, surgery.element(0x30, body))
    made = mint.root("Raw", extensions=[(raw, True)])
    return check(mint.client("c", made), pki.TrustStore([made.certificate]))


def test_a_leaf_with_name_constraints_is_refused(top, store):
    own = (x509.NameConstraints([D("example.com")], None), True)
    assert number(check(mint.client("c", top, extensions=[own]), store)) == 41
