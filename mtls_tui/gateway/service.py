"""The decision service's end of the wire: HTTP/1.1 questions in, answers out, many on one connection.

An `asyncio.Protocol` on httptools. What can't be parsed, is too long or comes from a stranger is refused and the
connection closed: never a 200.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httptools

from mtls_tui.gateway.accesslog import LogLine, LogWriter
from mtls_tui.gateway.counters import Counters
from mtls_tui.gateway.decision import REFUSED, refusal
from mtls_tui.gateway.peers import stranger
from mtls_tui.gateway.questions import RawQuestion
from mtls_tui.gateway.tunnels import Tunnels
from mtls_tui.gateway.tunnelwire import PREFACE, TunnelConnection

MOST_HEADER_BYTES = 512 * 1024
"""A presented chain of BoringSSL's 100 kB comes escaped and in base64."""

LONGEST_KEPT_NAME = 64
"""Characters of a header name that a connection keeps in lower case."""

Answer = Callable[[RawQuestion, float], tuple[bytes, LogLine]]
REFUSAL = refusal(REFUSED).replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n", 1)


class Service:
    """What all connections of a process share: the current `answer`, the log, the counters, who may ask."""

    def __init__(self, log: LogWriter, most_body: int) -> None:
        self.answer: Answer | None = None
        self.log = log
        self.most_body = most_body
        self.counters = Counters()
        self.admit: Callable[[asyncio.BaseTransport], str | None] = lambda transport: ""
        """The asker's address (empty for a local socket), or None for a stranger."""
        self.tunnels: Tunnels | None = None
        """The open WebSockets of our Envoy; None where others ask."""
        self.connections: set[Connection] = set()
        self.draining = False
        """Whether a connection is closed after its next answer, which says so."""


class Connection(asyncio.Protocol):
    """One connection of a proxy."""

    __slots__ = (
        "_bad", "_body", "_fresh", "_headers", "_names", "_parser", "_peer", "_service", "_size", "_transport",
        "_tunnels", "_url",
    )  # fmt: skip

    def __init__(self, service: Service) -> None:
        self._service = service
        self._names: dict[bytes, str] = {}
        self._bad = False
        self._fresh = True
        self._tunnels: TunnelConnection | None = None
        self._reset()

    def _reset(self) -> None:
        self._url = b""
        self._headers: list[tuple[str, bytes]] = []
        self._body: list[bytes] = []
        self._size = 0

    # --- asyncio ----------------------------------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        """Let in, or close at once. The transport may be uvloop's, which is not one of asyncio's classes."""
        self._transport = transport
        peer = self._service.admit(transport)
        if peer is None:
            self._bad = True
            self._service.log.add(LogLine.of(None, time.time(), action="block", rule="", reason=stranger(transport)))
            transport.write(REFUSAL)
            transport.close()
            return
        self._peer = peer
        self._parser: Any = httptools.HttpRequestParser(self)
        self._service.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._service.connections.discard(self)
        if self._tunnels is not None:
            self._tunnels.connection_lost()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; it calls back."""
        if self._bad:
            return
        tunnels = self._service.tunnels
        if self._fresh and tunnels is not None and tunnels.watching and data.startswith(PREFACE):
            self._tunnels = TunnelConnection(tunnels, self._transport)
        self._fresh = False
        if self._tunnels is not None:
            self._tunnels.data_received(data)
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._give_up()  # the question was answered; what follows would be another protocol
        except (httptools.HttpParserError, ValueError):
            self._give_up()

    def close(self) -> None:
        """Close when everything is sent."""
        self._transport.close()

    def _give_up(self) -> None:
        if not self._bad:
            self._bad = True
            self._transport.write(REFUSAL)
            self._transport.close()

    # --- httptools --------------------------------------------------------------------------------------------------

    def on_url(self, url: bytes) -> None:
        """A piece of the request target."""
        self._url += url
        self._grow(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header line."""
        known = self._names.get(name)
        if known is None:
            known = name.decode("latin-1").lower()
            if len(name) <= LONGEST_KEPT_NAME:  # clients choose names, and connections live long
                if len(self._names) > 256:
                    self._names.clear()
                self._names[name] = known
        self._headers.append((known, value))
        self._grow(len(name) + len(value))

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > MOST_HEADER_BYTES:
            raise ValueError("the headers are too long")

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._body.append(body)
        if sum(map(len, self._body)) > self._service.most_body:
            raise ValueError("the body is too long")

    def on_message_complete(self) -> None:
        """The question is whole: answer it."""
        if self._bad:
            return
        service, parser = self._service, self._parser
        method = parser.get_method().decode("latin-1")
        asking = RawQuestion(method, self._url.decode("latin-1"), self._headers, b"".join(self._body), self._peer)
        self._reset()
        begin = time.perf_counter()
        if service.answer is None:
            self._give_up()
            return
        data, line = service.answer(asking, time.time())
        if method == "HEAD":
            data = data[: data.index(b"\r\n\r\n") + 4]
        keep = parser.should_keep_alive() and not service.draining
        if service.draining:
            data = data.replace(b"\r\n", b"\r\nconnection: close\r\n", 1)
        spent = time.perf_counter() - begin
        service.counters.time(spent)
        line.microseconds = int(spent * 1_000_000)
        service.log.add(line)  # first: an answer without a line must not be, whenever this process is killed
        self._transport.write(data)
        if not keep:
            self._bad = True
            self._transport.close()
