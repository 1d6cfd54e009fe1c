"""How Envoy tells of open WebSockets: gRPC streams (HTTP/2 without TLS on the decision process' socket), one for each.

A stream begins with the handshake and is kept open from then on. Envoy ends it when the WebSocket is over; when it ends
with an error from here, or breaks because this process is gone, Envoy ends the WebSocket.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError, StreamClosedError

from mtls_tui.gateway import extproc
from mtls_tui.gateway.tunnels import Tunnel, Tunnels

PREFACE = b"PRI"
"""How a connection begins that is HTTP/2 (RFC 9113 section 3.4)."""
LONGEST = 512 * 1024
"""Octets of a handshake: all headers and the presented chain."""
HEAD = [(":status", "200"), ("content-type", "application/grpc")]
DENIED = [("grpc-status", "7"), ("grpc-message", "this WebSocket may not go on")]
"""The end of a stream: PERMISSION_DENIED."""
DONE = [("grpc-status", "0")]
"""The end of a stream that Envoy has ended."""


class TunnelConnection:
    """One HTTP/2 connection of Envoy's, from the first octets on. An asyncio protocol in all but its base class."""

    def __init__(self, tunnels: Tunnels, transport: Any) -> None:
        self._tunnels, self._transport = tunnels, transport
        self._http = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self._begun: dict[int, bytes] = {}
        self._open: dict[int, Tunnel] = {}
        self._http.initiate_connection()

    def data_received(self, data: bytes) -> None:
        """Take what Envoy says."""
        try:
            for event in self._http.receive_data(data):
                self._take(event)
        except ProtocolError:
            self._transport.close()
        self._send()

    def connection_lost(self) -> None:
        """Envoy ended, or closed it: what was told here is over."""
        for tunnel in self._open.values():
            self._tunnels.closed(tunnel)
        self._open.clear()

    def _take(self, event: object) -> None:
        if isinstance(event, RequestReceived):
            self._begun[event.stream_id] = b""
        elif isinstance(event, DataReceived):
            self._http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if event.stream_id in self._begun:
                self._read(event.stream_id, event.data)
        elif isinstance(event, StreamReset):
            self._forget(event.stream_id)
        elif isinstance(event, StreamEnded) and self._forget(event.stream_id):
            self._reply(event.stream_id, DONE, end=True)

    def _read(self, stream: int, data: bytes) -> None:
        self._begun[stream] += data
        try:
            text = extproc.message(self._begun[stream], LONGEST)
            asking = extproc.handshake(text) if text is not None else None
        except ValueError:
            del self._begun[stream]
            self._reply(stream, HEAD)
            self._reply(stream, DENIED, end=True)
            return
        if asking is None:
            return
        del self._begun[stream]
        self._reply(stream, HEAD)
        tunnel = self._tunnels.opened(asking, time.time(), lambda: self._end(stream))
        if tunnel is None:
            self._reply(stream, DENIED, end=True)
        else:
            self._open[stream] = tunnel
            with contextlib.suppress(StreamClosedError):
                self._http.send_data(stream, extproc.GO_ON)

    def _forget(self, stream: int) -> bool:
        """Whether a WebSocket was open there."""
        self._begun.pop(stream, None)
        tunnel = self._open.pop(stream, None)
        if tunnel is not None:
            self._tunnels.closed(tunnel)
        return tunnel is not None

    def _end(self, stream: int) -> None:
        if self._open.pop(stream, None) is not None:
            self._reply(stream, DENIED, end=True)
            self._send()

    def _reply(self, stream: int, headers: list[tuple[str, str]], *, end: bool = False) -> None:
        # Envoy may have closed the stream in the same breath; that must not touch the others.
        with contextlib.suppress(StreamClosedError):
            self._http.send_headers(stream, headers, end_stream=end)

    def _send(self) -> None:
        if data := self._http.data_to_send():
            self._transport.write(data)
