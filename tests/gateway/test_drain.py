"""The end on request: clients are asked to leave, then the port closes, open requests go on; nobody is cut off."""

import signal
import threading
import time

import pytest

from mtls_tui.gateway import Gateway, Limits, Settings
from tests.gateway.command import ask_status, serving
from tests.gateway.site import poll
from tests.gateway.wire import Connection, frame, literal, status_of

pytestmark = pytest.mark.gateway
LONG = "--limit", "drain-seconds=600"


@pytest.fixture
def bundle(site, tmp_path):
    path = tmp_path / "x.bundle.json"
    site.write(path=path)
    return path


class Busy:
    """A client on one connection: asks until it is asked to leave, then closes."""

    def __init__(self, port, site):
        self.connection = Connection(port, "api.example.com", site.client("good"))
        self.statuses, self.told = [], False
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.told:
            answer = self.connection.get("/busy")
            self.statuses.append(answer.status)
            self.told = answer.status != 200 or answer.headers.get("connection") == "close"
        self.connection.close()


def test_busy_connections_are_asked_to_leave_and_none_is_cut(site, bundle, tmp_path):
    with serving(bundle, tmp_path, *LONG) as running:
        clients = [Busy(running.port, site) for _ in range(8)]
        poll(lambda: all(len(client.statuses) > 3 for client in clients))
        running.process.send_signal(signal.SIGTERM)
        for client in clients:
            client.thread.join(30)
        assert running.ended() == 0  # long before the drain's time: nobody is left
    for client in clients:
        assert set(client.statuses) == {200} and client.told


def test_while_draining_new_connections_are_answered_and_health_says_no_then_the_port_closes(site, bundle, tmp_path):
    with serving(bundle, tmp_path, "--limit", "drain-seconds=4", "--limit", "finish-seconds=30") as running:
        slow = Connection(running.port, "api.example.com", site.client("good"))
        slow.send(b"POST /slow HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 3\r\n\r\n")
        assert ask_status(running.status, "/healthz")[0] == 200
        running.process.send_signal(signal.SIGTERM)
        poll(lambda: ask_status(running.status, "/healthz")[0] == 503)
        poll(lambda: late(running.port, site) == (200, "close"))
        poll(lambda: not running.open(), 30)
        slow.send(b"abc")
        assert slow.read().status == 200
        slow.close()
        assert running.ended() == 0


def late(port, site):
    """What a connection of its own gets now."""
    with Connection(port, "api.example.com", site.client("good")) as connection:
        answer = connection.get("/late")
    return answer.status, answer.headers.get("connection")


def test_http2_connections_get_goaway_after_their_answer(site, bundle, tmp_path):
    with serving(bundle, tmp_path, *LONG) as running:
        connection = Connection(running.port, "api.example.com", site.client("good"), alpn="h2")
        assert connection.h2_get("/before").status == 200
        running.process.send_signal(signal.SIGTERM)
        running.says("stopping")
        statuses = []
        poll(lambda: asked_to_leave(connection, statuses))
        assert set(statuses) == {200}
        connection.close()
        assert running.ended() == 0


def asked_to_leave(connection, statuses):
    """Put one more request; whether GOAWAY (RFC 9113 section 6.8) comes before its answer's end. Notes the status."""
    pseudo = [(":method", "GET"), (":scheme", "https"), (":authority", "api.example.com"), (":path", "/more")]
    connection._stream += 2
    connection.send(frame(1, 5, connection._stream, b"".join(literal(name, value) for name, value in pseudo)))
    told = False
    while True:
        head = connection._exactly(9)
        payload = connection._exactly(int.from_bytes(head[:3], "big"))
        told = told or head[3] == 7
        if head[3] == 1:
            statuses.append(status_of(payload))
        if head[3] in (0, 1) and head[4] & 1:
            return told


def test_second_signal_ends_a_drain_at_once(site, bundle, tmp_path):
    with serving(bundle, tmp_path, *LONG, "--limit", "finish-seconds=60") as running:
        idle = Connection(running.port, "api.example.com", site.client("good"))
        assert idle.get("/").status == 200
        running.process.send_signal(signal.SIGTERM)
        running.says("stopping")
        begin = time.monotonic()
        running.process.send_signal(signal.SIGINT)
        assert running.ended() == 0
        assert time.monotonic() - begin < 30
        idle.close()


def test_idle_client_holds_the_end_up_for_the_drain_time_and_no_longer(site, bundle, tmp_path):
    settings = Settings(listen=("127.0.0.1", 0), log=tmp_path / "log", workers=1, limits=Limits(drain_seconds=1.0))
    gateway = Gateway(bundle, settings).start()
    idle = Connection(gateway.address[1], "api.example.com", site.client("good"))
    assert idle.get("/").status == 200
    begin = time.monotonic()
    gateway.stop()
    assert 1.0 <= time.monotonic() - begin < 20
    idle.close()
