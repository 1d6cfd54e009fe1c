"""Open WebSockets as a decision process watches them: what Envoy tells, who is judged when, in how much memory."""

import json
import random
import time

import pytest

pytest.importorskip("httptools", reason="the extra `gateway` is not installed")

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, TrailersReceived

from mtls_tui.engine import Bundle
from mtls_tui.engine.bundle import BundleHost, BundleRule
from mtls_tui.engine.policy import Policy
from mtls_tui.gateway import extproc
from mtls_tui.gateway.accesslog import LogWriter
from mtls_tui.gateway.counters import Counters
from mtls_tui.gateway.decision import Decider
from mtls_tui.gateway.envoy.filters import QUESTION_HEADER
from mtls_tui.gateway.questions import read_gateway
from mtls_tui.gateway.tunnels import TUNNEL_BYTES, Tunnels
from mtls_tui.gateway.tunnelwire import TunnelConnection

HOST = "a.example"


def field(number, data):
    size, text = len(data), b""
    while size > 0x7F:
        text, size = text + bytes([size & 0x7F | 0x80]), size >> 7
    return bytes([number << 3 | 2]) + text + bytes([size]) + data


def told(headers=(), path="/ws", host=HOST, connection=f"body|HTTP/1.1|TLSv1.3|x|127.0.0.1|||{HOST}"):
    """A `ProcessingRequest` as Envoy sends it."""
    lines = [(":authority", host), (":path", path), (":method", "GET"), ("upgrade", "websocket"), *headers]
    lines.append((QUESTION_HEADER, connection))
    each = [field(1, field(1, name.encode()) + field(3, value.encode())) for name, value in lines]
    return field(2, field(1, b"".join(each)) + b"\x18\x01") + field(11, b"")


def decider(*expressions, generation=1, shadow=False):
    rules = tuple(
        BundleRule(ref=f"r{number}", expression=text, action="block") for number, text in enumerate(expressions)
    )
    policy = Policy.from_bundle(Bundle(hosts=(BundleHost(name=HOST, mtls=False),), rules=rules))
    return Decider(policy, read_gateway, generation=generation, shadow=shadow, asks={HOST: "headers"})


@pytest.fixture
def tunnels():
    made = Tunnels(LogWriter(0), Counters())
    made.follow(decider())
    return made


class Ended:
    """Keeps whether it was ended."""

    def __init__(self, tunnels, now=None, **request):
        self.done = False
        asking = extproc.handshake(told(**request))
        self.tunnel = tunnels.opened(asking, time.time() if now is None else now, self._end)

    def _end(self):
        self.done = True


def test_handshake_is_what_the_question_would_have_held():
    asking = extproc.handshake(
        told([("x-a", "1"), ("x-a", "2"), ("client-cert", ":AA==:"), ("connection", "Upgrade"),
              ("x-mtls-tui-duplicates", "x-a=1+1")])
    )  # fmt: skip
    assert (asking.method, asking.target) == ("GET", "/ws")
    question = read_gateway(asking)
    names = [name for name, _ in question.http.headers]
    assert (question.http.host, question.sni, question.asked) == (HOST, HOST, "body")
    assert names == ["host", "upgrade", "x-a", "x-a"]


def test_whatever_bytes_come_a_message_is_read_or_refused():
    generator, whole = random.Random(1), told([("x", "y")])
    for _ in range(3000):
        data = bytearray(whole)
        for _ in range(generator.randrange(1, 6)):
            data[generator.randrange(len(data))] = generator.randrange(256)
        try:
            extproc.handshake(bytes(data[: generator.randrange(1, len(data) + 1)]))
        except ValueError:
            continue


async def test_new_rules_end_what_they_refuse_and_nothing_else(tunnels):
    hit, missed = Ended(tunnels, path="/hit"), Ended(tunnels, path="/missed")
    tunnels.follow(decider('http.request.uri.path eq "/hit"', generation=2))
    await tunnels.look()
    assert (hit.done, missed.done, len(tunnels)) == (True, False, 1)
    assert tunnels.counters.decisions == {(HOST, "r0", "ended"): 1}
    assert json.loads(tunnels.log.take()[0])["kind"] == "websocket"


async def test_host_that_is_gone_and_rules_that_read_what_was_not_told_end_it(tunnels):
    gone = Ended(tunnels)
    policy = Policy.from_bundle(Bundle(hosts=(BundleHost(name="b.example", mtls=False),)))
    tunnels.follow(Decider(policy, read_gateway, generation=2, asks={"b.example": "plain"}))
    await tunnels.look()
    assert gone.done


async def test_shadow_mode_ends_nothing(tunnels):
    kept = Ended(tunnels)
    tunnels.follow(decider("true", generation=2, shadow=True))
    await tunnels.look()
    assert not kept.done


async def test_rules_on_the_time_read_the_time_of_the_handshake(tunnels):
    then = time.time() - 1000
    early, late = Ended(tunnels, now=then), Ended(tunnels)
    tunnels.follow(decider(f"http.request.timestamp.sec gt {int(then) + 500}", generation=2))
    await tunnels.look()
    assert (early.done, late.done) == (False, True)


def test_handshake_that_the_newest_rules_refuse_is_not_opened(tunnels):
    tunnels.follow(decider("true", generation=2))
    assert Ended(tunnels).tunnel is None and len(tunnels) == 0


def test_memory_of_open_websockets_is_bounded_and_given_back(tunnels):
    tunnels.most = 10 * TUNNEL_BYTES
    made = [Ended(tunnels, headers=[("x", "y" * 1000)]).tunnel for _ in range(20)]
    kept = [tunnel for tunnel in made if tunnel is not None]
    assert 0 < len(kept) < 10 and tunnels.bytes <= tunnels.most
    for tunnel in kept:
        tunnels.closed(tunnel)
        tunnels.closed(tunnel)
    assert (tunnels.bytes, len(tunnels)) == (0, 0)


class Wire:
    """Envoy's end, without Envoy."""

    def __init__(self, tunnels):
        self.client = H2Connection(H2Configuration(client_side=True))
        self.client.initiate_connection()
        self.closed, self.nods, self.denied = False, set(), set()
        self._server = TunnelConnection(tunnels, self)
        self.flush()

    def open(self, message, *, end=False):
        stream = self.client.get_next_available_stream_id()
        self.client.send_headers(
            stream, [(":method", "POST"), (":scheme", "http"), (":path", "/x"), (":authority", "tunnels")]
        )
        framed = b"\0" + len(message).to_bytes(4, "big") + message
        self.client.send_data(stream, framed[:7])
        self.client.send_data(stream, framed[7:], end_stream=end)
        return stream

    def flush(self):
        self._server.data_received(self.client.data_to_send())

    def write(self, data):
        for event in self.client.receive_data(data):
            if isinstance(event, DataReceived) and event.data:
                self.nods.add((event.stream_id, event.data))
            elif isinstance(event, TrailersReceived) and (b"grpc-status", b"7") in event.headers:
                self.denied.add(event.stream_id)

    def close(self):
        self.closed = True


def test_what_becomes_of_one_websocket_touches_no_other_on_the_same_connection(tunnels):
    wire = Wire(tunnels)
    kept = wire.open(told())
    wire.flush()
    for message, end in [(b"\xff\xff", False), (told(), True), (told(host="strange.example"), False)]:
        wire.open(message, end=end)
        wire.flush()
        reset = wire.open(message, end=end)
        wire.client.reset_stream(reset)  # arrives together with the handshake
        wire.flush()
        half = wire.client.get_next_available_stream_id()
        wire.client.send_headers(
            half,
            [(":method", "POST"), (":scheme", "http"), (":path", "/x"), (":authority", "tunnels")],
            end_stream=True,
        )
        wire.flush()
    assert not wire.closed and len(tunnels) == 1
    assert (kept, extproc.GO_ON) in wire.nods and kept not in wire.denied


async def test_refused_and_ended_ones_are_denied(tunnels):
    wire = Wire(tunnels)
    strange, broken, later = wire.open(told(host="b.example")), wire.open(b"\xff"), wire.open(told())
    wire.flush()
    assert wire.denied == {strange, broken}
    tunnels.follow(decider("true", generation=2))
    await tunnels.look()
    assert wire.denied == {strange, broken, later} and len(tunnels) == 0
