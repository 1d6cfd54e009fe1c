"""A real HTTPS client with a client certificate, for the tour: standard library, one connection kept alive."""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, body, and who answered."""

    status: int
    body: bytes

    @property
    def blocked(self) -> bool:
        """The upstream did not see the request. It marks every answer of its own."""
        return b'"reached": "upstream"' not in self.body


class TlsClient:
    """One TLS connection to the gateway, `host` as SNI and Host, with or without a certificate."""

    def __init__(
        self, host: str, port: int, server_authority: Path, certificate: Path | None = None, key: Path | None = None
    ) -> None:
        self._host = host
        self._port = port
        context = ssl.create_default_context(cafile=str(server_authority))
        if certificate is not None:
            context.load_cert_chain(certificate, key)
        self._connection = _LoopbackConnection(host, port, context=context, timeout=10)

    def request(self, path: str, method: str = "GET") -> Answer:
        """Send a request on the same connection. OSError or HTTPException when the connection fails."""
        self._connection.request(method, path, headers={"host": f"{self._host}:{self._port}", "content-length": "0"})
        response = self._connection.getresponse()
        return Answer(response.status, response.read())

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


class _LoopbackConnection(http.client.HTTPSConnection):
    """Connects to loopback whatever the name resolves to, and checks the certificate for the name."""

    def __init__(self, host: str, port: int, *, context: ssl.SSLContext, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout, context=context)
        self._tls = context

    def connect(self) -> None:
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=self.timeout)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
