"""Clients that write bytes: HTTP/1.1 raw on TLS, and just enough HTTP/2 (RFC 9113, HPACK without dynamic table)."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Answer:
    """What came back; status 0 when the connection was closed without an answer."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Connection:
    """A TLS connection to the gateway. `sni` None sends none; `cert` is (chain file, key file)."""

    def __init__(self, port, sni, cert=None, *, alpn="http/1.1", session=None, context=None, ca=None, version=None):
        if context is None:
            context = make_context(cert, ca=ca, version=version)
        context.set_alpn_protocols([alpn])
        self.context = context
        plain = socket.create_connection(("127.0.0.1", port), timeout=10)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.tls = context.wrap_socket(plain, server_hostname=sni, session=session)
        except BaseException:
            plain.close()
            raise
        self._rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.tls.close()

    # --- HTTP/1.1 ---------------------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        self.tls.sendall(data)

    def get(self, path="/", host="api.example.com", method="GET", headers=(), body=b"") -> Answer:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in headers)]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        return self.read(head_only=method == "HEAD")

    def read(self, *, head_only=False) -> Answer:
        try:
            while b"\r\n\r\n" not in self._rest:
                self._more()
            head, _, self._rest = self._rest.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            headers = {}
            for line in lines[1:]:
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            status = int(lines[0].split(" ")[1])
            if status == 101 or head_only or status == 204:
                return Answer(status, headers)
            return Answer(status, headers, self._body(headers))
        except (EOFError, ConnectionError, ssl.SSLError):
            return Answer(0)

    def _body(self, headers) -> bytes:
        if "chunked" in headers.get("transfer-encoding", ""):
            body = b""
            while True:
                size = int(self._line().split(b";")[0], 16)
                body += self._exactly(size)
                self._line()
                if size == 0:
                    return body
        return self._exactly(int(headers.get("content-length", 0)))

    def _line(self) -> bytes:
        while b"\r\n" not in self._rest:
            self._more()
        line, _, self._rest = self._rest.partition(b"\r\n")
        return line

    def _exactly(self, size: int) -> bytes:
        while len(self._rest) < size:
            self._more()
        data, self._rest = self._rest[:size], self._rest[size:]
        return data

    def _more(self) -> None:
        data = self.tls.recv(65536)
        if not data:
            raise EOFError
        self._rest += data

    # --- HTTP/2 -----------------------------------------------------------------------------------------------------

    _stream = -1

    def h2_get(self, path="/", host="api.example.com", method="GET", headers=(), pseudo=None, body=b"") -> Answer:
        if pseudo is None:
            pseudo = [(":method", method), (":scheme", "https"), (":authority", host), (":path", path)]
        block = b"".join(literal(name, value) for name, value in [*pseudo, *headers])
        return self.h2_block(block, body)

    def h2_block(self, block: bytes, body: bytes = b"") -> Answer:
        """Send a header block, read the answer; RST_STREAM and GOAWAY are status 0."""
        out = b""
        if self._stream < 0:
            # No dynamic table, so that answers are read without one (RFC 7541 section 4.2).
            out += b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"\x00\x01\x00\x00\x00\x00")
        self._stream += 2
        out += frame(1, 4 if body else 5, self._stream, block)
        if body:
            out += frame(0, 1, self._stream, body)
        try:
            self.send(out)
            return self.h2_answer(self._stream)
        except (EOFError, ConnectionError, ssl.SSLError):
            return Answer(0)

    def h2_answer(self, stream: int) -> Answer:
        answer = Answer(0)
        while True:
            head = self._exactly(9)
            size, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
            number = int.from_bytes(head[5:], "big") & 0x7FFFFFFF
            payload = self._exactly(size)
            if kind == 4 and not flags & 1:
                self.send(frame(4, 1, 0, b""))
            elif kind == 7 or (kind == 3 and number == stream):
                return answer
            elif number == stream and kind == 1:
                answer.status = status_of(payload)
            elif number == stream and kind == 0:
                answer.body += payload
            if number == stream and kind in (0, 1) and flags & 1:
                return answer


def make_context(cert=None, *, ca: Path | None = None, version=None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(ca)
    if cert is not None:
        context.load_cert_chain(*cert)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def literal(name: str, value: str) -> bytes:
    """A header field without indexing, name and value as plain octets (RFC 7541 section 6.2.2)."""
    return b"\x00" + text(name.encode("latin-1")) + text(value.encode("latin-1"))


def text(data: bytes) -> bytes:
    size = len(data)
    if size < 127:
        return bytes([size]) + data
    size -= 127
    head = b"\x7f"
    while size >= 128:
        head += bytes([size & 127 | 128])
        size >>= 7
    return head + bytes([size]) + data


STATIC_STATUS = {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}
DIGITS = {f"{n:05b}": str(n) for n in range(3)} | {f"{n + 22:06b}": str(n) for n in range(3, 10)}
"""Huffman codes of the digits (RFC 7541 appendix B)."""


def status_of(block: bytes) -> int:
    """`:status` of a response's header block, where it stands first."""
    while block[0] & 0xE0 == 0x20:  # a change of the table's size
        block = block[1:]
    if block[0] & 0x80:
        return STATIC_STATUS[block[0] & 0x7F]
    coded, size = block[1] & 0x80, block[1] & 0x7F
    value = block[2 : 2 + size]
    if not coded:
        return int(value)
    bits, digits = "".join(f"{octet:08b}" for octet in value), ""
    while len(digits) < 3:
        width = 5 if bits[:5] in DIGITS else 6
        digits += DIGITS[bits[:width]]
        bits = bits[width:]
    return int(digits)
