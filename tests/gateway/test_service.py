"""The decision service's end of the wire: bounded memory, a gentle end, a status that doesn't wait."""

import asyncio
import os
from pathlib import Path

import pytest

from mtls_tui.engine.bundle import Bundle, BundleHost, BundleRule
from mtls_tui.engine.policy import Policy
from mtls_tui.gateway.workers import worker

pytest.importorskip("httptools", reason="the extra `gateway` is not installed")

from mtls_tui.gateway.accesslog import LogLine, LogWriter
from mtls_tui.gateway.logfile import LogFile
from mtls_tui.gateway.peers import Peers
from mtls_tui.gateway.service import LONGEST_KEPT_NAME, MOST_HEADER_BYTES, REFUSAL, Connection, Service
from mtls_tui.gateway.workers import pool


def test_header_names_that_clients_invent_are_kept_in_bounded_memory():
    connection = Connection(Service(LogWriter(None), 100))
    for number in range(1000):
        connection._reset()
        connection.on_header(b"X-%d-" % number + b"y" * 50_000, b"")
        connection.on_header(b"X-Short-%d" % number, b"")
        assert [name[:2] for name, _ in connection._headers] == ["x-", "x-"]
    assert sum(map(len, connection._names)) <= 257 * LONGEST_KEPT_NAME


class Transport:
    """Keeps what is written."""

    def __init__(self):
        self.data, self.closed = b"", False

    def write(self, data):
        self.data += data

    def close(self):
        self.closed = True


@pytest.mark.parametrize("draining", [False, True])
def test_draining_service_answers_and_closes_the_connection_and_says_so(draining):
    service, transport = Service(LogWriter(None), 100), Transport()
    service.answer = lambda asking, now: (
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        LogLine("decision", "now", "allow"),
    )
    service.draining = draining
    connection = Connection(service)
    connection.connection_made(transport)
    connection.data_received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert transport.data.startswith(b"HTTP/1.1 200 OK\r\n") and transport.data.endswith(b"\r\n\r\n")
    assert (b"\r\nconnection: close\r\n" in transport.data, transport.closed) == (draining, draining)


def asked(size, body, most_body=100):
    """What a service answers to a request with a header of so many octets, name included, and a body."""
    service, transport = Service(LogWriter(None), most_body), Transport()
    service.answer = lambda asking, now: (b"HTTP/1.1 200 OK\r\n\r\n", LogLine("decision", "now", "allow"))
    connection = Connection(service)
    connection.connection_made(transport)
    length = b"content-length: %d\r\n" % body
    connection.data_received(b"POST / HTTP/1.1\r\n" + length + b"x: " + b"y" * (size - 1) + b"\r\n\r\n")
    for _ in range(body):
        connection.data_received(b"z")
    return transport


def test_headers_and_body_have_a_greatest_size_and_one_octet_more_is_refused():
    used = len("/content-length0")
    taken = asked(MOST_HEADER_BYTES - used, 0)
    assert taken.data.startswith(b"HTTP/1.1 200") and not taken.closed
    refused = asked(MOST_HEADER_BYTES - used + 1, 0)
    assert (refused.data, refused.closed) == (REFUSAL, True)
    assert asked(1, 100).data.startswith(b"HTTP/1.1 200")
    assert (asked(1, 101).data, asked(1, 101).closed) == (REFUSAL, True)


class Silent:
    """A decision process that doesn't come to answering."""

    alive = True

    async def ping(self):
        await asyncio.sleep(3600)


def test_status_does_not_wait_for_a_process_that_is_busy(monkeypatch):
    monkeypatch.setattr(pool, "REFRESH_SECONDS", 0.05)
    made = pool.Pool([], LogFile(Path(os.devnull)), Peers(), print)
    made.workers = [Silent()]

    async def refresh():
        await asyncio.wait_for(made.refresh(), 30)

    asyncio.run(refresh())


def test_hosts_with_many_rules_are_decided_once_before_the_first_question(monkeypatch):
    """Their rules are compiled at the first decision, which takes longer than a question may."""
    monkeypatch.setattr(worker, "MANY_RULES", 3)
    rules = [BundleRule(ref=f"r{n}", action="block", expression=f'(http.host eq "many.test" and ip.src eq 10.0.0.{n})')
             for n in range(3)]  # fmt: skip
    policy = Policy.from_bundle(
        Bundle(
            hosts=(BundleHost(name="many.test", mtls=False), BundleHost(name="few.test", mtls=False)), rules=(*rules,)
        )
    )
    asked = []
    monkeypatch.setattr(policy, "decide", lambda http: asked.append(http.host))
    worker.warm(policy)
    assert asked == ["many.test"]
