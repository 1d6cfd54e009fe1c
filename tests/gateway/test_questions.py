"""What proxies ask, as questions: the client's request and nothing of the proxy's own; oddities are refused."""

from base64 import b64encode
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtls_tui.gateway import proxy_styles
from mtls_tui.gateway.envoy.filters import DUPLICATES_HEADER, QUESTION_HEADER
from mtls_tui.gateway.questions import MalformedError, RawQuestion, apart, canonical_host, read_gateway

LINE = b"headers|HTTP/2|TLSv1.3|TLS_AES_128_GCM_SHA256|192.0.2.9|5|id-1|API.example.com"


def gateway(*headers, line=LINE, host=b"api.example.com:8443", method="POST"):
    return read_gateway(RawQuestion(method, "/a?b=c", [("host", host), (QUESTION_HEADER, line), *headers]))


def test_gateway_question_is_the_clients_request_without_what_envoy_added():
    question = gateway(
        ("x-forwarded-proto", b"https"), ("x-request-id", b"id-1"), ("x-envoy-internal", b"true"),
        ("user-agent", b"curl"), ("content-length", b"0"), ("x-forwarded-for", b"1.2.3.4"),
    )  # fmt: skip
    http = question.http
    assert (http.method, http.host, http.target) == ("POST", "api.example.com", "/a?b=c")
    assert http.headers == (
        ("host", b"api.example.com"), ("user-agent", b"curl"), ("x-forwarded-for", b"1.2.3.4"),
        ("content-length", b"5"),
    )  # fmt: skip
    assert (http.client_ip, http.http_version, http.tls_version) == ("192.0.2.9", "HTTP/2", "TLSv1.3")
    assert http.tls_cipher == "AEAD-AES128-GCM-SHA256"
    assert (question.sni, question.request_id, question.chain()) == ("api.example.com", "id-1", ())


WEBSOCKET = [("upgrade", b"WebSocket")]


@pytest.mark.parametrize(
    ("method", "length", "body", "headers", "whole"),
    [
        ("POST", b"5", b"hello", [], True), ("POST", b"0", b"", [], True), ("POST", b"-", b"hello", [], True),
        ("GET", b"-", b"", [], True), ("GET", b"-", b"", WEBSOCKET, True), ("GET", b"0", b"", WEBSOCKET, True),
        ("POST", b"5", b"", [], False), ("POST", b"5", b"hell", [], False), ("GET", b"5", b"", WEBSOCKET, False),
        ("POST", b"-", b"", WEBSOCKET, False), ("POST", b"0", b"", WEBSOCKET, False),
        ("POST", b"500000", b"hello", [("x-envoy-auth-partial-body", b"true")], True),
    ],
)  # fmt: skip
def test_question_about_a_body_without_all_of_it_is_refused(method, length, body, headers, whole):
    line = LINE.replace(b"headers|", b"body|").replace(b"|5|", b"|" + length + b"|")
    asking = RawQuestion(method, "/", [("host", b"api.example.com"), (QUESTION_HEADER, line), *headers], body)
    if whole:
        assert read_gateway(asking).http.body == body
    else:
        with pytest.raises(MalformedError, match="see"):
            read_gateway(asking)


def test_doubled_headers_come_apart_again():
    joined = [("foo", b"a,b,,c"), ("bar", b"x,y"), ("one", b"1")]
    assert apart(joined, b"foo=3+0+1;bar=1+1") == [
        ("foo", b"a,b"), ("foo", b""), ("foo", b"c"), ("bar", b"x"), ("bar", b"y"), ("one", b"1"),
    ]  # fmt: skip
    assert gateway(("foo", b"a,b"), (DUPLICATES_HEADER, b"foo=1+1")).http.headers[1:3] == (("foo", b"a"), ("foo", b"b"))


@given(st.lists(st.binary(max_size=5), min_size=2, max_size=5))
def test_doubled_headers_come_apart_whatever_they_hold(values):
    lengths = "+".join(str(len(value)) for value in values)
    assert apart([("h", b",".join(values))], f"h={lengths}".encode()) == [("h", value) for value in values]


@pytest.mark.parametrize(
    "headers",
    [
        [], [("host", b"a")], [(QUESTION_HEADER, LINE)], [("host", b"a"), (QUESTION_HEADER, b"headers|x")],
        [("host", b"a"), (QUESTION_HEADER, LINE.replace(b"headers", b"all"))],
        [("host", b"a"), ("host", b"a"), (QUESTION_HEADER, LINE)],
        [("host", b"a"), (QUESTION_HEADER, LINE), (QUESTION_HEADER, LINE)],
        [("host", b"a"), (QUESTION_HEADER, LINE), *[("x-forwarded-client-cert", b"Hash=1")] * 2],
        [("host", b"a"), (QUESTION_HEADER, LINE), (DUPLICATES_HEADER, b"foo=x")],
    ],
)  # fmt: skip
def test_gateway_question_that_is_not_whole_is_malformed(headers):
    with pytest.raises(MalformedError):
        read_gateway(RawQuestion("GET", "/", headers))


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("API.Example.com", "api.example.com"), ("api.example.com.", "api.example.com"), ("a:1", "a"),
        ("a.:65535", "a"),
        ("[2001:DB8::1]:443", "[2001:db8::1]"), ("127.0.0.1:8443", "127.0.0.1"), ("xn--bcher-kva.example", None),
    ],
)  # fmt: skip
def test_host_is_canonical(text, host):
    assert canonical_host(text) == (host or text)


@pytest.mark.parametrize(
    "text",
    ["", ".", ":80", "a:b", "a@b", "a b", "a/b", "bücher.example", "[::1", "[x]", "a,b", "a\x00", "a" * 254,
     "[1.2.3.4]", "a::"],
)  # fmt: skip
def test_host_that_is_no_host_is_malformed(text):
    with pytest.raises(MalformedError):
        canonical_host(text)


DER = b"\x30\x03abc"
ORIGINAL = [("x-original-method", b"PUT"), ("x-original-uri", b"/p?q"), ("x-original-host", b"H.example:1"),
            ("x-original-client", b"192.0.2.1"), ("x-original-sni", b"h.example")]  # fmt: skip
FORWARDED = [("x-forwarded-method", b"PUT"), ("x-forwarded-uri", b"/p?q"), ("x-forwarded-host", b"H.example:1"),
             ("x-forwarded-for", b"192.0.2.1")]  # fmt: skip
B64 = b64encode(DER)
BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
ASKED = {
    "nginx": [*ORIGINAL, ("x-client-cert", quote(f"{BEGIN}\n{B64.decode()}\n{END}\n").encode())],
    "haproxy": [*ORIGINAL, ("x-client-cert", B64)],
    "traefik": [*FORWARDED, ("x-forwarded-tls-client-cert", B64)],
    "caddy": [*FORWARDED, ("x-client-cert", B64)],
    "rfc9440": [*FORWARDED, ("client-cert", b":" + B64 + b":")],
}  # fmt: skip


@pytest.mark.parametrize("style", ASKED)
def test_styles_tell_the_same_request(style):
    question = proxy_styles.reader(style)(
        RawQuestion("GET", "/auth", [("host", b"authz"), *ASKED[style], ("foo", b"1")], peer="10.0.0.1")
    )
    http = question.http
    assert (http.method, http.target, http.host, http.client_ip) == ("PUT", "/p?q", "h.example", "192.0.2.1")
    assert http.headers == (("host", b"h.example"), ("foo", b"1"))
    assert question.chain() == (DER,)


@pytest.mark.parametrize("style", ASKED)
@pytest.mark.parametrize("drop", range(4))
def test_question_without_what_the_proxy_must_tell_is_malformed(style, drop):
    headers = [*ASKED[style][:drop], *ASKED[style][drop + 1 :]]
    with pytest.raises(MalformedError):
        proxy_styles.reader(style)(RawQuestion("GET", "/auth", headers, peer="10.0.0.1"))


@pytest.mark.parametrize("style", ASKED)
def test_carrier_that_comes_twice_is_malformed(style):
    for header in ASKED[style]:
        with pytest.raises(MalformedError):
            proxy_styles.reader(style)(RawQuestion("GET", "/auth", [*ASKED[style], header], peer="10.0.0.1"))


def test_last_of_forwarded_for_is_the_client_since_the_proxy_wrote_it():
    headers = [*FORWARDED[:3], ("x-forwarded-for", b"6.6.6.6, 192.0.2.1")]
    assert proxy_styles.reader("traefik")(RawQuestion("GET", "/", headers)).http.client_ip == "192.0.2.1"


def test_haproxy_chain_follows_the_leaf():
    headers = [*ASKED["haproxy"], ("x-client-cert-chain", b64encode(DER + DER))]
    assert proxy_styles.reader("haproxy")(RawQuestion("GET", "/", headers)).chain() == (DER, DER, DER)
