"""The x509-limbo suite, whole: every case runs, and each disagreement is listed here with its reason.

Server cases run with the name check dropped (clients have no name to match) and the purpose swapped. An entry that is
no longer needed fails, so the lists stay true.
"""

import json
from datetime import UTC, datetime

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from mtls_tui import pki
from mtls_tui.pki import purpose

SETTING = "asks for a setting (the longest path) that there is none of here"
NAME = "is about the host name that a client would compare with; nothing is compared here"
OPTIONAL = "private authorities leave key identifiers out, and RFC 5280 path validation does not need them"
WEBPKI = "a rule of the web's public authorities (CA/Browser Forum), not of RFC 5280"
CA_LEAF = "an authority's certificate is never a client's here"

ACCEPTED_HERE = {
    "pathlen::max-chain-depth-0-exhausted": SETTING,
    "pathlen::max-chain-depth-1-exhausted": SETTING,
    "rfc5280::aki::leaf-missing-aki": OPTIONAL,
    "rfc5280::aki::intermediate-missing-aki": OPTIONAL,
    "rfc5280::aki::cross-signed-root-missing-aki": OPTIONAL,
    "rfc5280::ski::root-missing-ski": OPTIONAL,
    "rfc5280::ski::intermediate-missing-ski": OPTIONAL,
    "rfc5280::nc::permitted-dns-match-noncritical": "they bind whether critical or not; webpki:: says so too",
    "rfc5280::pc::ica-noncritical-pc": "policyConstraints bind whether critical or not, as in NIST PKITS 4.8 to 4.12",
    "rfc5280::root-non-critical-basic-constraints": "NIST PKITS 4.6.4 has it valid; many private roots are so",
    "rfc5280::san::underscore-dns": NAME,
    "rfc5280::san::ip-in-dns": NAME,
    "webpki::aki::root-with-aki-missing-keyidentifier": WEBPKI,
    "webpki::aki::root-with-aki-all-fields": WEBPKI,
    "webpki::aki::root-with-aki-ski-mismatch": WEBPKI,
    "webpki::eku::ee-anyeku": "anyExtendedKeyUsage includes clientAuth (RFC 5280 4.2.1.12)",
    "webpki::eku::ee-critical-eku": WEBPKI,
    "webpki::eku::ee-without-eku": "no extended key usage means no restriction (RFC 5280 4.2.1.12)",
    "webpki::eku::root-has-eku": WEBPKI,
    "webpki::forbidden-rsa-not-divisible-by-8-in-root": WEBPKI,
    "webpki::forbidden-rsa-key-not-divisible-by-8-in-leaf": WEBPKI,
    "webpki::san::san-critical-with-nonempty-subject": WEBPKI,
    "webpki::v1-cert": "a leaf of version 1 is what `openssl x509 -req` makes; it can't be an authority",
}
NAME_CHECKS = ("webpki::cn::", "webpki::san::")
"""Groups whose failures all come from comparing names; the few others in them are listed one by one."""

REFUSED_HERE = {
    "pathlen::validation-ignores-pathlen-in-leaf": CA_LEAF,
    "rfc5280::ca-as-leaf": CA_LEAF,
}


@pytest.fixture(scope="module")
def cases(shared):
    return json.loads(shared("conformance/x509_limbo.json").read_text())["testcases"]


def run(case):
    """(accepted and not revoked, why not) of one case."""
    at = datetime.fromisoformat(case["validation_time"]) if case["validation_time"] else datetime.now(UTC)
    encoded = {
        kind: [item.encode() for item in case[kind]] for kind in ("trusted_certs", "untrusted_intermediates", "crls")
    }
    try:
        store = pki.TrustStore(encoded["trusted_certs"], crls=encoded["crls"])
    except pki.StoreError as error:
        return False, str(error)
    found = pki.verify([case["peer_certificate"].encode(), *encoded["untrusted_intermediates"]], store, at)
    assert found.presented
    assert found.verified or not found.revoked
    assert (found.error is None) == (found.verified and not found.revoked)
    return found.verified and not found.revoked, str(found.error)


def test_every_case_agrees_or_is_listed_with_its_reason(cases, monkeypatch):
    wrong, unneeded = [], set(ACCEPTED_HERE) | set(REFUSED_HERE)
    for case in cases:
        wanted = (
            ExtendedKeyUsageOID.SERVER_AUTH if case["validation_kind"] == "SERVER" else ExtendedKeyUsageOID.CLIENT_AUTH
        )
        monkeypatch.setattr(purpose, "FOR_CLIENTS", frozenset({wanted, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}))
        accepted, why = run(case)
        if accepted == (case["expected_result"] == "SUCCESS"):
            continue
        name = case["id"]
        unneeded.discard(name)
        listed = name in (ACCEPTED_HERE if accepted else REFUSED_HERE)
        if not listed and not (accepted and name.startswith(NAME_CHECKS)):
            wrong.append(f"{name}: expected {case['expected_result']}, got {why}")
    assert not wrong
    assert not unneeded & {case["id"] for case in cases}, "no longer needed"


def test_nothing_of_high_importance_is_accepted_that_must_fail(cases, monkeypatch):
    server = frozenset({ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH})
    monkeypatch.setattr(purpose, "FOR_CLIENTS", server)
    important = [case for case in cases if case["importance"] in ("high", "critical")]
    assert important
    for case in important:
        if case["expected_result"] == "FAILURE":
            assert not run(case)[0], case["id"]


def test_all_crl_cases_and_all_client_cases_are_right(cases, monkeypatch):
    with_crls = [case for case in cases if case["crls"]]
    clients = [case for case in cases if case["validation_kind"] == "CLIENT"]
    assert len(with_crls) >= 8
    assert len(clients) >= 10
    for case in clients:
        assert run(case)[0] == (case["expected_result"] == "SUCCESS"), case["id"]
    server = frozenset({ExtendedKeyUsageOID.SERVER_AUTH})
    monkeypatch.setattr(purpose, "FOR_CLIENTS", server)
    for case in with_crls:
        assert run(case)[0] == (case["expected_result"] == "SUCCESS"), case["id"]
