"""What the upstream sees: our identity headers and none of a client's; the path that the rules saw."""

import json
from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

pytestmark = pytest.mark.gateway

FORGED = [
    "Client-Cert", "client-cert", "CLIENT-CERT-CHAIN", "Client_Cert", "Client.Cert", "client-Cert_chain",
    "X-Client-Cert",
    "X-Client-Cert-Verified", "X_Client_Cert_Subject", "X-Client.Cert-Fingerprint", "X-ClientCert", "CF-Client-Cert",
    "X-Forwarded-Client-Cert", "X_Forwarded_Client_Cert", "X-Forwarded-Tls-Client-Cert",
    "X-Forwarded-Tls-Client-Cert-Info", "SSL_CLIENT_VERIFY", "Ssl-Client-Cert", "Ssl.Client.S.Dn", "X-SSL-Client-CN",
    "X-SSL-Client-Verify", "X-SSL-Issuer-DN", "X-Amzn-Mtls-Clientcert-Leaf", "X-ARR-ClientCert", "X-Mtls-Tui-Question",
    "X-Mtls-Tui-Duplicates", "X-TLS-Client-Cert",
    "CF-Cert-Verified", "Cf.Cert-Subject-DN", "X-SSL-Cert", "X-Client-Verify", "X-Client-DN",
]  # fmt: skip
HOSTS = [("api.example.com", "good"), ("www.example.com", "none"), ("head.example.com", "none")]


def received(answer):
    assert answer.status == 200
    return [(name.lower(), value) for name, value in json.loads(answer.body)["headers"]]


@pytest.mark.parametrize(("host", "kind"), HOSTS)
def test_identity_headers_of_a_client_never_arrive_in_any_spelling(site, host, kind):
    forged = [(name, f"forged-{number}") for number, name in enumerate(FORGED)] + [("Client-Cert", "forged-again")]
    # Envoy refuses a Connection header that lists too many, so a few at a time.
    listed = [("Connection", ", ".join(FORGED[start : start + 5])) for start in range(0, len(FORGED), 5)]
    for headers in (forged, *([*forged, one] for one in listed)):
        found = received(site.ask("/forged", host, kind, headers=headers))
        assert not [value for _, value in found if "forged" in value]
    with site.connect(host, kind, alpn="h2") as connection:
        lower = [(name.lower(), value) for name, value in forged]
        answer = connection.h2_get("/forged", host, headers=lower)
        assert not [value for _, value in received(answer) if "forged" in value]


def test_upstream_learns_of_a_verified_certificate_as_rfc_9440_says(site):
    leaf, *rest = (b64encode(c.public_bytes(Encoding.DER)).decode() for c in site.chains["stuffed"])
    found = dict(received(site.ask("/told", kind="stuffed", headers=[("Connection", "client-cert")])))
    assert found["client-cert"] == f":{leaf}:"
    assert found["client-cert-chain"] == ", ".join(f":{one}:" for one in rest)
    assert "x-forwarded-client-cert" not in found and "x-mtls-tui-question" not in found


def test_upstream_learns_of_no_certificate_that_is_not_verified(site):
    for host, kind in (("www.example.com", "none"), ("head.example.com", "good")):
        assert not [name for name, _ in received(site.ask("/told", host, kind)) if "cert" in name]


def test_clients_address_is_added_by_us(site):
    found = received(site.ask("/from", headers=[("X-Forwarded-For", "6.6.6.6")], kind="good"))
    assert ("x-forwarded-for", "6.6.6.6,127.0.0.1") in found
    assert ("x-forwarded-proto", "https") in received(
        site.ask("/from", kind="good", headers=[("X-Forwarded-Proto", "http")])
    )


SPELLINGS = [
    "/admin", "/x/../admin", "/./admin", "//admin", "/%61dmin", "/%2e/admin", "/x/%2E%2e/admin", "/admin/../admin",
    "/\\admin",
    "/admin?x", "/x/..//admin",
]  # fmt: skip


@pytest.mark.parametrize("path", SPELLINGS)
@pytest.mark.parametrize("alpn", ["http/1.1", "h2"])
def test_path_that_the_upstream_would_see_is_the_path_that_the_rule_sees(site, upstream, path, alpn):
    before = len(upstream.requests)
    with site.connect("head.example.com", alpn=alpn) as connection:
        answer = (
            connection.h2_get(path, "head.example.com") if alpn == "h2" else connection.get(path, "head.example.com")
        )
    assert answer.status == 403
    assert len(upstream.requests) == before


@pytest.mark.parametrize(
    "path", ["/x%2Fadmin", "/x%2fadmin", "/%5Cadmin", "/%5cadmin", "/x%00", "/a#b", "admin", "/x%2F..%2Fadmin"]
)
def test_path_that_could_be_read_in_two_ways_is_refused(site, upstream, path):
    before = len(upstream.requests)
    assert site.ask(path, "head.example.com").status == 400
    assert len(upstream.requests) == before


def test_rule_and_upstream_see_the_same_canonical_path(site):
    answer = site.ask("/a/./b//%7Ec/d%41/../e?q=%2F&r=..", "head.example.com")
    assert json.loads(answer.body)["line"] == "GET /a/b/~c/e?q=%2F&r=.. HTTP/1.1"


def test_doubled_header_is_seen_as_the_client_sent_it(site):
    def ask(*headers, alpn="http/1.1"):
        with site.connect("head.example.com", alpn=alpn) as connection:
            get = connection.h2_get if alpn == "h2" else connection.get
            return get("/tag", "head.example.com", headers=headers).status

    for alpn in ("http/1.1", "h2"):
        assert ask(("x-tag", "good"), ("x-tag", "evil"), alpn=alpn) == 403
        assert ask(("x-tag", "evil"), alpn=alpn) == 403
        assert ask(("x-tag", "good,evil"), alpn=alpn) == 200
        assert ask(("x-tag", "good"), alpn=alpn) == 200
    assert ask(("User-Agent", "very bad")) == 403


@pytest.mark.parametrize("lines", [["evil "], ["evil\t"], [" evil"], [" \tevil \t"], [" evil", "x"], ["x", "evil "],
                                   ["x", " evil"], ["evil ", "x "]], ids=repr)  # fmt: skip
def test_blanks_around_a_value_hide_it_from_no_rule(site, upstream, lines):
    # They are no part of a value in HTTP/1.1, so the upstream sees none; HTTP/2 forbids them, yet Envoy lets them in.
    path = f"/blanks/{''.join(lines).encode().hex()}"
    with site.connect("head.example.com", alpn="h2") as connection:
        answer = connection.h2_get(path, "head.example.com", headers=[("x-tag", line) for line in lines])
    assert answer.status != 200
    assert upstream.seen(path) == []


def test_body_is_seen_up_to_its_limit_and_arrives_whole(site, upstream):
    def post(body, **options):
        return site.ask("/body", "body.example.com", method="POST", body=body, **options).status

    assert post(b"hello") == 200
    assert post(b"an attack") == 403
    big = b"x" * 300_000
    assert post(big) == 403  # rule `cut`
    assert site.ask("/body", "head.example.com", method="POST", body=big).status == 200
    assert len(upstream.bodies[-1]) == len(big)


def test_websocket_passes_after_its_request_was_decided(site):
    upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
               ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")]  # fmt: skip
    for host, kind in (("api.example.com", "good"), ("head.example.com", "none"), ("body.example.com", "none")):
        with site.connect(host, kind) as connection:
            assert connection.get("/ws", host, headers=upgrade).status == 101
            connection.send(b"frames")
            assert connection.tls.recv(100) == b"frames"
    assert site.ask("/ws", headers=upgrade).status == 451
