"""Trust stores are immutable and say what is wrong; what is remembered never outlives its truth."""

from datetime import timedelta

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from mtls_tui import pki
from mtls_tui.pki import cache, verification
from mtls_tui.pki.memory import OVERHEAD, Memory
from mtls_tui.pki.verification import verify_at
from tests.pki import mint
from tests.pki.judge import check
from tests.pki.mint import AT, DAY


def test_a_store_can_not_be_changed(top):
    store = pki.TrustStore([top.certificate])
    with pytest.raises(AttributeError, match="immutable"):
        store.crl_policy = "soft"
    with pytest.raises(AttributeError, match="immutable"):
        del store.anchors
    with pytest.raises(TypeError):
        store.anchors_by_subject[()] = ()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"crl_policy": "hard"}, "crl_policy is `hard`; use require or soft"),
        ({"revocation": "all"}, "revocation is `all`; use chain or leaf"),
        ({"anchors": [b"junk"]}, "anchor 1: neither PEM nor DER"),
        ({"anchors": [pki.Source(b"", "ca.pem")]}, "ca.pem: the input is empty"),
        ({"intermediates": [b"-----BEGIN CERTIFICATE-----"]}, "intermediate 1: .*does not end"),
        ({"anchors": ["ca.pem"]}, "anchor 1: is a str"),
        ({"crls": [b"junk"]}, "CRL 1: neither"),
        ({"crls": [7]}, "CRL 1: is a int"),
    ],
)
def test_settings_that_can_not_be_used_are_errors_that_name_the_place(top, options, why):
    with pytest.raises(pki.StoreError, match=why):
        pki.TrustStore(**{"anchors": [top.certificate], **options})


def test_require_is_the_default_once_there_is_a_list(top):
    assert pki.TrustStore([top.certificate]).crl_policy is None
    assert pki.TrustStore([top.certificate], crls=[mint.crl(top)]).crl_policy == "require"
    assert pki.TrustStore([top.certificate], crls=[mint.crl(top)], crl_policy="soft").crl_policy == "soft"


def test_pem_der_and_objects_make_the_same_store_and_each_setting_another(top):
    middle = mint.authority("Middle", top)
    crl = mint.crl(top)
    same = [
        pki.TrustStore(anchors)
        for anchors in ([top.certificate], [top.der], [top.pem], [top.pem + top.pem], top.pem, top.certificate)
    ]
    assert len({store.digest for store in same}) == 1
    different = [
        same[0],
        pki.TrustStore([top.pem + middle.pem]),
        pki.TrustStore([top.pem], [middle.pem]),
        pki.TrustStore([top.pem], crls=[crl]),
        pki.TrustStore([top.pem], crls=[crl], crl_policy="soft"),
        pki.TrustStore([top.pem], crls=[crl], revocation="leaf"),
        pki.TrustStore([top.pem], crls=[mint.crl(top, number=2)]),
        pki.TrustStore([]),
    ]
    assert len({store.digest for store in different}) == len(different)


# --- memory --------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(-40, 40), min_size=2, max_size=8), st.sampled_from(["objects", "bytes", "pem"]))
@settings(max_examples=60, deadline=None)
def test_a_remembered_answer_is_the_fresh_answer_at_any_time(hours, form):
    """Certificates and lists begin and end around the times that are asked about, in any order."""
    hour = timedelta(hours=1)
    made = mint.root("Remembered", begin=AT - 30 * hour)
    middle = mint.authority("Middle", made, end=AT + 20 * hour)
    leaf = mint.client("c", middle, begin=AT - 15 * hour, end=AT + 10 * hour)
    crls = [
        mint.crl(made, begin=AT - 25 * hour, end=AT + 15 * hour),
        mint.crl(middle, begin=AT - 20 * hour, end=AT - 2 * hour),
        mint.crl(middle, [leaf.certificate.serial_number], number=2, begin=AT - 3 * hour, end=AT + 5 * hour),
    ]
    store = pki.TrustStore([made.certificate], crls=crls)
    chain = {
        "objects": [leaf.certificate, middle.certificate],
        "bytes": (leaf.der, middle.der),
        "pem": leaf.pem + middle.pem,
    }[form]
    items = [chain] if isinstance(chain, bytes) else list(chain)
    for offset in hours:
        for second in (-1, 0, 1):
            at = AT + offset * hour + timedelta(seconds=second)
            remembered, fresh = pki.verify(chain, store, at), verify_at(items, store, int(at.timestamp()))
            assert (remembered.verified, remembered.revoked) == (fresh.verified, fresh.revoked)
            assert (remembered.error and remembered.error.number) == (fresh.error and fresh.error.number)


def test_an_answer_ends_with_the_presented_authority_it_needs(top):
    middle = mint.authority("Middle", top, end=AT + timedelta(hours=1))
    leaf = mint.client("c", middle)
    store = pki.TrustStore([top.certificate])
    chain = (leaf.der, middle.der)
    assert pki.verify(chain, store, AT).verified
    assert not pki.verify(chain, store, AT + timedelta(hours=1, seconds=1)).verified


def test_the_second_answer_is_remembered(top, monkeypatch):
    calls = []
    monkeypatch.setattr(cache, "verify_at", lambda *arguments: calls.append(1) or verify_at(*arguments))
    leaf = mint.client("c", top)
    for chain in ((leaf.certificate,), (leaf.der,)):
        store = pki.TrustStore([top.certificate])
        calls.clear()
        first = pki.verify(chain, store, AT)
        assert pki.verify(chain, store, AT + DAY) is first
        assert pki.verify(list(chain), store, AT) is first
        assert calls == [1]
        assert pki.verify(chain, pki.TrustStore([top.certificate]), AT) is not first
    equal = x509.load_der_x509_certificate(leaf.der)
    store = pki.TrustStore([top.certificate])
    assert pki.verify((leaf.certificate,), store, AT) is pki.verify((equal,), store, AT)


def test_a_failures_sentence_does_not_grow_old(top):
    late = mint.client("late", top, end=AT - DAY)
    store = pki.TrustStore([top.certificate])
    assert "1 day ago" in check([late.der], store).error.message
    assert "2 days ago" in check([late.der], store, AT + DAY).error.message


def verifier(top, verified=20_000, failed=10_000):
    """One with small memories of its own, and these."""
    memories = Memory(verified), Memory(failed)
    return pki.Verifier(pki.TrustStore([top.certificate]), verified=memories[0], failed=memories[1]), *memories


def test_a_flood_of_strangers_pushes_out_no_client_and_stays_bounded(top):
    small, verified, failed = verifier(top)
    good = (mint.client("good", top).der,)
    known = small.verify(good, AT)
    stranger = mint.root("Stranger")
    for number in range(40):
        assert not small.verify((mint.client(f"s{number}", stranger).der,), AT).verified
        assert not small.verify((b"junk %d" % number,), AT).verified
    assert small.verify(good, AT) is known
    assert 0 < failed.used <= failed.max_bytes
    for number in range(40):
        assert small.verify((mint.client(f"g{number}", top).der,), AT).verified
    assert 0 < verified.used <= verified.max_bytes
    assert 0 < len(verified) < 20


def test_one_client_with_ever_other_certificates_beside_its_own_fills_nothing(top):
    small, verified, _ = verifier(top, verified=10_000_000)
    leaf, other = mint.client("c", top), (mint.client("other", top).der,)
    small.verify(other, AT)
    used = verified.used
    for form in (lambda made: made.der, lambda made: made.certificate):
        first = form(leaf)
        for number in range(30):
            assert small.verify((first, form(mint.root(f"Junk {number}", own=mint.key("junk")))), AT).verified
    assert len(verified) <= 4, "by DER, by value, by identity, and the other"
    assert verified.used < used + 4 * 8192
    assert small.verify(other, AT) is small.verify(other, AT)


def test_the_same_certificate_beside_others_is_another_chain(top):
    """What is remembered of a client's certificate is remembered of one chain."""
    middle = mint.authority("Middle", top)
    leaf = mint.client("c", middle)
    small, _, _ = verifier(top)
    for with_middle, without in (
        ((leaf.der, middle.der), (leaf.der,)),
        ((leaf.certificate, middle.certificate), (leaf.certificate,)),
    ):
        for _ in range(2):
            assert small.verify(with_middle, AT).verified
            assert small.verify((*with_middle, b"junk"), AT).verified
        small.store._known.clear()
        assert not small.verify(without, AT).verified


def test_a_chain_that_ended_is_remembered_as_a_failure(top, monkeypatch):
    calls = []
    monkeypatch.setattr(cache, "verify_at", lambda *arguments: calls.append(1) or verify_at(*arguments))
    small, verified, failed = verifier(top)
    chain = (mint.client("c", top, end=AT + DAY).der,)
    assert small.verify(chain, AT).verified
    assert not small.verify(chain, AT + 2 * DAY).verified
    assert not small.verify(chain, AT + 2 * DAY).verified
    assert (len(calls), len(verified), len(failed)) == (2, 0, 1)
    assert small.verify(chain, AT).verified
    assert (len(verified), len(failed)) == (1, 0)


def test_all_stores_of_a_process_share_one_bound(top):
    verified, failed = Memory(10_000), Memory(8_000)
    for number in range(10):
        anchor = mint.root(f"Root {number}")
        one = pki.Verifier(pki.TrustStore([anchor.certificate]), verified=verified, failed=failed)
        assert one.verify((mint.client("c", anchor).der,), AT).verified
        assert not one.verify((mint.client("c", top).der,), AT).verified
        assert 0 < verified.used <= 10_000
        assert 0 < failed.used <= 8_000
    assert pki.Verifier(pki.TrustStore([]))._verified is pki.Verifier(pki.TrustStore([top.certificate]))._verified


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3000)), max_size=40))
def test_a_memory_never_holds_more_than_it_may_and_forgets_the_oldest(puts):
    memory, order = Memory(6000), {}
    for key, size in puts:
        memory.put(key, size, size)
        order.pop(key, None)
        order[key] = size
        assert memory.used <= 6000
    held = [key for key in order if memory.get(key) is not None]
    assert held == list(order)[len(order) - len(held) :]
    assert memory.used == sum(order[key] + OVERHEAD for key in held)
    assert all(memory.get(key) == order[key] for key in held)


def test_strangers_authorities_are_not_kept(top):
    store = pki.TrustStore([top.certificate])
    foreign = mint.root("Stranger")
    middle = mint.authority("Middle", foreign)
    forged = mint.authority("Forged", top, signer=mint.key("forger"))
    ours = mint.authority("Ours", top)
    check([mint.client("c", middle).der, middle.der, foreign.der], store)
    check([mint.client("c", forged).der, forged.der], store)
    assert all(store.known(item.der) is None for item in (middle, foreign, forged))
    assert check([mint.client("c", ours).der, ours.der], store).verified
    assert store.known(ours.der) is not None


def test_large_chains_and_authorities_are_not_kept(top):
    def padding(size):
        return [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"x" * size), False)]

    small, verified, failed = verifier(top, 1 << 24, 1 << 24)
    for anchor in (top, mint.root("Stranger")):
        small.verify((mint.client("c", anchor, extensions=padding(70_000)).der,), AT)
    assert len(verified) == len(failed) == 0
    middle = mint.authority("Middle", top, extensions=padding(10_000))
    assert small.verify((mint.client("c", middle).der, middle.der), AT).verified
    assert small.store.known(middle.der) is None


@pytest.mark.parametrize("odd", [["text"], [None], [7], [[b"x"]], [bytearray(b"x")]])
def test_things_that_are_no_certificate_are_presented_and_not_verified(top, odd):
    found = pki.verify(odd, pki.TrustStore([top.certificate]), AT)
    assert (found.presented, found.verified) == (True, False)


def test_the_unforeseen_is_not_verified(top, monkeypatch):
    """Should verification itself fail, the answer is a refusal."""
    monkeypatch.setattr(verification, "_decide", lambda *_: 1 / 0)
    found = verify_at([mint.client("c", top).der], pki.TrustStore([top.certificate]), 0)
    assert (found.presented, found.verified, found.revoked) == (True, False, False)
    assert "ZeroDivisionError" in found.error.message
