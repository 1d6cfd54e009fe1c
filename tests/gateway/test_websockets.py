"""WebSockets: they end when their handshake would be refused now, and a set time after it at the latest."""

import os
import signal
import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from mtls_tui.engine.bundle import BundleRule
from mtls_tui.gateway import Gateway, Limits, Settings
from mtls_tui.pki import issue
from tests.gateway.site import poll
from tests.gateway.wire import Connection, frame, literal

pytestmark = pytest.mark.gateway
API = "api.example.com"
LONGEST = 4.0


@pytest.fixture(scope="module")
def short(site, tmp_path_factory):
    """A gateway on which a WebSocket ends after LONGEST seconds."""
    folder = tmp_path_factory.mktemp("short")
    bundle = folder / "b.json"
    site.write(path=bundle)
    limits = Limits(websocket_seconds=LONGEST)
    with Gateway(bundle, Settings(listen=("127.0.0.1", 0), log=folder / "log", workers=1, limits=limits)) as gateway:
        yield gateway, bundle


def opened(connection, host=API, upgrade="websocket", more=()):
    """Open a WebSocket; tell when."""
    begin = time.monotonic()
    headers = [("Connection", "Upgrade"), ("Upgrade", upgrade), *more]
    assert connection.get("/ws", host, headers=headers).status == 101
    assert echoes(connection)
    return begin


def echoes(connection):
    try:
        connection.send(b"ping")
        return connection.tls.recv(100) == b"ping"
    except (OSError, ssl.SSLError):
        return False


def lives_until(connection):
    """When a WebSocket on which something moves all the time is over."""
    end = time.monotonic() + LONGEST + 60
    while echoes(connection):
        assert time.monotonic() < end, "it does not end"
        time.sleep(0.05)
    return time.monotonic()


@pytest.mark.parametrize("upgrade", ["websocket", "WebSocket"])
@pytest.mark.parametrize(("host", "kind"), [(API, "good"), ("www.example.com", "none"), ("body.example.com", "none")])
def test_websocket_ends_although_something_moves_on_it(site, short, host, kind, upgrade):
    with Connection(short[0].address[1], host, site.client(kind)) as connection:
        begin = opened(connection, host, upgrade)
        assert lives_until(connection) - begin >= LONGEST - 0.5


def test_websocket_over_http2_ends_too(short):
    host = "www.example.com"
    pseudo = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":authority", host),
              (":path", "/ws")]  # fmt: skip
    with Connection(short[0].address[1], host, alpn="h2") as connection:
        connection.h2_get("/first", host)
        begin = time.monotonic()
        connection.send(frame(1, 4, 3, b"".join(literal(*pair) for pair in pseudo)))
        kinds = []
        while True:
            head = connection._exactly(9)
            size, kind, stream = int.from_bytes(head[:3], "big"), head[3], int.from_bytes(head[5:], "big")
            connection._exactly(size)
            kinds += [kind] if stream == 3 else []
            if kind == 1 and stream == 3:
                connection.send(frame(0, 0, 3, b"ping"))
            if stream == 3 and kind in (0, 1) and head[4] & 1:  # END_STREAM
                break
            if stream == 3 and kind == 3:  # RST_STREAM
                break
        assert kinds[:2] == [1, 0] and time.monotonic() - begin >= LONGEST - 0.5


# --- revoked, out of time, refused by new rules -----------------------------------------------------------------

WITHIN = 10.0
"""Seconds until a WebSocket is over that may not go on."""
LATER = 3.0
"""Seconds after which one would be over that was ended by mistake."""


@pytest.fixture
def lasting(site, tmp_path):
    """A gateway on which WebSockets may last, and its bundle."""
    bundle = tmp_path / "b.json"
    site.write(path=bundle)
    settings = Settings(listen=("127.0.0.1", 0), log=tmp_path / "log", workers=2)
    with Gateway(bundle, settings) as gateway:
        yield gateway, bundle


@pytest.fixture
def second(site):
    """Another client with a good certificate."""
    return client(site, "second", timedelta(days=1))


def client(site, name, lasts):
    key, now = issue.generate_key(), datetime.now(UTC)
    leaf = issue.end_entity(
        site.roles.authority, issue.common_name(name), key.public_key(), not_before=now - issue.DAY,
        not_after=issue.whole_seconds(now + lasts),
    )  # fmt: skip
    site.write_client(name, (leaf,), key)
    return site.client(name)


def ends_within(connection, seconds):
    """Whether a WebSocket on which something moves all the time ends soon."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not echoes(connection):
            return True
        time.sleep(0.05)
    return False


def change(site, lasting, **more):
    gateway, bundle = lasting
    site.write(path=bundle, **more)
    assert gateway.reload()


def with_list(site, *serials):
    return (site.host(API, crls=(site.crl(serials),)), *site.hosts()[1:])


def serial(site):
    return site.chains["good"][0].serial_number


def ended(gateway):
    return gateway.status()["decisions"].get("ended", 0)


def test_only_the_websocket_of_the_revoked_certificate_ends_within_seconds(site, lasting, second):
    port = lasting[0].address[1]
    with (
        Connection(port, API, site.client("good")) as revoked,
        Connection(port, API, second) as other,
        Connection(port, "www.example.com") as elsewhere,
        Connection(port, API, second) as kept_alive,
    ):
        opened(revoked), opened(other), opened(elsewhere, "www.example.com")
        assert kept_alive.get("/before").status == 200
        change(site, lasting, hosts=with_list(site, serial(site)))
        assert ends_within(revoked, WITHIN)
        with Connection(port, API, second) as new:
            opened(new)
        assert not ends_within(other, LATER) and echoes(elsewhere)
        assert kept_alive.get("/after").status == 200
        assert poll(lambda: ended(lasting[0])) == 1


def test_reloads_that_change_nothing_for_a_websocket_end_none(site, lasting, second):
    port, doubled = lasting[0].address[1], [("Foo", "a"), ("Foo", "a,a"), ("Cookie", "a=1"), ("Cookie", "b=2")]
    with (
        Connection(port, API, site.client("good")) as one,
        Connection(port, API, second) as other,
        Connection(port, "head.example.com") as head,
        Connection(port, "body.example.com") as body,
        Connection(port, "secure.wild.example.com", second) as wild,
    ):
        opened(one), opened(other, more=doubled), opened(head, "head.example.com", more=doubled)
        opened(body, "body.example.com"), opened(wild, "secure.wild.example.com")
        for strangers in (1, 2, 3, 4):
            change(site, lasting, hosts=with_list(site, *range(1, 1 + strangers)))
        assert not ends_within(one, LATER)
        assert all(echoes(connection) for connection in (other, head, body, wild))
        assert ended(lasting[0]) == 0


def test_websocket_ends_when_its_certificate_has_expired(site, lasting):
    soon = client(site, "soon", timedelta(seconds=8))
    with Connection(lasting[0].address[1], API, soon) as connection:
        opened(connection)
        assert ends_within(connection, 8 + WITHIN)


def test_websocket_ends_when_its_authority_is_trusted_no_more(site, lasting):
    foreign = site.hosts()[1].anchors
    with Connection(lasting[0].address[1], API, site.client("good")) as connection:
        opened(connection)
        change(site, lasting, hosts=(site.host(API, anchors=foreign, crls=()), *site.hosts()[1:]))
        assert ends_within(connection, WITHIN)


def test_websocket_of_a_host_that_no_rule_was_on_ends_by_a_new_rule(site, lasting):
    rule = BundleRule(
        ref="late", expression='(http.host eq "www.example.com" and http.user_agent eq "x")', action="block"
    )
    with (
        Connection(lasting[0].address[1], "www.example.com") as hit,
        Connection(lasting[0].address[1], "www.example.com") as missed,
    ):
        opened(hit, "www.example.com", more=[("User-Agent", "x")]), opened(missed, "www.example.com")
        change(site, lasting, rules=(*site.rules, rule))
        assert ends_within(hit, WITHIN)
        assert not ends_within(missed, LATER)


def test_websocket_over_http2_ends_by_revocation_and_its_connection_goes_on(site, lasting):
    pseudo = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":authority", API),
              (":path", "/ws")]  # fmt: skip
    with Connection(lasting[0].address[1], API, site.client("good"), alpn="h2") as connection:
        assert connection.h2_get("/first").status == 200
        connection.send(frame(1, 4, 3, b"".join(literal(*pair) for pair in pseudo)))
        connection._stream = 3
        change(site, lasting, hosts=with_list(site, serial(site)))
        connection.h2_answer(3)  # until the stream is over; TimeoutError after 10 s in which nothing comes
        assert connection.h2_get("/later").status == 403


def test_websockets_end_with_the_decision_process_that_watches_them_and_others_open(site, tmp_path):
    bundle = tmp_path / "b.json"
    site.write(path=bundle)
    settings = Settings(listen=("127.0.0.1", 0), log=tmp_path / "log", workers=1)
    with Gateway(bundle, settings) as gateway, Connection(gateway.address[1], API, site.client("good")) as connection:
        opened(connection)
        os.kill(gateway.status()["workers"][0]["process"], signal.SIGKILL)
        assert ends_within(connection, WITHIN)

        def again():
            with Connection(gateway.address[1], API, site.client("good")) as new:
                headers = [("Connection", "Upgrade"), ("Upgrade", "websocket")]
                return new.get("/ws", headers=headers).status == 101

        poll(again, 60)


class Trickle:
    """An upstream whose answer never ends, a byte at a time."""

    def __enter__(self):
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._over = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._listening.close()

    def _serve(self):
        connection, _ = self._listening.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            while not self._over.wait(0.05):
                connection.sendall(b"1\r\nx\r\n")


def test_answer_that_has_begun_goes_on_after_its_certificate_is_revoked(site, lasting):
    with Trickle() as trickle, Connection(lasting[0].address[1], API, site.client("good")) as connection:
        upstream = f"http://127.0.0.1:{trickle.port}"
        host = site.host(API, upstream=upstream)
        change(site, lasting, hosts=(host, *site.hosts()[1:]))
        connection.send(b"GET /long HTTP/1.1\r\nHost: api.example.com\r\n\r\n")
        assert b"200 OK" in connection.tls.recv(4096)
        revoked = site.host(API, upstream=upstream, crls=(site.crl([serial(site)]),))
        change(site, lasting, hosts=(revoked, *site.hosts()[1:]))
        with Connection(lasting[0].address[1], API, site.client("good")) as another:
            assert another.get("/refused").status == 403
        end = time.monotonic() + LATER
        while time.monotonic() < end:
            assert connection.tls.recv(4096)
