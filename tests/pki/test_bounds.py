"""What strangers send ends in time: long chains, circles, piles of names."""

import time
from functools import partial

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui.pki import constraints, keys, paths, validate, verification
from mtls_tui.pki.certificate import ParsedCertificate
from mtls_tui.pki.errors import Refused
from tests.pki import mint
from tests.pki.judge import check, constrained, number


def view(made):
    return ParsedCertificate(made.certificate, made.der)


def quick(task, seconds):
    start = time.process_time()
    found = task()
    assert time.process_time() - start < seconds
    return found


def test_ten_thousand_alternative_names_end_in_time():
    made, store = constrained(
        [x509.DNSName("example.com"), x509.RFC822Name("example.com")], [x509.DNSName("bad.example.com")]
    )
    names = [x509.DNSName(f"host-{i}.example.com") for i in range(10_000)]
    good = mint.client("c", made, sans=names).der
    bad = mint.client("c", made, sans=[*names, x509.DNSName("a.bad.example.com")]).der
    assert quick(lambda: check([good], store), 1).verified
    assert number(quick(lambda: check([bad], store), 1)) == 48


def test_many_names_against_many_constraints_end_in_time():
    made, store = constrained([x509.RFC822Name(f"host-{i}.example.com") for i in range(1000)])
    leaf = mint.client("c", made, sans=[x509.RFC822Name(f"a@host-{i}.example.com") for i in range(1000)]).der
    assert number(quick(lambda: check([leaf], store), 1)) == 1


def test_a_chain_of_200_ends_in_time(top, store):
    chain, above = [], top
    for level in range(200):
        above = mint.authority(f"Level {level}", above, own=mint.key(level % 3))
        chain.append(above)
    leaf = mint.client("c", above)
    for presented in ([leaf, *reversed(chain)], [leaf, *chain]):
        ders = [item.der for item in presented]
        found = quick(lambda ders=ders: check(ders, store), 0.5)
        assert not found.verified
    short = chain[:20]
    assert check([mint.client("c", short[-1]), *short], store).verified


def test_a_pile_of_authorities_of_one_name_ends_in_time(top, store):
    """Each may have issued each: without bounds the search would be exponential."""
    same = [mint.authority("Same", top, own=mint.key("same"), serial=1000 + i) for i in range(50)]
    forged = [mint.authority("Root", top, own=mint.key(i), signer=mint.key("forger")) for i in range(50)]
    circle = [mint.make("Same", same[0], own=mint.key(100 + i), ca=True) for i in range(50)]
    for pile in (same, forged, circle):
        ders = [item.der for item in (mint.client("c", pile[-1], signer=mint.key("forger")), *pile)]
        assert not quick(lambda ders=ders: check(ders, store), 0.5).verified


def test_a_path_of_exactly_the_greatest_length_verifies_and_one_more_does_not(top, store):
    above, between = top, []
    while len(between) < paths.MAX_LENGTH - 2:  # with the leaf and the anchor: the greatest length
        above = mint.authority(f"Floor {len(between)}", above, own=mint.key(len(between) % 3))
        between.append(above)
    assert check([mint.client("c", between[-1]), *between], store).verified
    higher = mint.authority("One more", between[-1], own=mint.key(0))
    found = check([mint.client("c", higher), higher, *between], store)
    assert not found.verified and number(found) == 22  # X509_V_ERR_CERT_CHAIN_TOO_LONG


def strangers(top, count):
    """Certificates that lead nowhere, all different."""
    made = mint.client("stranger", top, serial=0x55AA)
    old = made.certificate.tbs_certificate_bytes
    at = old.index(b"\x02\x02\x55\xaa") + 2
    return [made.der.replace(old, old[:at] + (0x1000 + i).to_bytes(2, "big") + old[at + 2 :]) for i in range(count)]


@pytest.mark.parametrize(("before", "found"), [(verification.MAX_POOL - 1, True), (verification.MAX_POOL, False)])
def test_so_many_presented_certificates_are_looked_at_beside_the_leaf_and_no_more(top, store, before, found):
    middle = mint.authority("Middle", top)
    presented = [mint.client("c", middle).der, *strangers(top, before), middle.der]
    assert check(presented, store).verified is found
    pem = b"".join(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in presented)
    assert check([pem], store).verified is found


@pytest.mark.parametrize(("before", "found"), [(verification.MAX_ITEMS - 2, True), (verification.MAX_ITEMS - 1, False)])
def test_so_many_presented_items_are_looked_at_even_if_they_say_nothing_new(top, store, before, found):
    middle = mint.authority("Middle", top)
    leaf = mint.client("c", middle)
    assert check([leaf.der, *[leaf.der] * before, middle.der], store).verified is found


def test_an_item_is_read_up_to_its_greatest_length(top, store):
    pem = mint.client("c", top).certificate.public_bytes(Encoding.PEM)
    assert check([pem.ljust(verification.MAX_ITEM_BYTES, b"\n")], store).verified
    found = check([pem.ljust(verification.MAX_ITEM_BYTES + 1, b"\n")], store)
    assert found.presented and not found.verified and "more than" in found.error.message


@pytest.mark.parametrize(("limit", "verified"), [(22, True), (21, False)])
def test_names_times_constraints_are_checked_up_to_a_limit_and_refused_above(monkeypatch, limit, verified):
    """Not silently left unchecked: no certificate escapes a constraint by having too many names."""
    made, store = constrained([x509.DNSName("example.com"), x509.DNSName("example.org")])
    # Nine names and the subject, which counts as a name and by its attribute; against two constraints.
    leaf = mint.client("c", made, sans=[x509.DNSName(f"h{i}.example.com") for i in range(9)])
    monkeypatch.setattr(constraints, "MAX_CHECKS", limit)
    assert check(leaf, store).verified is verified


def test_a_search_tries_a_fixed_number_of_extensions_however_many_paths_names_allow(top, store):
    """Six authorities on each of four levels, each of which may have issued each below: 1,296 paths."""
    layers = [
        [mint.authority(f"Layer {level}", top, own=mint.key((level, i)), issuer_name=above) for i in range(6)]
        for level, above in enumerate([*(mint.name(f"Layer {level}") for level in (1, 2, 3)), None])
    ]
    leaf = view(mint.client("c", layers[0][0]))
    pool = [view(made) for layer in layers for made in layer]
    search = paths.PathSearch(leaf, pool, store)
    found = sum(1 for _ in search)
    assert search.exhausted
    assert 300 < found < paths.MAX_STEPS <= 1000


def test_wrong_signatures_of_a_strangers_pile_are_few(top, store, monkeypatch):
    """Each authority of the pile bears the anchor's name and another key: only some of them are asked."""
    asked = []
    honest = keys.verify_signature
    monkeypatch.setattr(keys, "verify_signature", lambda *rest: asked.append(1) or honest(*rest))
    pile = [mint.authority("Root", top, own=mint.key(("pile", i)), signer=mint.key("forger")) for i in range(60)]
    assert not check([item.der for item in (mint.client("c", pile[0]), *pile)], store).verified
    assert validate.MAX_WRONG_SIGNATURES <= len(asked) <= validate.MAX_WRONG_SIGNATURES + 3


@pytest.mark.parametrize(
    ("budget", "limit"),
    [
        (lambda: validate.SignatureBudget().spend, validate.MAX_SIGNATURES),
        (lambda: partial(constraints.Budget().spend, 1), constraints.MAX_COMPARISONS),
    ],
    ids=["signatures", "comparisons"],
)
def test_a_budget_is_spent_to_its_end_and_refuses_one_more(budget, limit):
    spend = budget()
    for _ in range(limit):
        spend()
    with pytest.raises(Refused, match=r"too many|more names than"):
        spend()


@pytest.mark.parametrize(("limit", "verified"), [(9, True), (8, False)])
def test_names_are_compared_with_constraints_up_to_a_limit_and_refused_above(monkeypatch, limit, verified):
    """Each of the nine names is one look-up."""
    made, store = constrained([x509.DNSName("example.com")])
    leaf = mint.client("c", made, sans=[x509.DNSName(f"h{i}.example.com") for i in range(9)])
    monkeypatch.setattr(constraints.Budget.__init__, "__defaults__", (limit,))
    found = check(leaf, store)
    assert found.verified is verified
    assert verified or "more names than can be compared" in found.error.message


@pytest.mark.parametrize(("bad", "verified"), [(verification.MAX_PATHS - 1, True), (verification.MAX_PATHS, False)])
def test_so_many_paths_are_tried_and_no_more(top, store, bad, verified):
    """All authorities have one name and key; only the last allows the leaf's name."""
    own = mint.key("many")
    other = x509.NameConstraints([x509.DNSName("other.example")], None)
    pile = [mint.authority("Many", top, own=own, constraints=other, serial=1000 + i) for i in range(bad)]
    good = mint.authority("Many", top, own=own, serial=1)
    leaf = mint.client("c", good, sans=[x509.DNSName("c.example.com")])
    assert check([leaf.der, *(made.der for made in pile), good.der], store).verified is verified
