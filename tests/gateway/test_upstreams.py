"""Upstreams that are slow, close early or talk nonsense: clients get an error, others go on."""

import json
import socket
import threading

import pytest

from mtls_tui.engine.bundle import BundleRule
from mtls_tui.gateway import Gateway, Limits, Settings
from tests.gateway.site import NOT_VERIFIED, poll, whole_lines
from tests.gateway.wire import Connection

pytestmark = pytest.mark.gateway
OK = b"HTTP/1.1 200 OK\r\n"


class Odd:
    """An upstream that does to each request what its path names."""

    def __init__(self):
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listening.getsockname()[1]
        self.seen = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            while head := self._head(connection):
                path = head.split(b" ")[1].decode().strip("/")
                self.seen.append(path)
                if path == "silent":
                    connection.recv(1)  # until the gateway gives up
                    return
                connection.sendall(ANSWERS[path])
                if path != "good":
                    return

    def _head(self, connection):
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return b""
            data += piece
        return data

    def close(self):
        self.listening.close()


ANSWERS = {
    "good": OK + b"content-length: 2\r\n\r\nok",
    "closes": b"",
    "half-a-head": OK + b"content-le",
    "half-a-body": OK + b"content-length: 100\r\n\r\nabc",
    "half-a-chunk": OK + b"transfer-encoding: chunked\r\n\r\n5\r\nab",
    "no-last-chunk": OK + b"transfer-encoding: chunked\r\n\r\n2\r\nab\r\n",
    "no-http": b"\x00\xff" * 100,
    "two-lengths": OK + b"content-length: 0\r\ncontent-length: 5\r\n\r\nabcde",
    "length-and-chunked": OK + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "endless-head": OK + b"x: " + b"y" * 300_000 + b"\r\n\r\n",
}
CUT = {"half-a-body", "half-a-chunk", "no-last-chunk"}
"""Where the answer has begun: it can only be cut off, and the client must be able to tell."""


@pytest.fixture(scope="module")
def odd():
    running = Odd()
    yield running
    running.close()


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return tmp_path_factory.mktemp("odd") / "log"


@pytest.fixture(scope="module")
def port(site, odd, log):
    bundle = log.with_name("odd.bundle.json")
    upstream = f"http://127.0.0.1:{odd.port}"
    rule = BundleRule(ref="mtls", expression=f'(http.host eq "api.example.com" and {NOT_VERIFIED})', action="block")
    site.write(path=bundle, hosts=(site.host("api.example.com", upstream=upstream),), rules=(rule,))
    settings = Settings(
        listen=("127.0.0.1", 0), log=log, workers=1, limits=Limits(request_seconds=3.0, closing_seconds=0.1)
    )
    with Gateway(bundle, settings) as gateway:
        yield gateway.address[1]


def ask(port, site, path, kind="good"):
    with Connection(port, "api.example.com", site.client(kind)) as connection:
        connection.tls.settimeout(30)
        return connection.get(f"/{path}")


@pytest.mark.parametrize("path", [*(sorted(set(ANSWERS) - {"good"})), "silent"])
def test_client_gets_an_error_or_a_visible_cut_and_others_are_served(site, odd, port, path):
    answer = ask(port, site, path)
    if path in CUT:
        assert answer.status == 0, answer
    else:
        assert answer.status in (502, 503, 504), answer
    assert path in odd.seen
    again = ask(port, site, "good")
    assert (again.status, again.body) == (200, b"ok")
    before = len(odd.seen)
    assert ask(port, site, path, "expired").status == 403
    assert len(odd.seen) == before  # what is blocked doesn't reach it, whatever state it is in


def test_many_clients_that_wait_for_a_silent_upstream_hold_nobody_up(site, odd, port):
    waiting = [Connection(port, "api.example.com", site.client("good")) for _ in range(100)]
    for connection in waiting:
        connection.send(b"GET /silent HTTP/1.1\r\nHost: api.example.com\r\n\r\n")
    for _ in range(10):
        assert ask(port, site, "good").status == 200
        assert ask(port, site, "good", "expired").status == 403
    for connection in waiting:
        connection.tls.settimeout(30)
        assert connection.read().status == 504
        connection.close()


def test_every_error_has_a_line_that_says_why(site, odd, port, log):
    ask(port, site, "closes")

    def lines():
        found = [json.loads(line) for line in whole_lines(log)]
        return [line for line in found if line["kind"] == "answer" and line["path"] == "/closes"]

    assert "upstream_reset_before_response_started" in poll(lines)[0]["details"]
