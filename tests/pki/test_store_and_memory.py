"""Trust stores are immutable and say what is wrong; what is remembered never outlives its truth."""

from datetime import timedelta

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from mtls_tui import pki
from mtls_tui.pki import cache, verification
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
    assert len({store.generation for store in same}) == 1
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
    assert len({store.generation for store in different}) == len(different)


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


def test_a_flood_of_strangers_pushes_out_no_client_and_stays_bounded(top):
    verifier = pki.Verifier(pki.TrustStore([top.certificate]), capacity=10, failed_capacity=5)
    good = (mint.client("good", top).der,)
    known = verifier.verify(good, AT)
    stranger = mint.root("Stranger")
    for number in range(40):
        assert not verifier.verify((mint.client(f"s{number}", stranger).der,), AT).verified
        assert not verifier.verify((b"junk %d" % number,), AT).verified
    assert verifier.verify(good, AT) is known
    assert len(verifier) <= 15
    for number in range(40):
        assert verifier.verify((mint.client(f"g{number}", top).der,), AT).verified
    assert len(verifier) <= 15


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


def test_large_chains_are_not_kept(top):
    verifier = pki.Verifier(pki.TrustStore([top.certificate]))
    big = mint.client(
        "c", top, extensions=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"x" * 70_000), False)]
    )
    assert verifier.verify((big.der,), AT).verified
    assert len(verifier) == 0


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
