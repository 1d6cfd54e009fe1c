"""A request reaches a host only on a connection for that host; whatever Host says, the wrong one gets 421."""

import contextlib
import socket
import ssl

import pytest

pytestmark = pytest.mark.gateway

API, WWW, WILD, SECURE = "api.example.com", "www.example.com", "a.wild.example.com", "secure.wild.example.com"
PAY = "pay.example.com"
CERTIFICATE_REQUEST = 13
"""The number of that handshake message (RFC 8446 B.3)."""
BELONGS = [
    (API, API), (API, "API.Example.COM"), (API, "api.example.com."),
    (API, "api.example.com:8443"), ("SECURE.wild.Example.COM", SECURE), ("A.Wild.example.com", WILD),
    (API, "api.example.com.:1"), ("API.example.com", API), (WWW, "WWW.example.com:443"), (WILD, WILD),
    (WILD, "b.wild.example.com"), (WILD, "a.b.wild.example.com"),
    (SECURE, SECURE), (SECURE, "Secure.Wild.example.com."),
]  # fmt: skip
STRANGE = [
    # On one chain: they show one certificate, and all ask for the client's.
    (API, PAY), (PAY, API), (PAY, SECURE), (SECURE, API),
    (API, "-"), (None, "-"), ("-", "-"), (None, "unserved"), ("*.wild.example.com", SECURE),
    (API, WWW), (WWW, API), (API, "other.test"), (WWW, "api.example.com:8443"), (WWW, "API.EXAMPLE.COM."),
    (WILD, SECURE), (WILD, "SECURE.wild.example.com:443"), (SECURE, WILD), (WILD, "wild.example.com"),
    (WILD, API), (API, "127.0.0.1"),
    (API, "[::1]"), (API, "*.wild.example.com"),
    (WILD, "x.secure.wild.example.com.evil"),
    (None, API), ("unknown.test", API), ("unknown.test", "unknown.test"), ("api.example.com.evil", API),
]  # fmt: skip


@pytest.mark.parametrize("alpn", ["http/1.1", "h2"])
def test_host_of_the_connection_is_served_in_every_spelling(site, alpn):
    for sni, host in BELONGS:
        with site.connect(sni, "good", alpn=alpn) as connection:
            answer = connection.h2_get("/b", host) if alpn == "h2" else connection.get("/b", host)
            assert answer.status == 200, (sni, host)


@pytest.mark.parametrize("alpn", ["http/1.1", "h2"])
def test_host_of_another_connection_is_misdirected_and_never_reaches_the_upstream(site, upstream, alpn):
    for number, (sni, host) in enumerate(STRANGE):
        with site.connect(sni, "good", alpn=alpn) as connection:
            path = f"/strange/{alpn}/{number}"
            answer = connection.h2_get(path, host) if alpn == "h2" else connection.get(path, host)
            assert answer.status == 421, (sni, host)
            assert not upstream.seen(path)


def test_absolute_target_counts_and_not_the_host_beside_it(site):
    with site.connect(WWW, "good") as connection:
        assert connection.get(f"https://{API}/x", WWW).status == 421
        assert connection.get(f"https://{WWW}/x", API).status in (200, 400, 421)
    with site.connect(API) as connection:
        assert connection.get(f"https://{WWW}/x", API).status == 421


def test_authority_counts_and_a_differing_host_is_refused_or_ignored(site, upstream):
    pseudo = [(":method", "GET"), (":scheme", "https"), (":path", "/authority/1")]
    with site.connect(API, alpn="h2") as connection:
        answer = connection.h2_get(pseudo=[*pseudo, (":authority", API)], headers=[("host", WWW)])
        assert answer.status in (0, 400, 421, 451)
    with site.connect(WWW, alpn="h2") as connection:
        answer = connection.h2_get(pseudo=[*pseudo, (":authority", API)], headers=[("host", WWW)])
        assert answer.status in (0, 400, 421)
    assert not upstream.seen("/authority/1")


def test_certificate_is_asked_for_on_mtls_hosts_and_no_others(site):
    def asked(sni):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        messages = []
        context._msg_callback = lambda conn, direction, version, content, kind, data: messages.append(kind)
        with site.connect(sni, context=context):
            return CERTIFICATE_REQUEST in messages

    assert asked(API) and asked("pay.example.com") and asked(SECURE)
    assert not asked(WWW) and not asked(WILD) and not asked("unknown.test")


def test_hosts_have_their_own_authorities(site):
    assert site.ask("/own", "pay.example.com", "foreign").status == 200
    assert site.ask("/own", "pay.example.com", "good").status == 403
    assert site.ask("/own", "api.example.com", "foreign").status == 451
    assert site.ask("/own", SECURE, "good").status == 200
    assert site.ask("/own", SECURE, "none").status == 403


@pytest.mark.parametrize("tls", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS1.2", "TLS1.3"])
@pytest.mark.parametrize(("first", "second"), [(API, "pay.example.com"), ("pay.example.com", API), (WWW, API)])
def test_session_of_one_host_is_worth_nothing_on_another(site, first, second, tls):
    kind = "foreign" if first == "pay.example.com" else "good"
    with site.connect(first, kind, version=tls) as one:
        assert one.get("/session", first).status == 200
        with site.connect(second, kind, context=one.context, session=one.tls.session) as two:
            assert not two.tls.session_reused
            assert two.get("/session", second).status == {"good": {API: 200}.get(second, 403)}.get(kind, 451)


def test_plaintext_before_the_handshake_is_no_request(site, upstream):
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as plain:
        plain.sendall(b"GET /plaintext HTTP/1.1\r\nHost: www.example.com\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            assert not plain.recv(100).startswith(b"HTTP/1.1 200")
    assert not upstream.seen("/plaintext")
