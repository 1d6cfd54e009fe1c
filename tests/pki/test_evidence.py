"""Evidence of revocation is never thrown away: not by another path, another key, another list or a missing bit."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from mtls_tui import pki
from tests.pki import mint, peers
from tests.pki.judge import check, number
from tests.pki.mint import AT, DAY
from tests.pki.test_keys import SHA256, for_pss_alone, scheme
from tests.pki.test_revocation import point

NO_CRL_SIGN = {"key_usage": mint.usage("key_cert_sign")}
USERS = point(only_contains_user_certs=True)


def state(found):
    return found.verified, found.revoked, number(found)


def crl(issuer, *revoked, **options):
    return mint.crl(issuer, [made.certificate.serial_number for made in revoked], **options)


def store_of(anchors, crls, policy="soft", intermediates=(), **options):
    certificates = [[made.certificate for made in group] for group in (anchors, intermediates)]
    return pki.TrustStore(*certificates, crls, policy, **options)


def openssl(chain, anchors, crls):
    return peers.openssl([made.certificate for made in chain], [made.certificate for made in anchors], crls, AT)


REVOKED = (True, True, 23)
FINE = (True, False, None)


# --- cross-signing -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, NO_CRL_SIGN], ids=["with cRLSign", "without"])
def test_an_anchor_that_cross_signs_the_issuers_key_does_not_take_a_revocation_back(options):
    a, b = mint.root("A"), mint.root("B")
    leaf = mint.client("c", a)
    lists = [crl(a, leaf), crl(b)]
    crossed = mint.authority("A", b, own=a.key, **options)
    for chain in ([leaf], [leaf, crossed]):
        assert state(check(chain, store_of([a, b], lists))) == REVOKED
        assert openssl(chain, [a, b], lists) == 23


def test_a_sub_authority_that_cross_signs_the_issuers_key_does_not_take_a_revocation_back(top):
    a, b = mint.authority("A", top), mint.authority("B", top)
    leaf = mint.client("c", a)
    crossed = mint.authority("A", b, own=a.key, **NO_CRL_SIGN)
    for chain in ([leaf, a], [leaf, a, crossed, b], [leaf, crossed, b], [leaf, crossed, b, a]):
        for policy in ("soft", "require"):
            found = check(chain, store_of([top], [crl(a, leaf), crl(b), crl(top)], policy))
            assert not found.verified or found.revoked
            assert policy == "require" or state(found) == REVOKED


def test_a_list_in_the_authoritys_name_by_a_key_from_elsewhere_does_not_answer_for_it(top):
    """The attacker's anchor certifies a key of its own and then the authority's, both in the authority's name."""
    a, b = mint.authority("A", top), mint.root("B")
    leaf = mint.client("c", a)
    x = mint.authority("A", b, own=mint.key("attacker"))
    crossed = mint.authority("A", x, own=a.key, **NO_CRL_SIGN)
    lists = [crl(a, leaf), crl(top), crl(b), mint.crl(x)]
    for chain in ([leaf, a], [leaf, a, crossed, x], [leaf, crossed, x]):
        assert state(check(chain, store_of([top, b], lists, "require"))) == REVOKED


def test_a_revoked_authority_is_revoked_on_every_path(top):
    """As for a client: the authority's own issuer listed it, and another one cross-signs that issuer."""
    a, b = mint.authority("A", top), mint.root("B")
    middle = mint.authority("Middle", a)
    leaf = mint.client("c", middle)
    crossed = mint.authority("A", b, own=a.key, **NO_CRL_SIGN)
    lists = [crl(a, middle), crl(top), crl(b), crl(middle)]
    for chain in ([leaf, middle, a], [leaf, middle, crossed], [leaf, middle, a, crossed]):
        assert state(check(chain, store_of([top, b], lists))) == REVOKED


CURVE_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
CURVE_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
CURVE_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def plus(one, two):
    if one is None or two is None:
        return one or two
    (x1, y1), (x2, y2) = one, two
    if x1 == x2 and (y1 + y2) % CURVE_P == 0:
        return None
    slope = (3 * (x1 * x1 - 1) * pow(2 * y1, -1, CURVE_P)) if one == two else (y2 - y1) * pow(x2 - x1, -1, CURVE_P)
    x = (slope * slope - x1 - x2) % CURVE_P
    return x, (slope * (x1 - x) - y1) % CURVE_P


def times(scalar, start):
    found, step = None, start
    for bit in bin(scalar)[:1:-1]:
        if bit == "1":
            found = plus(found, step)
        step = plus(step, step)
    return found


def another_key(made, issuer_key):
    """A second public key that the ECDSA signature of a certificate fits; nobody needs its private key."""
    r, s = decode_dss_signature(made.certificate.signature)
    digest = int.from_bytes(hashlib.sha256(made.certificate.tbs_certificate_bytes).digest(), "big")
    generator = ec.derive_private_key(1, ec.SECP256R1()).public_key().public_numbers()
    y = pow(r**3 - 3 * r + CURVE_B, (CURVE_P + 1) // 4, CURVE_P)
    minus = times(-digest % CURVE_N, (generator.x, generator.y))
    keys = [times(pow(r, -1, CURVE_N), plus(times(s, (r, sign * y % CURVE_P)), minus)) for sign in (1, -1)]
    own = issuer_key.public_key().public_numbers()
    (other,) = [found for found in keys if found != (own.x, own.y)]
    return ec.EllipticCurvePublicNumbers(*other, ec.SECP256R1()).public_key()


def test_a_second_key_that_fits_the_signature_does_not_take_a_revocation_back(top):
    """To every ECDSA signature there are two keys: certify the other one in the authority's name."""
    a, b = mint.authority("A", top), mint.root("B")
    leaf = mint.client("c", a)

    class Other:
        def public_key(self):
            return another_key(leaf, a.key)

    crossed = mint.authority("A", b, own=Other())
    lists = [crl(a, leaf), crl(b), crl(top)]
    assert check([leaf, crossed], store_of([b], [])).verified, "the signature fits"
    for chain in ([leaf], [leaf, crossed], [leaf, crossed, a]):
        assert state(check(chain, store_of([top, b], lists, intermediates=[a]))) == REVOKED


# --- rollover ------------------------------------------------------------------------------------------------------


@pytest.fixture
def rolled(top):
    """(authority with its old key, the same with its new key as the old one certified it, a client of the old key)."""
    old = mint.authority("A", top, own=mint.key("old"))
    new = mint.authority("A", old, own=mint.key("new"))
    return old, new, mint.client("c", old)


@pytest.mark.parametrize("policy", ["soft", "require"])
@pytest.mark.parametrize("begin", [AT - 9 * DAY, AT - DAY], ids=["stale", "current"])
def test_the_old_keys_list_does_not_hide_the_new_keys(top, rolled, begin, policy):
    old, new, leaf = rolled
    lists = [crl(new, leaf, number=9), mint.crl(old, number=5, begin=begin, end=begin + 2 * DAY), crl(top)]
    store = store_of([top], lists, policy, [old, new])
    assert state(check(leaf, store)) == REVOKED


def test_the_new_keys_list_does_not_hide_the_old_keys(top, rolled):
    """Numbers are compared per key: a new installation may have begun with 1, or be far ahead."""
    old, new, leaf = rolled
    for numbers in ((9, 5), (5, 9)):
        lists = [mint.crl(new, number=numbers[0]), crl(old, leaf, number=numbers[1]), crl(top)]
        assert state(check(leaf, store_of([top], lists, "require", [old, new]))) == REVOKED


def test_the_new_keys_list_answers_when_the_old_keys_is_stale(top, rolled):
    old, new, leaf = rolled
    lists = [mint.crl(new, number=9), mint.crl(old, begin=AT - 9 * DAY, end=AT - DAY), crl(top)]
    assert state(check(leaf, store_of([top], lists, "require", [old, new]))) == FINE


def test_an_old_key_on_the_path_answers_for_the_new_one_that_it_certified(rolled, top):
    old, new, _ = rolled
    young = mint.client("y", new)
    lists = [crl(old, young), crl(top)]
    assert state(check([young, new, old], store_of([top], lists, "require"))) == REVOKED
    assert state(check([young, new, old], store_of([top], [mint.crl(old), crl(top)], "require"))) == FINE


def test_a_key_on_the_path_that_may_not_sign_lists_does_not_answer(top):
    old = mint.authority("A", top, own=mint.key("old"), **NO_CRL_SIGN)
    new = mint.authority("A", old, own=mint.key("new"))
    young = mint.client("y", new)
    found = check([young, new, old], store_of([top], [mint.crl(old), crl(top)], "require"))
    assert state(found) == (False, False, 8)


def test_a_namesake_above_does_not_answer_for_the_authority_below():
    """Root A, authority B, and below it another authority of the name A: the root's list is not the other's."""
    root = mint.root("A", own=mint.key("root"))
    between = mint.authority("B", root)
    below = mint.authority("A", between, own=mint.key("below"))
    leaf = mint.client("c", below)
    for lists in ([mint.crl(root)], [crl(root, leaf)]):
        lists.append(crl(between))
        found = check([leaf, below, between], store_of([root], lists, "require"))
        assert state(found) == (False, False, 8)
        assert state(check([leaf, below, between], store_of([root], lists))) == FINE
        assert openssl([leaf, below, between], [root], lists) != 0
    both = store_of([root], [*lists, mint.crl(below)], "require", [below, between])
    assert state(check([leaf, below, between], both)) == FINE, "its own list does"


# --- a key for lists alone -----------------------------------------------------------------------------------------


@pytest.fixture
def apart(top):
    """(authority, a key for its lists that the root certified, a client)."""
    a = mint.authority("A", top)
    signer = mint.make("A", top, own=mint.key("lists"), ca=False, key_usage=mint.usage("crl_sign"))
    return a, signer, mint.client("c", a)


@pytest.mark.parametrize("scope", ["chain", "leaf"])
def test_a_key_for_lists_that_an_authority_above_certified_answers(top, apart, scope):
    a, signer, leaf = apart
    for lists, expected in (([mint.crl(signer)], FINE), ([crl(signer, leaf)], REVOKED)):
        store = store_of([top], [*lists, crl(top)], "require", [a, signer], revocation=scope)
        assert state(check(leaf, store)) == expected


def test_a_revoked_key_for_lists_does_not_answer(top, apart):
    a, signer, leaf = apart
    lists = [mint.crl(signer), crl(top, signer)]
    assert state(check(leaf, store_of([top], lists, "require", [a, signer]))) == (False, False, 8)
    assert state(check(leaf, store_of([top], lists, "require", [a, signer], revocation="leaf"))) == FINE


def test_where_the_client_alone_is_asked_about_nobody_asks_for_a_list_of_the_list_signers_issuer(top, apart):
    a, signer, leaf = apart
    alone = store_of([top], [mint.crl(signer)], "require", [a, signer], revocation="leaf")
    assert state(check(leaf, alone)) == FINE
    assert not check(leaf, store_of([top], [mint.crl(signer)], "require", [a, signer])).verified


def test_a_key_from_above_that_issues_certificates_is_another_authority(top):
    a = mint.authority("A", top)
    namesake = mint.authority("A", top, own=mint.key("namesake"))
    leaf = mint.client("c", a)
    found = check(leaf, store_of([top], [mint.crl(namesake), crl(top)], "require", [a, namesake]))
    assert state(found) == (False, False, 8)


# --- numbers and scopes --------------------------------------------------------------------------------------------


def test_a_list_supersedes_lists_of_its_own_scope_only(top):
    leaf = mint.client("c", top)
    lists = [crl(top, leaf, number=5), mint.crl(top, number=9, extensions=[USERS])]
    for policy in ("soft", "require"):
        assert state(check(leaf, store_of([top], lists, policy))) == REVOKED
    later = [*lists, mint.crl(top, number=6)]
    assert state(check(leaf, store_of([top], later, "require"))) == FINE, "a hold was lifted"


def test_of_several_lists_of_one_scope_the_newest_counts(top):
    leaf = mint.client("c", top)
    lists = [mint.crl(top), crl(top, leaf, number=5, extensions=[USERS]), mint.crl(top, number=9, extensions=[USERS])]
    for order in (lists, lists[::-1]):
        assert state(check(leaf, store_of([top], order, "require"))) == FINE


@pytest.mark.parametrize("policy", ["soft", "require"])
@pytest.mark.parametrize(
    "times", [{"begin": AT + DAY / 24}, {"begin": AT - 9 * DAY, "end": AT - DAY}], ids=["early", "stale"]
)
def test_a_list_of_higher_number_revokes_whatever_its_time(top, policy, times):
    leaf = mint.client("c", top)
    lists = [mint.crl(top, number=5, begin=AT - 10 * DAY), crl(top, leaf, number=6, **times)]
    assert state(check(leaf, store_of([top], lists, policy))) == REVOKED
    silent = [crl(top, leaf, number=5, begin=AT - 10 * DAY), mint.crl(top, number=6, **times)]
    assert state(check(leaf, store_of([top], silent, policy))) == REVOKED, "it supersedes nothing"


def test_a_list_supersedes_those_that_are_older_by_number_and_by_time(top):
    leaf = mint.client("c", top)
    old = crl(top, leaf, number=5, begin=AT - 5 * DAY)
    for count, begin, expected in ((6, 4, FINE), (6, 5, FINE), (6, 6, REVOKED), (4, 4, REVOKED), (5, 4, FINE)):
        newer = mint.crl(top, number=count, begin=AT - begin * DAY)
        for order in ([old, newer], [newer, old]):
            assert state(check(leaf, store_of([top], order, "require"))) == expected
    stale = crl(top, leaf, number=5, begin=AT - 5 * DAY, end=AT - DAY)
    assert state(check(leaf, store_of([top], [stale, mint.crl(top, number=6)], "require"))) == FINE


def test_a_list_by_a_key_for_pss_alone_counts_as_evidence_and_not_as_an_answer(top):
    """Whoever cross-signs the key could write it as one for PSS alone."""
    a = mint.authority("A", top, own=mint.rsa_key())
    b = mint.root("B")
    leaf = mint.client("c", a, padding=scheme(SHA256, 32))
    crossed = for_pss_alone(mint.authority("A", b, own=a.key), b)
    evidence, nothing = ([crl(a, *listed), crl(b), crl(top)] for listed in ([leaf], []))
    assert state(check([leaf.der, crossed], store_of([b], evidence))) == REVOKED
    assert state(check([leaf.der, crossed], store_of([b], nothing))) == FINE
    assert state(check([leaf.der, crossed], store_of([b], nothing, "require"))) == (False, False, 8)


def test_a_revoked_client_that_is_pinned_itself_is_verified(top):
    """By decision: nobody is asked about an anchor."""
    leaf = mint.client("c", top)
    assert state(check(leaf, store_of([top, leaf], [crl(top, leaf)], "require"))) == FINE
