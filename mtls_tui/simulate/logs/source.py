"""Where log lines come from: a file, gzip, standard input. Memory stays flat whatever the log holds.

Lines come in blocks of whole lines, so that readers can work on many at once. A line longer than `MAX_LINE` is never
held in memory: it is counted and its head kept as a sample.
"""

from __future__ import annotations

import io
import os
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
class LogSource:
    """A log being read. `read` counts bytes of the file as stored, `size` is its length or None when unknown."""

    name: str
    stream: BinaryIO
    size: int | None = None
    read: int = 0
    too_long: int = 0
    too_long_samples: list[bytes] = field(default_factory=list)
    damage: str = ""
    """Why the log ended early (a gzip file cut off), or ""."""
    path: str = ""
    """The file's path when it can be read in several places at once."""

    @property
    def divisible(self) -> bool:
        """Whether several processes can each read a part: a file of a known size that is not packed."""
        if not self.path or not self.size:
            return False
        with Path(self.path).open("rb") as stream:
            return stream.read(2) != GZIP

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


class FileSlice(io.RawIOBase):
    """The lines of a file that begin at `start` or after it and before `end`: what one worker of several reads."""

    def __init__(self, path: str, start: int, end: int) -> None:
        self._file = Path(path).open("rb")  # noqa: SIM115 - closed with this object
        self._left = end - start
        self._over = self._left <= 0
        if start:
            # The line that began before belongs to the range before; it ends at the first newline from here.
            self._file.seek(start - 1)
            self._left += 1
            while not self._over:
                head = self._piece(BLOCK)
                if not head:
                    self._over = True
                elif (cut := head.find(b"\n")) >= 0:
                    self._file.seek(cut + 1 - len(head), 1)
                    self._left += len(head) - cut - 1
                    # Nothing left: no line begins in this range.
                    self._over = self._left <= 0
                    break

    def read(self, size: int = -1) -> bytes:
        """Some bytes; after the end of the range, the rest of its last line."""
        if self._over:
            return b""
        if self._left > 0:
            data = self._piece(size if size > 0 else BLOCK)
            if self._left <= 0 and data.endswith(b"\n"):
                self._over = True
            return data
        data = self._file.read(size if size > 0 else BLOCK)
        cut = data.find(b"\n")
        if cut >= 0 or not data:
            self._over = True
        return data[: cut + 1] if cut >= 0 else data

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def _piece(self, size: int) -> bytes:
        data = self._file.read(min(size, self._left))
        self._left -= len(data)
        if not data:
            self._left = 0
        return data


def ranges(size: int, length: int) -> Iterator[tuple[int, int]]:
    """Ranges of a length that cover a file of a size."""
    for start in range(0, size, length):
        yield start, min(start + length, size)


def _without_waiting(path: str, flags: int) -> int:
    """Opens a FIFO without waiting for somebody to write to it."""
    return os.open(path, flags | os.O_NONBLOCK)


def open_log(name: str) -> LogSource:
    """The log of that name; `-` is standard input. Raises RequestError if it can't be opened."""
    if name == "-":
        return LogSource("standard input", sys.stdin.buffer)
    try:
        path = Path(name)
        stream = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 - Path.open takes no opener
        os.set_blocking(stream.fileno(), True)
        if path.is_fifo() and not stream.peek(1):
            raise RequestError(f"{name}: a pipe that nobody writes to; name a file, or `-` for standard input")
        size = path.stat().st_size if path.is_file() else None
    except OSError as error:
        raise RequestError(f"{name}: {error.strerror or error}") from None
    return LogSource(name, stream, size, path=name if size is not None else "")
