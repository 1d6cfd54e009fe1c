"""What the upstream sees: our identity headers and none of a client's; the path that the rules saw."""

import json
from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui.engine.bundle import BundleRule
from mtls_tui.gateway import Gateway, GatewayError, Settings
from mtls_tui.gateway.envoy import facts
from mtls_tui.gateway.envoy.filters import CERTIFICATE_HEADER, CHAIN_HEADER, DUPLICATES_HEADER, QUESTION_HEADER
from mtls_tui.gateway.stripping import checked
from tests.gateway.wire import Connection

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
    "X-SSL-Subject", "X-SSL-Verified", "X-SSL-S-DN", "X-SSL-Serial", "X-SSL-Authenticated", "SSL-Verified", "X-Cert",
    "X-Certificate", "X-Certificate-CN", "X-Peer-Certificate", "X-TLS-Subject", "X-Client-S-DN", "X-Subject-DN",
    "X-SPIFFE-ID", "X-Verified", "Client~Cert", "Client|Cert",
]  # fmt: skip
FORWARDING = [
    "X-Original-Url", "X-Original-Uri", "X-Original-Method", "X-Rewrite-Url", "X-HTTP-Method-Override", "X-HTTP-Method",
    "X-Method-Override", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-User",
    "X.Forwarded.Host", "X.Forwarded.For", "XForwardedFor", "X-Real-IP", "Forwarded", "Remote-User", "X-Remote-Group",
    "X-Auth-Request-Email", "X-Envoy-Original-Dst-Host", "X-Envoy-Auth-Partial-Body", "X-Envoy-Attempt-Count",
    "X-Envoy-Original-Path", "X-Envoy-Upstream-Rq-Per-Try-Timeout-Ms",
]  # fmt: skip
"""Names by which a proxy tells an upstream of another host, path, method, address or user than the request has."""
HONEST = ["X-Concert-Id", "X-Client-Version", "X-Certain", "X-Csrf-Token", "Authorization", "Traceparent", "X-Original",
          "X-Http-Foo", "Sslike"]  # fmt: skip
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


@pytest.mark.parametrize(("host", "kind"), HOSTS)
@pytest.mark.parametrize("alpn", ["http/1.1", "h2"])
def test_headers_that_speak_for_a_proxy_never_arrive_and_honest_ones_do(site, host, kind, alpn):
    sent = [(name.lower(), f"forged-{number}") for number, name in enumerate(FORWARDING)]
    honest = [(name.lower(), f"honest-{number}") for number, name in enumerate(HONEST)]
    with site.connect(host, kind, alpn=alpn) as connection:
        get = connection.h2_get if alpn == "h2" else connection.get
        found = received(get("/proxied", host, headers=[*sent, *honest]))
    assert not [pair for pair in found if "forged" in pair[1]]
    assert set(honest) <= set(found)


def test_rules_see_none_of_what_is_stripped(site):
    """What no upstream gets, no rule can be fooled by either."""
    rule = BundleRule(
        ref="host", action="block",
        expression='http.host eq "head.example.com" and len(http.request.headers["x-forwarded-host"]) gt 0',
    )  # fmt: skip
    try:
        site.write(rules=(*site.rules, rule))
        assert site.gateway.reload()
        assert site.ask("/seen", "head.example.com", headers=[("X-Forwarded-Host", "a")]).status == 200
    finally:
        site.settle()


def test_operators_own_names_are_stripped_too(site, tmp_path):
    settings = Settings(
        listen=("127.0.0.1", 0), log=tmp_path / "log", workers=1, strip_headers=checked(["X-Tenant", "Badge+No"])
    )
    with (
        Gateway(site.bundle, settings) as gateway,
        Connection(gateway.address[1], "head.example.com") as connection,
    ):
        sent = [("X-Tenant", "forged"), ("x.tenant", "forged"), ("BADGE-NO", "forged"), ("X-Tenants", "honest")]
        found = received(connection.get("/own", "head.example.com", headers=[*sent, ("Client-Cert", "forged")]))
    assert "forged" not in dict(map(reversed, found)) and ("x-tenants", "honest") in found


@pytest.mark.parametrize("name", ["", "-", "a b", "a:b", "a_b", "Host", "content.length", "Upgrade", "X-Forwarded-For"])
def test_name_that_can_not_be_stripped_is_refused(name):
    with pytest.raises(GatewayError, match="stripped"):
        checked([name])


def test_internal_names_of_an_upstream_do_not_reach_the_client(site, upstream):
    names = [
        CERTIFICATE_HEADER,
        QUESTION_HEADER,
        DUPLICATES_HEADER,
        CHAIN_HEADER,
        facts.FACTS_HEADER,
        facts.WANTS_HEADER,
    ]
    upstream.extra = "".join(f"{name}: from-upstream\r\n" for name in names).encode() + b"x-own: from-upstream\r\n"
    try:
        for host, kind in HOSTS:
            answer = site.ask("/internal", host, kind)
            assert [name for name, value in answer.headers.items() if value == "from-upstream"] == ["x-own"]
    finally:
        upstream.extra = b""


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


WITH_A_BODY = {
    "length": ("POST", [("Content-Length", "9")], b"an attack"),
    "get with length": ("GET", [("Content-Length", "9")], b"an attack"),
    "chunked": ("POST", [("Transfer-Encoding", "chunked")], b"9\r\nan attack\r\n0\r\n\r\n"),
    "post": ("POST", [("Content-Length", "0")], b"an attack"),
}


@pytest.mark.parametrize("shape", WITH_A_BODY)
@pytest.mark.parametrize("upgrade", ["websocket", "WebSocket"])
def test_upgrade_never_skips_a_body_question(site, upstream, shape, upgrade):
    """Envoy waits for no body where a WebSocket is asked for: where rules read bodies, that has to have none."""
    method, framing, body = WITH_A_BODY[shape]
    path = f"/upgrade/{shape.replace(' ', '-')}/{upgrade}"
    head = [f"{method} {path} HTTP/1.1", "Host: body.example.com", "Connection: Upgrade", f"Upgrade: {upgrade}"]
    head += [f"{name}: {value}" for name, value in framing]
    with site.connect("body.example.com") as connection:
        connection.send("\r\n".join([*head, "", ""]).encode() + body)
        assert connection.read().status == 403
    assert upstream.seen(path) == []


def test_extended_connect_never_skips_a_body_question(site, upstream):
    pseudo = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"),
              (":authority", "body.example.com"), (":path", "/extended")]  # fmt: skip
    with site.connect("body.example.com", alpn="h2") as connection:
        answer = connection.h2_get(pseudo=pseudo, headers=[("content-length", "9")], body=b"an attack")
    assert answer.status in (0, 400, 403)
    assert upstream.seen("/extended") == []


def test_chunked_body_of_a_websocket_is_none_for_the_upstream_either(site, upstream):
    with site.connect("body.example.com") as connection:
        headers = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Transfer-Encoding", "chunked")]
        assert connection.get("/chunked-websocket", "body.example.com", headers=headers).status == 101
    [head] = upstream.seen("/chunked-websocket")
    assert "transfer-encoding" not in head.lower() and "content-length" not in head.lower()


def test_websocket_without_a_body_passes_where_rules_read_bodies(site):
    for framing in ([], [("Content-Length", "0")]):
        headers = [("Connection", "Upgrade"), ("Upgrade", "websocket"), *framing]
        with site.connect("body.example.com") as connection:
            assert connection.get("/ws", "body.example.com", headers=headers).status == 101


def test_websocket_passes_after_its_request_was_decided(site):
    upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
               ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")]  # fmt: skip
    for host, kind in (("api.example.com", "good"), ("head.example.com", "none"), ("body.example.com", "none")):
        with site.connect(host, kind) as connection:
            assert connection.get("/ws", host, headers=upgrade).status == 101
            connection.send(b"frames")
            assert connection.tls.recv(100) == b"frames"
    assert site.ask("/ws", headers=upgrade).status == 451


@pytest.mark.parametrize(
    ("method", "first", "second"), [("TRACE", 200, 200), ("QUERY", 400, 400), ("MY-OWN", 400, 403)]
)
def test_methods_pass_as_the_page_on_the_gateway_says(site, method, first, second):
    host = "head.example.com"
    assert site.ask("/method", host, method=method).status == first
    with site.connect(host, alpn="h2") as connection:
        assert connection.h2_get("/method", host, method=method).status == second
