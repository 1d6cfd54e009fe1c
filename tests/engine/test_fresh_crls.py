"""Newer revocation lists replace embedded ones; nothing takes a revocation back."""

from datetime import UTC, datetime, timedelta

import pytest

from mtls_tui.engine import Bundle, BundleError, HttpRequest
from mtls_tui.engine.bundle import BundleHost, BundleRule
from mtls_tui.engine.fresh_crls import crl_files, with_files
from mtls_tui.engine.policy import Policy, PolicyError
from mtls_tui.pki.authority import Authority

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
RULE = '(http.host eq "a.example" and (not cf.tls_client_auth.cert_verified or cf.tls_client_auth.cert_revoked))'


@pytest.fixture
def authority(tmp_path):
    return Authority.init(tmp_path / "ca", cn="A", at=NOW)


def crl(authority):
    return (authority.folder / "ca.crl").read_bytes()


@pytest.fixture
def bundle(authority):
    pem = (authority.folder / "ca.pem").read_text()
    host = BundleHost(
        name="a.example", mtls=True, anchors=(pem,), crls=(crl(authority).decode(),), crl_files=("/ca.crl",)
    )
    return Bundle(hosts=(host,), rules=(BundleRule(ref="r", expression=RULE, action="block"),))


def blocked(bundle, certificate):
    return Policy.from_bundle(bundle).decide(HttpRequest(host="a.example"), [certificate], at=NOW).blocked


def test_a_newer_list_is_enforced_and_an_older_one_is_not(authority, bundle):
    issued = authority.issue(cn="x", at=NOW)
    before = crl(authority)
    assert crl_files(bundle) == ("/ca.crl",)
    assert not blocked(bundle, issued.certificate)
    authority.revoke(issued.record.serial, at=NOW)
    fresh, notes = with_files(bundle, {"/ca.crl": crl(authority)})
    assert notes == ()
    assert blocked(fresh, issued.certificate)
    back, notes = with_files(fresh, {"/ca.crl": before})
    assert back == fresh
    assert len(notes) == 1
    assert "older than number 2" in notes[0]


def test_a_missing_file_leaves_what_is_embedded(bundle):
    assert with_files(bundle, {}) == (bundle, ())


def test_what_is_no_list_is_an_error_with_its_file(bundle):
    with pytest.raises(BundleError, match=r"/ca\.crl: .*neither a PEM nor a DER"):
        with_files(bundle, {"/ca.crl": b"garbage"})


def test_a_list_of_the_same_name_by_another_key_is_not_taken_for_the_authoritys(authority, bundle, tmp_path):
    impostor = Authority.init(tmp_path / "impostor", cn="A", at=NOW)
    for _ in range(3):
        impostor.write_crl(NOW + timedelta(days=1))
    issued = authority.issue(cn="x", at=NOW)
    authority.revoke(issued.record.serial, at=NOW)
    revoked, _ = with_files(bundle, {"/ca.crl": crl(authority)})
    try:
        mixed, _ = with_files(revoked, {"/ca.crl": crl(impostor)})
        assert blocked(mixed, issued.certificate)
    except PolicyError:
        pass  # refusing the foreign list as a whole is as good


def test_lists_at_the_top_hold_for_every_host_and_are_renewed_too(authority, bundle):
    import msgspec

    issued = authority.issue(cn="x", at=NOW)
    host = msgspec.structs.replace(bundle.hosts[0], crls=(), crl_files=())
    top = msgspec.structs.replace(bundle, hosts=(host,), crls=bundle.hosts[0].crls, crl_files=("/ca.crl",))
    authority.revoke(issued.record.serial, at=NOW)
    fresh, _ = with_files(top, {"/ca.crl": crl(authority)})
    assert blocked(fresh, issued.certificate)
    assert not blocked(top, issued.certificate)
