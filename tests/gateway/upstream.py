"""An upstream that keeps every byte it got, and echoes what it was asked as JSON. After 101 it echoes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading

PRIMING = b"/told-of"
"""The path of requests that let Envoy learn of certificates before a test; they are not recorded."""


class Upstream:
    """`with Upstream() as up:` - `up.port`, `up.requests` (raw heads in order of arrival), `up.bodies`."""

    def __init__(self, tls=None):
        self.requests: list[bytes] = []
        self.bodies: list[bytes] = []
        self.extra = b""
        self._tls = tls
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)

    def __enter__(self):
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)

    async def _main(self):
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._end.wait()
        server.close()

    def seen(self, marker: str) -> list[str]:
        """The heads whose request line holds a marker."""
        return [head.decode("latin-1") for head in list(self.requests) if marker.encode() in head.split(b"\r\n")[0]]

    async def _serve(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if PRIMING not in head:
                    self.requests.append(head)
                lower = head.lower()
                if b"upgrade: websocket" in lower:
                    writer.write(
                        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"
                    )
                    while data := await reader.read(4096):
                        writer.write(data)
                    return
                body = await self._body(reader, lower)
                if PRIMING not in head:
                    self.bodies.append(body)
                lines = head.decode("latin-1").split("\r\n")
                pairs = [line.partition(": ")[::2] for line in lines[1:] if line]
                data = json.dumps({"line": lines[0], "headers": pairs, "body": len(body)}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\n%scontent-length: %d\r\n\r\n" % (self.extra, len(data)))
                writer.write(b"" if head.startswith(b"HEAD ") else data)
                await writer.drain()
        writer.close()

    async def _body(self, reader, lower: bytes) -> bytes:
        if b"transfer-encoding: chunked" in lower:
            body = b""
            while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readuntil(b"\r\n")
            return body
        if b"content-length: " in lower:
            return await reader.readexactly(int(lower.split(b"content-length: ")[1].split(b"\r\n")[0]))
        return b""
