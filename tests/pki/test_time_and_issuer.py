"""Validity to the second; who issued a certificate, and the paths that lead there."""

from datetime import timedelta

from cryptography import x509
from cryptography.x509.oid import NameOID

from mtls_tui import pki
from tests.pki import mint
from tests.pki.judge import check, number
from tests.pki.mint import AT, DAY


def test_both_ends_of_the_validity_are_included_to_the_second(top, store):
    leaf = mint.client("c", top, begin=AT - DAY, end=AT + DAY)
    second = timedelta(seconds=1)
    assert check(leaf, store, AT - DAY).verified
    assert check(leaf, store, AT + DAY).verified
    assert check(leaf, store, AT + DAY + second / 2).verified, "X.509 times have no fractions"
    assert number(check(leaf, store, AT - DAY - second / 2)) == 9
    assert number(check(leaf, store, AT + DAY + second)) == 10
    assert number(check(leaf, store, (AT + 2 * DAY).replace(tzinfo=None))) == 10, "a naive time is UTC"


def test_sentences_say_when_and_how_long_ago(top, store):
    assert "expired 3 days ago, on 2026-05-29 12:00 UTC" in str(
        check(mint.client("c", top, end=AT - 3 * DAY), store).error
    )
    assert "begins in 2 hours, on 2026-06-01 14:00 UTC" in str(
        check(mint.client("c", top, begin=AT + timedelta(hours=2)), store).error
    )


def test_an_expired_anchor_is_named():
    old = mint.root("Old root", end=AT - DAY)
    found = check(mint.client("c", old), pki.TrustStore([old.certificate]))
    assert number(found) == 10
    assert found.error.message.startswith("the anchor CN=Old root expired 1 day ago")


def test_an_unknown_issuer_is_named_with_the_nearest_anchor():
    anchors = [mint.root("Alpha devices"), mint.root("Beta staff")]
    store = pki.TrustStore([a.certificate for a in anchors])
    found = check(mint.client("c", mint.root("Alpha devices 2")), store)
    assert number(found) == 20
    assert found.error.message == (
        "issued by CN=Alpha devices 2, which is not among this host's 2 anchors; nearest by name: CN=Alpha devices"
    )


def test_a_store_without_anchors_says_so_and_verifies_nothing(top):
    found = check(mint.client("c", top), pki.TrustStore([]))
    assert (found.presented, found.verified, number(found)) == (True, False, 20)
    assert "no anchors at all" in found.error.message


def test_the_same_name_with_another_key_is_another_authority(store):
    impostor = mint.root("Root", own=mint.key("impostor"))
    found = check(mint.client("c", impostor), store)
    assert number(found) == 20
    assert "an anchor has this very name, but another key" in found.error.message
    blind = check(mint.client("c", impostor, aki=False), store)
    assert number(blind) == 7
    assert number(check([mint.client("c", impostor), impostor], store)) == 19


def test_a_certificate_that_was_changed_after_signing_is_refused(top, store):
    der = bytearray(mint.client("alice", top).der)
    der[der.index(b"alice") + 4] ^= 1
    assert number(check([bytes(der)], store)) == 7


def test_a_mismatching_key_identifier_is_a_hint_and_no_verdict(top, store):
    wrong = (x509.AuthorityKeyIdentifier(b"\x01" * 20, None, None), False)
    assert check(mint.client("c", top, aki=False, extensions=[wrong]), store).verified


def test_of_two_authorities_of_one_name_the_right_one_is_found(top, store):
    one = mint.authority("Twin", top, own=mint.key("twin 1"))
    two = mint.authority("Twin", top, own=mint.key("twin 2"))
    for aki in (True, False):
        leaf = mint.client("c", two, aki=aki)
        for order in ([leaf, one, two], [leaf, two, one]):
            assert check(order, store).verified


def test_a_second_path_is_tried_when_the_first_one_fails(top):
    """Two certificates for one intermediate key: one expired, one by an authority that is not trusted, one good."""
    shared = mint.key("shared")
    other = mint.root("Other")
    expired = mint.authority("Middle", top, own=shared, end=AT - DAY)
    foreign = mint.authority("Middle", other, own=shared)
    good = mint.authority("Middle", top, own=shared)
    leaf = mint.client("c", good)
    store = pki.TrustStore([top.certificate])
    assert check([leaf, expired, foreign, good], store).verified
    found = check([leaf, expired, foreign], store)
    assert number(found) == 10
    assert "CN=Middle" in found.error.message


def test_cross_signed_authorities_in_a_circle_end(top, store):
    a, b = mint.root("A"), mint.root("B")
    ab, ba = mint.authority("A", b, own=a.key), mint.authority("B", a, own=b.key)
    found = check([mint.client("c", a), ab, ba, a, b], store)
    assert not found.verified
    anchored = pki.TrustStore([mint.authority("B", top, own=b.key).certificate])
    assert check([mint.client("c", a), ab, ba], anchored).verified


def test_a_pinned_client_needs_no_issuer(top):
    leaf = mint.make("device", ca=False, purposes=[mint.CLIENT])
    found = check(leaf, pki.TrustStore([leaf.certificate]))
    assert found.verified
    assert found.chain == (leaf.certificate,)
    twin = mint.make("device", ca=False, purposes=[mint.CLIENT], own=leaf.key)
    assert not check(twin, pki.TrustStore([leaf.certificate])).verified


def test_an_intermediate_can_be_the_anchor(top):
    middle = mint.authority("Middle", top)
    leaf = mint.client("c", middle)
    assert check(leaf, pki.TrustStore([middle.certificate])).verified
    assert check([leaf, middle, top], pki.TrustStore([middle.certificate])).verified
    below = mint.authority("Below", top)
    assert not check(mint.client("c", below), pki.TrustStore([middle.certificate])).verified


def test_names_chain_whatever_their_case_blanks_and_string_types():
    spelled = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Root  CA", _type=x509.name._ASN1Type.UTF8String)])
    other = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, " root ca", _type=x509.name._ASN1Type.PrintableString)])
    wide = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ROOT CA", _type=x509.name._ASN1Type.BMPString)])
    made = mint.root(spelled)
    store = pki.TrustStore([made.certificate])
    for issuer in (spelled, other, wide):
        assert check(mint.client("c", made, issuer_name=issuer), store).verified
    assert not check(mint.client("c", made, issuer_name=mint.name("Root CB")), store).verified
