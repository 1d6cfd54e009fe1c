"""Floods of HTTP/2 frames: the flooder is cut off or bounded, nothing reaches the upstream, others are served."""

import asyncio
import ssl
import threading
from pathlib import Path

import pytest

from mtls_tui.gateway.envoy.xds import ask_admin
from tests.gateway.wire import frame, literal

pytestmark = pytest.mark.gateway
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"")
HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION, DATA, PRIORITY = 1, 3, 4, 6, 8, 9, 0, 2
END_HEADERS = 4
MOST_GROWTH_KIB = 60_000


def head(path):
    pseudo = [(":method", "GET"), (":scheme", "https"), (":authority", "api.example.com"), (":path", path)]
    return b"".join(literal(name, value) for name, value in pseudo)


def rapid_reset():
    """CVE-2023-44487: a request, and at once its end."""
    for stream in range(1, 40_001, 2):
        yield frame(HEADERS, END_HEADERS | 1, stream, head("/flood")) + frame(RST_STREAM, 0, stream, b"\0\0\0\x08")


def continuation():
    """CVE-2024-27316 and its like: headers that never end."""
    yield frame(HEADERS, 1, 1, head("/flood"))
    for number in range(20_000):
        yield frame(CONTINUATION, 0, 1, literal(f"x-{number}", "y" * 50))


def empty_continuation():
    """The same without any content (CVE-2019-9518)."""
    yield frame(HEADERS, 1, 1, head("/flood"))
    for _ in range(100_000):
        yield frame(CONTINUATION, 0, 1, b"")


def empty_data():
    """Empty DATA frames (CVE-2019-9518)."""
    yield frame(HEADERS, END_HEADERS, 1, head("/flood").replace(b"GET", b"PUT"))
    for _ in range(100_000):
        yield frame(DATA, 0, 1, b"")


def settings():
    """Each wants an answer (CVE-2019-9515); they are not read."""
    for _ in range(300_000):
        yield frame(SETTINGS, 0, 0, b"")


def ping():
    """Each wants an answer (CVE-2019-9512); they are not read."""
    for _ in range(200_000):
        yield frame(PING, 0, 0, b"12345678")


def priority():
    """Idle streams are shuffled (CVE-2019-9513)."""
    for number in range(100_000):
        yield frame(PRIORITY, 0, 1 + 2 * (number % 500), b"\0\0\0\0\x10")


def window_update():
    """Windows grow a little at a time."""
    yield frame(HEADERS, END_HEADERS, 1, head("/flood").replace(b"GET", b"PUT"))
    for _ in range(100_000):
        yield frame(WINDOW_UPDATE, 0, 1, b"\0\0\0\x01")


FLOODS = {
    rapid_reset: "http.gateway.downstream_rq_too_many_premature_resets",
    continuation: "http2.header_overflow",
    empty_continuation: "http2.inbound_empty_frames_flood",
    empty_data: "http2.inbound_empty_frames_flood",
    settings: "http2.outbound_control_flood",
    ping: "http2.outbound_control_flood",
    priority: "http2.inbound_priority_frames_flood",
    window_update: "http2.inbound_window_update_frames_flood",
}
"""Each with the statistic by which Envoy says that this is why it closed the connection."""


@pytest.mark.parametrize("flood", FLOODS, ids=lambda flood: flood.__name__)
def test_flooder_is_cut_off_and_others_are_served(site, upstream, flood):
    noticed = statistic(site, FLOODS[flood])
    envoy = site.gateway.status()["envoy"]["process"]
    before, requests = resident(envoy), len(upstream.seen("/flood"))
    stop, statuses = threading.Event(), []

    def honest():
        while not stop.is_set():
            statuses.append(site.ask("/honest", kind="good").status)

    client = threading.Thread(target=honest)
    client.start()
    try:
        assert cut_off(site, flood)
    finally:
        stop.set()
        client.join()
    assert statistic(site, FLOODS[flood]) == noticed + 1
    assert statuses and set(statuses) == {200}
    assert resident(envoy) - before < MOST_GROWTH_KIB
    assert len(upstream.seen("/flood")) - requests < 1_000
    assert site.gateway.status()["envoy"]["process"] == envoy


def cut_off(site, flood):
    """Send it all without reading; whether the gateway closes the connection."""
    with site.connect(kind="good", alpn="h2") as connection:
        connection.tls.settimeout(20)
        try:
            connection.send(PREFACE)
            batch = b""
            for piece in flood():
                batch += piece
                if len(batch) > 16_000:
                    connection.send(batch)
                    batch = b""
            connection.send(batch)
            while connection.tls.recv(65536):
                pass
        except (ConnectionError, ssl.SSLError, BrokenPipeError):
            return True
        except TimeoutError:
            return False
    return True


def statistic(site, name):
    admin = site.gateway.status_address.parent / "admin.sock"
    text = asyncio.run(ask_admin(admin, f"/stats?filter=^{name}$")).decode()
    return int(text.rpartition(": ")[2] or 0)


def resident(process):
    """KiB of memory that a process has."""
    [line] = [one for one in Path(f"/proc/{process}/status").read_text().splitlines() if one.startswith("VmRSS")]
    return int(line.split()[1])
