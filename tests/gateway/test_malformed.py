"""Bytes that servers read differently: refused or passed harmlessly, and the upstream sees nothing undecided."""

import pytest

from tests.gateway.site import poll
from tests.gateway.wire import frame, literal

pytestmark = pytest.mark.gateway

HOST = "head.example.com"
GET = "GET /malformed HTTP/1.1\r\nHost: head.example.com\r\n"
POST = "POST /malformed HTTP/1.1\r\nHost: head.example.com\r\n"
SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: head.example.com\r\nConnection: close\r\n\r\n"

REFUSED = {
    "CL and TE": POST + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two CL": POST + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "CL list": POST + "Content-Length: 1, 2\r\n\r\nab",
    "signed CL": POST + "Content-Length: +2\r\n\r\nab",
    "hex CL": POST + "Content-Length: 0x2\r\n\r\nab",
    "negative CL": POST + "Content-Length: -2\r\n\r\n",
    "TE unknown": POST + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "TE not last": POST + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "TE with tab": POST + "Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "NUL in value": GET + "X-A: a\0b\r\n\r\n",
    "NUL in name": GET + "X\0A: b\r\n\r\n",
    "space before colon": GET + "X-A : 1\r\n\r\n",
    "empty name": GET + ": 1\r\n\r\n",
    "space in name": GET + "X A: 1\r\n\r\n",
    "no host": "GET /malformed HTTP/1.1\r\n\r\n",
    "HTTP/0.9": "GET /malformed\r\n",
    "HTTP/1.0": "GET /malformed HTTP/1.0\r\nHost: head.example.com\r\n\r\n",
    "HTTP/3.0 in clear": "GET /malformed HTTP/3.0\r\nHost: head.example.com\r\n\r\n",
    "space in target": "GET /malformed x HTTP/1.1\r\nHost: head.example.com\r\n\r\n",
    "authority form": "CONNECT head.example.com:443 HTTP/1.1\r\nHost: head.example.com\r\n\r\n",
    "unknown method characters": "G@T /malformed HTTP/1.1\r\nHost: head.example.com\r\n\r\n",
    "leading space": " " + GET + "\r\n",
    "64 KiB of headers": GET + "".join(f"X-{n}: {'a' * 1000}\r\n" for n in range(70)) + "\r\n",
    "too many headers": GET + "".join(f"X-{n}: a\r\n" for n in range(200)) + "\r\n",
    "h2 preface": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}
MISDIRECTED = {
    "two hosts": GET + "Host: www.example.com\r\n\r\n",
    "host with userinfo": GET.replace("Host: ", "Host: a@") + "\r\n",
    "host list": GET.replace("head.example.com", "head.example.com,www.example.com") + "\r\n",
}
"""Framed well, but for no host of ours: 421, and the next request on the connection stands on its own."""
HARMLESS = {
    "obs-fold": (GET + "X-A: 1\r\n Client-Cert: forged\r\n\r\n", "x-a: 1 Client-Cert: forged"),
    "bare CR": (GET + "X-A: 1\rClient-Cert: forged\r\n\r\n", "x-a: 1Client-Cert: forged"),
    "bare LF": (GET + "X-A: 1\nClient-Cert: forged\r\n\r\n", "x-a: 1"),
}
"""Passed in a form that has one reading only; what would be an identity header in another reading is none in it."""
CHUNKS = {
    "chunk size overflow": "fffffffffffffffff\r\nab",
    "chunk size with underscore": "1_0\r\nab",
    "chunk size with sign": "+2\r\nab\r\n0\r\n\r\n",
    "chunk size with 0x": "0x2\r\nab\r\n0\r\n\r\n",
    "garbage after chunk": "2\r\nabXX0\r\n\r\n",
    "chunk extension with LF": "2;a\nb\r\nab\r\n0\r\n\r\n",
    "negative chunk": "-1\r\n\r\n",
}


def exchange(site, data, sni=HOST):
    """The statuses of all answers until the connection ends or nothing more comes."""
    with site.connect(sni) as connection:
        connection.tls.settimeout(1)
        connection.send(data.encode("latin-1"))
        statuses = []
        try:
            while answer := connection.read().status:
                statuses.append(answer)
        except TimeoutError:
            pass
        return statuses


@pytest.mark.parametrize("name", REFUSED)
def test_malformed_request_is_refused_and_what_follows_it_too(site, upstream, name):
    before = len(upstream.requests)
    statuses = exchange(site, REFUSED[name] + SMUGGLED)
    assert not statuses or 400 <= statuses[0] < 600
    assert 200 not in statuses
    assert len(upstream.requests) == before


@pytest.mark.parametrize("name", MISDIRECTED)
def test_request_for_no_host_of_ours_is_misdirected(site, upstream, name):
    assert exchange(site, MISDIRECTED[name] + SMUGGLED) in ([421], [421, 200], [400])
    assert not upstream.seen("/malformed ") or all("Host" not in head for head in upstream.seen("/malformed "))


@pytest.mark.parametrize("name", HARMLESS)
def test_line_that_could_be_read_in_two_ways_reaches_the_upstream_in_one(site, upstream, name):
    sent, line = HARMLESS[name]
    assert exchange(site, sent.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")) == [200]
    lines = upstream.requests[-1].decode().split("\r\n")
    assert line in lines
    assert not [one for one in lines if one.lower().startswith("client-cert")]


@pytest.mark.parametrize("name", CHUNKS)
def test_malformed_chunk_ends_the_connection_and_smuggles_nothing(site, upstream, name):
    before = len(upstream.seen("/smuggled"))
    statuses = exchange(site, POST + "Transfer-Encoding: chunked\r\n\r\n" + CHUNKS[name] + SMUGGLED)
    assert 200 not in statuses
    assert len(upstream.seen("/smuggled")) == before


def test_chunked_trailers_change_neither_host_nor_verdict(site, upstream):
    body = "2\r\nab\r\n0\r\nHost: www.example.com\r\nContent-Length: 9\r\nX-Tag: evil\r\n\r\n"
    head = POST.replace("malformed", "trailers") + "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    statuses = exchange(site, head + body)
    assert statuses in ([200], [400])
    assert all("www" not in head for head in upstream.seen("/trailers"))


def test_blocked_request_in_a_pipeline_blocks_itself_and_no_other(site, upstream):
    def one(path):
        return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n"

    statuses = exchange(site, one("/pipe/1") + one("/admin/pipe") + one("/pipe/3") + SMUGGLED)
    # Where Envoy answers by itself it may close the connection, and what follows has to be sent again.
    assert statuses in ([200, 403, 200, 200], [200, 403])
    seen = [len(upstream.seen(path)) for path in ("/pipe/1", "/admin/pipe", "/pipe/3")]
    assert seen == [1, 0, 1 if len(statuses) > 2 else 0]


def test_get_with_body_and_expect_are_passed_whole(site, upstream):
    statuses = exchange(
        site, GET.replace("malformed", "get-body") + "Connection: close\r\nContent-Length: 3\r\n\r\nabc"
    )
    assert statuses == [200] and upstream.bodies[-1] == b"abc"
    with site.connect(HOST) as connection:
        request = POST.replace("malformed", "expect") + "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"
        connection.send(request.encode())
        answer = connection.read()
        if answer.status == 100:
            connection.send(b"abc")
            answer = connection.read()
        assert answer.status in (200, 417)
    blocked = f"POST /admin HTTP/1.1\r\nHost: {HOST}\r\nExpect: 100-continue\r\nContent-Length: 3\r\n"
    assert exchange(site, blocked + "Connection: close\r\n\r\n")[-1:] == [403]


def test_h2c_upgrade_is_not_done(site):
    answer = site.ask("/h2c", HOST, headers=[("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"),
                                             ("HTTP2-Settings", "AAMAAABkAAQAAP__")])  # fmt: skip
    assert answer.status in (200, 400, 403)


PSEUDO = [(":method", "GET"), (":scheme", "https"), (":authority", HOST), (":path", "/h2-malformed")]
H2_REFUSED = {
    "upper-case name": [*PSEUDO, ("X-A", "1")],
    "doubled :path": [*PSEUDO, (":path", "/smuggled")],
    "doubled :authority": [*PSEUDO, (":authority", "www.example.com")],
    "pseudo after regular": [*PSEUDO[:3], ("x-a", "1"), PSEUDO[3]],
    "unknown pseudo": [*PSEUDO, (":admin", "1")],
    "no :path": PSEUDO[:3],
    "empty :path": [*PSEUDO[:3], (":path", "")],
    "no :method": PSEUDO[1:],
    "no :authority and no host": [PSEUDO[0], PSEUDO[1], PSEUDO[3]],
    "CRLF in value": [*PSEUDO, ("x-a", "1\r\nx-b: 2")],
    "NUL in value": [*PSEUDO, ("x-a", "1\0")],
    "CRLF in path": [*PSEUDO[:3], (":path", "/h2-malformed HTTP/1.1\r\nx: y")],
    "LF in name": [*PSEUDO, ("x\na", "1")],
    "connection header": [*PSEUDO, ("connection", "close")],
    "transfer-encoding": [*PSEUDO, ("transfer-encoding", "chunked")],
    "content-length without body": [*PSEUDO, ("content-length", "5")],
    "host beside differing authority": [*PSEUDO, ("host", "www.example.com")],
    "status in request": [*PSEUDO, (":status", "200")],
    "too many headers": [*PSEUDO, *((f"x-{n}", "a") for n in range(200))],
}


@pytest.mark.parametrize("name", H2_REFUSED)
def test_malformed_h2_request_is_refused(site, upstream, name):
    before = len(upstream.requests)
    with site.connect(HOST, alpn="h2") as connection:
        answer = connection.h2_block(b"".join(literal(*pair) for pair in H2_REFUSED[name]))
    if name == "host beside differing authority" and answer.status == 200:
        assert "www.example.com" not in upstream.requests[-1].decode()
        return
    assert answer.status in (0, 400, 404, 421, 431)
    assert len(upstream.requests) == before


def test_flood_of_continuations_is_reset_at_the_limit(site, upstream):
    before = len(upstream.requests)
    start = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + frame(1, 1, 1, literal(":method", "GET"))
    with site.connect(HOST, alpn="h2") as connection:
        connection.send(start)
        for _ in range(250):  # 2 MB, some 30 times what all headers together may have
            connection.send(frame(9, 0, 1, literal("x-a", "a" * 8000)))
        assert connection.h2_answer(1).status == 0
    assert len(upstream.requests) == before
    assert site.ask("/after", HOST).status == 200


def test_rapid_reset_ends_the_connection_and_harms_nobody(site):
    request = b"".join(literal(*pair) for pair in PSEUDO)
    with site.connect(HOST, alpn="h2") as connection:
        connection.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b""))
        for number in range(1, 400, 2):
            try:
                connection.send(frame(1, 5, number, request) + frame(3, 0, number, b"\0\0\0\x08"))
            except OSError:
                break
    assert site.ask("/after", HOST).status == 200
    assert poll(lambda: site.gateway.status()["healthy"])
