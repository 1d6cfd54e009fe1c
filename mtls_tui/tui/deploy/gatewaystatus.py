"""Asks the gateway which bundle it runs."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path

from mtls_tui.tui.state.document import Gateway

TIMEOUT_S = 2.0
MAX_BYTES = 4 * 1024 * 1024


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(str(self.path))


def ask(address: str) -> Gateway:
    """What the gateway at this address (`127.0.0.1:9443` or `unix:PATH`) runs. Never raises."""
    try:
        if address.startswith("unix:"):
            connection: http.client.HTTPConnection = _UnixConnection(Path(address.removeprefix("unix:")))
        else:
            connection = http.client.HTTPConnection(address, timeout=TIMEOUT_S)
        try:
            connection.request("GET", "/status")
            data = json.loads(connection.getresponse().read(MAX_BYTES))
        finally:
            connection.close()
        return Gateway(str(data["digest"]))
    except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException) as error:
        return Gateway(problem=(getattr(error, "strerror", None) or str(error) or type(error).__name__).lower())
