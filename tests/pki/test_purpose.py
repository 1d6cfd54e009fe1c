"""What a certificate is for and where it may stand in a path."""

import pytest
from cryptography import x509

from mtls_tui import pki
from tests.pki import mint
from tests.pki.judge import check, number


@pytest.mark.parametrize(
    ("purposes", "verified"),
    [
        (None, True),
        ([mint.CLIENT], True),
        ([mint.SERVER, mint.CLIENT], True),
        ([mint.ANY], True),
        ([mint.SERVER], False),
        ([x509.ObjectIdentifier("1.3.6.1.5.5.7.3.4")], False),
    ],
)
def test_purpose_decides(top, store, purposes, verified):
    found = check(mint.client("c", top, purposes=purposes), store)
    assert found.verified == verified
    assert number(found) == (None if verified else 26)


def test_purpose_of_an_authority_limits_what_is_below_it(top, store):
    middle = mint.authority("Servers only", top, purposes=[mint.SERVER])
    found = check([mint.client("c", middle), middle], store)
    assert number(found) == 26
    assert "CN=Servers only" in found.error.message


@pytest.mark.parametrize("anchored", [False, True])
def test_an_authority_is_no_client_even_as_an_anchor(top, anchored):
    middle = mint.authority("Middle", top, purposes=[mint.CLIENT])
    store = pki.TrustStore([top.certificate, middle.certificate] if anchored else [top.certificate])
    assert number(check([middle], store)) == 26


def test_a_leaf_can_not_issue(top, store):
    leaf = mint.client("leaf", top, key_usage=mint.usage("digital_signature"))
    assert number(check([mint.client("below", leaf), leaf], store)) == 79


def test_a_leaf_that_may_sign_certificates_is_refused(top, store):
    assert number(check(mint.client("c", top, key_usage=mint.usage("digital_signature", "key_cert_sign")), store)) == 82


@pytest.mark.parametrize(
    "uses", [("digital_signature",), ("key_agreement",), ("digital_signature", "key_encipherment")]
)
def test_key_usages_that_a_client_can_work_with_pass(top, store, uses):
    assert check(mint.client("c", top, key_usage=mint.usage(*uses)), store).verified


def test_key_usage_without_signature_or_agreement_is_refused(top, store):
    assert number(check(mint.client("c", top, key_usage=mint.usage("key_encipherment")), store)) == 26


def test_the_first_certificate_is_the_identity_and_no_other(top, store):
    """A second leaf stuffed into the chain, before or after, never becomes the client."""
    good = mint.client("good", top)
    bad = mint.client("bad", mint.root("Elsewhere"))
    assert not check([bad, good], store).verified
    found = check([good, bad, mint.client("another", top)], store)
    assert found.verified
    assert [c.subject for c in found.chain] == [good.certificate.subject, top.certificate.subject]


def test_path_length_counts_authorities_and_not_self_issued_ones():
    short = mint.root("Short", pathlen=0)
    store = pki.TrustStore([short.certificate])
    assert check(mint.client("c", short), store).verified
    renewed = mint.authority(x509.Name(short.certificate.subject), short, own=mint.key("renewed"))
    assert check([mint.client("c", renewed), renewed], store).verified
    middle = mint.authority("Middle", short)
    found = check([mint.client("c", middle), middle], store)
    assert number(found) == 25
    assert found.error.depth == 2


@pytest.mark.parametrize("anchor", [True, False])
def test_version_1_can_not_be_an_authority(anchor, openssl):
    first = openssl.self_signed_v1("Old")
    leaf = mint.client("c", first)
    if anchor:
        found = check(leaf, pki.TrustStore([first.certificate]))
    else:
        found = check([leaf, first], pki.TrustStore([mint.root().certificate]))
    assert not found.verified
    assert number(found) == (79 if anchor else 19)
