"""WebSockets: they end a set time after their handshake, so none outlives its certificate or rules for long."""

import ssl
import time

import pytest

from mtls_tui.gateway import Gateway, Limits, Settings
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


def opened(connection, host=API, upgrade="websocket"):
    """Open a WebSocket; tell when."""
    begin = time.monotonic()
    headers = [("Connection", "Upgrade"), ("Upgrade", upgrade)]
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


def test_websocket_of_a_certificate_that_is_revoked_meanwhile_ends(site, short):
    gateway, bundle = short
    serial = site.chains["good"][0].serial_number
    with Connection(gateway.address[1], API, site.client("good")) as connection:
        opened(connection)
        site.write(path=bundle, hosts=(site.host(API, crls=(site.crl([serial]),)), *site.hosts()[1:]))
        try:
            assert gateway.reload()
            with Connection(gateway.address[1], API, site.client("good")) as another:
                headers = [("Connection", "Upgrade"), ("Upgrade", "websocket")]
                assert another.get("/ws", API, headers=headers).status == 403
            lives_until(connection)
        finally:
            site.write(path=bundle)
            gateway.reload()


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
