"""Every kind of certificate, fresh and on a second connection with the first one's session, by HTTP/1.1 and HTTP/2."""

import ssl

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from mtls_tui.pki import issue
from tests.gateway.site import KINDS

pytestmark = pytest.mark.gateway

# By hand, from what the rules say: (status, rule, verified, revoked, X509 error).
TABLE = {
    "none": (451, "mtls", False, False, None),
    "good": (200, "", True, False, None),
    "expired": (451, "mtls", False, False, "error 10,"),
    "not_yet_valid": (451, "mtls", False, False, "error 9,"),
    "self_signed": (451, "mtls", False, False, "error 18,"),
    "foreign": (451, "mtls", False, False, "error 20,"),
    "server_purpose": (451, "mtls", False, False, "error 26,"),
    "no_purpose": (200, "", True, False, None),
    "revoked": (403, "revoked", True, True, "error 23,"),
    "stuffed": (200, "", True, False, None),
}


@pytest.mark.parametrize("alpn", ["http/1.1", "h2"])
@pytest.mark.parametrize("tls", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS1.2", "TLS1.3"])
@pytest.mark.parametrize("kind", KINDS)
def test_verdict_reason_and_fields_are_those_of_the_table_and_of_the_engine(site, upstream, kind, tls, alpn):
    status, rule, verified, revoked, error = TABLE[kind]
    first = site.connect(kind=kind, alpn=alpn, version=tls)
    answers = []
    for name, session in (("fresh", None), ("resumed", first)):
        path = f"/matrix/{kind}/{tls.name}/{alpn}/{name}"
        connection = first
        if session is not None:
            connection = site.connect(kind=kind, alpn=alpn, context=first.context, session=first.tls.session)
            assert not connection.tls.session_reused
        answer = connection.h2_get(path) if alpn == "h2" else connection.get(path)
        answers.append(answer.status)
        line = site.line(path)
        assert (line["action"], line.get("rule", "")) == ("allow" if status == 200 else "block", rule)
        assert (line.get("verified", False), line.get("revoked", False)) == (verified, revoked)
        assert (error or "") in line.get("certificate_error", "")
        assert line["logged"] == [f"fields-{kind}"]
        expected = site.expected(kind, target=path)
        assert expected.decision.reason == line["reason"]
        assert [one.ref for one in expected.decision.logged] == line["logged"]
        assert len(upstream.seen(path)) == (1 if status == 200 else 0)
        if session is not None:
            connection.close()
    first.close()
    assert answers == [status, status]


def test_blocked_answer_is_the_rules_own(site):
    answer = site.ask("/own", kind="none")
    assert (answer.status, answer.body) == (451, b'{"error":"certificate"}')
    assert answer.headers["content-type"] == "application/json"
    assert site.ask("/own", kind="none", method="HEAD").status == 451


@pytest.mark.parametrize("tls", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS1.2", "TLS1.3"])
@pytest.mark.parametrize("kind", ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048", "rsa-3072"])
def test_every_kind_of_key_that_verification_takes_can_be_shown_in_a_handshake(site, kind, tls):
    key = ec.generate_private_key(ec.SECP521R1()) if kind == "ecdsa-p521" else issue.generate_key(kind)
    at = site.roles.at
    leaf = issue.end_entity(
        site.roles.authority, issue.common_name(kind), key.public_key(), not_before=at - issue.DAY,
        not_after=at + issue.DAY,
    )  # fmt: skip
    name = f"{kind}-{tls.name}"
    site.write_client(name, (leaf,), key)
    path = f"/keys/{name}"
    with site.connect(kind=name, version=tls) as connection:
        assert connection.get(path).status == 200
    assert site.line(path)["fingerprint"] == leaf.fingerprint(hashes.SHA256()).hex()
