"""Where log lines come from: a file, gzip, standard input. Memory stays flat whatever the log holds.

Lines come in blocks of whole lines, so that readers can work on many at once. A line longer than `MAX_LINE` is never
held in memory: it is counted and its head kept as a sample.
"""

from __future__ import annotations

import io
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from mtls_tui.simulate.errors import RequestError

BLOCK = 1024 * 1024
MAX_LINE = 256 * 1024
"""Bytes; Cloudflare's and nginx's own lines stay below 64 KiB with all headers logged."""
SAMPLE = 200
GZIP = b"\x1f\x8b"


@dataclass
class Source:
    """A log being read. `read` counts bytes of the file as stored, `size` is its length or None when unknown."""

    name: str
    stream: BinaryIO
    size: int | None = None
    read: int = 0
    too_long: int = 0
    too_long_samples: list[bytes] = field(default_factory=list)
    damage: str = ""
    """Why the log ended early (a gzip file cut off), or ""."""

    def raw(self) -> Iterator[bytes]:
        """Bytes as they come, unpacked when the log is gzip (several members after each other included)."""
        first = self._take()
        if not first.startswith(GZIP):
            while first:
                yield first
                first = self._take()
            return
        unpack = zlib.decompressobj(wbits=31)
        data = first
        while data or not unpack.eof:
            if not data:
                data = self._take()
                if not data:
                    self.damage = "the gzip data ends too early"
                    return
            try:
                # A bound on what one piece may become: a decompression bomb comes in bits like any other log.
                piece = unpack.decompress(data, BLOCK)
            except zlib.error as error:
                self.damage = f"the gzip data is damaged: {error}"
                return
            if piece:
                yield piece
            data = unpack.unconsumed_tail
            if unpack.eof:
                data = unpack.unused_data or self._take()
                while data[:1] == b"\0":  # padding after a member, as tar writes it
                    data = data.lstrip(b"\0") or self._take()
                if not data.startswith(GZIP):
                    if data:
                        self.damage = "there is something after the gzip data"
                    return
                unpack = zlib.decompressobj(wbits=31)

    def blocks(self) -> Iterator[bytes]:
        """Blocks of whole lines, each ending in a newline (but perhaps the last)."""
        pending = b""
        skipping = False
        for piece in self.raw():
            if skipping:
                cut = piece.find(b"\n")
                if cut < 0:
                    continue
                piece, skipping = piece[cut + 1 :], False
            data = pending + piece if pending else piece
            end = data.rfind(b"\n") + 1
            pending = data[end:]
            if len(pending) > MAX_LINE:
                self._too_long(pending)
                pending, skipping = b"", True
            if end:
                yield data[:end]
        if pending:
            yield pending

    def _take(self) -> bytes:
        try:
            data = self.stream.read1(BLOCK) if isinstance(self.stream, io.BufferedReader) else self.stream.read(BLOCK)
        except OSError as error:
            raise RequestError(f"{self.name}: {error.strerror or error}") from None
        self.read += len(data)
        return data

    def _too_long(self, head: bytes) -> None:
        self.too_long += 1
        if len(self.too_long_samples) < 3:
            self.too_long_samples.append(head[:SAMPLE])


def open_log(name: str) -> Source:
    """The log of that name; `-` is standard input. RequestError when it can't be opened."""
    if name == "-":
        return Source("standard input", sys.stdin.buffer)
    try:
        path = Path(name)
        stream = path.open("rb")
        size = path.stat().st_size if path.is_file() else None
    except OSError as error:
        raise RequestError(f"{name}: {error.strerror or error}") from None
    return Source(name, stream, size)
