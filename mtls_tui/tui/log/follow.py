"""Follows a log that another process writes, through rotation, truncation and endless lines, in bounded memory."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mtls_tui.files import near

FIRST = 256 * 1024
"""Most bytes of existing content that are shown at the start."""
MOST = 1024 * 1024
"""Most bytes read at once; what exceeds it is skipped and counted."""
LONGEST_LINE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Batch:
    """What was written since the last read."""

    lines: tuple[bytes, ...] = ()
    skipped: int = 0
    """Bytes skipped."""
    overlong: int = 0
    """Lines longer than `LONGEST_LINE`, left out."""
    problem: str = ""


class Follower:
    """Follows one file. `read` never raises and never waits."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        self._place = 0
        self._rest = b""
        self._dropping = False
        self._fresh = True

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        self._rest, self._dropping, self._place = b"", False, 0

    def read(self) -> Batch:
        """What was written since the last read."""
        try:
            return self._read()
        except (OSError, ValueError) as error:
            self.close()
            return Batch(problem=f"{self.path.name}: {(getattr(error, 'strerror', None) or str(error)).lower()}")

    def _read(self) -> Batch:
        if self._descriptor is None and not self._open():
            return Batch(problem=f"{self.path.name} is not there; it is waited for")
        batch = self._take()
        if self._replaced():
            # The rest of the old one is read; go on with the new one from its beginning.
            last = (self._rest,) if self._rest and not self._dropping else ()
            self.close()
            lines = (*batch.lines, *last)
            if not self._open():
                return Batch(lines, batch.skipped, batch.overlong)
            more = self._take()
            return Batch((*lines, *more.lines), batch.skipped + more.skipped, batch.overlong + more.overlong)
        return batch

    def _open(self) -> bool:
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            self._fresh = False  # what appears from now on is new from its first line on
            return False
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise OSError(0, "not a file")
        self._descriptor = descriptor
        if self._fresh and status.st_size > FIRST:
            self._place = status.st_size - FIRST
            self._dropping = True  # the first line is cut
        self._fresh = False
        return True

    def _replaced(self) -> bool:
        assert self._descriptor is not None
        try:
            now, ours = self.path.stat(), os.fstat(self._descriptor)
        except FileNotFoundError:
            return False  # moved away, and the new one is yet to come: the old one may still be written
        return (now.st_dev, now.st_ino) != (ours.st_dev, ours.st_ino)

    def _take(self) -> Batch:
        assert self._descriptor is not None
        size = os.fstat(self._descriptor).st_size
        if size < self._place:  # truncated: its writer starts over
            self._place, self._rest, self._dropping = 0, b"", False
        skipped = 0
        if size - self._place > MOST:
            skipped = size - MOST - self._place
            self._place, self._rest, self._dropping = size - MOST, b"", True
        data = os.pread(self._descriptor, MOST, self._place) if size > self._place else b""
        self._place += len(data)
        lines, overlong = self._lines(data)
        return Batch(lines, skipped, overlong)

    def _lines(self, data: bytes) -> tuple[tuple[bytes, ...], int]:
        if not data:
            return (), 0
        overlong = 0
        *whole, rest = data.split(b"\n")
        if whole:
            if self._dropping:
                self._dropping = False
                whole = whole[1:]
            else:
                whole[0] = self._rest + whole[0]
            self._rest = rest
        elif not self._dropping:
            self._rest += rest
        if len(self._rest) > LONGEST_LINE:
            self._rest, self._dropping = b"", True
            overlong += 1
        kept = [line for line in whole if len(line) <= LONGEST_LINE]
        overlong += len(whole) - len(kept)
        return tuple(line for line in kept if line.strip()), overlong


def logs_near(folder: Path) -> tuple[str, ...]:
    """Access logs of the gateway in a folder and one level below, the last written first, relative to it."""
    found: list[tuple[int, str]] = []
    for path in near(folder, (".log", ".jsonl"))[:200]:
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                continue
            with path.open("rb") as file:
                head = file.readline(LONGEST_LINE)
        except OSError:
            continue
        named = path.name in ("access.log", "access.jsonl")
        if is_ours(head) or (named and not head):
            found.append((-status.st_mtime_ns, os.path.relpath(path, folder)))
    return tuple(name for _, name in sorted(found))


def is_ours(line: bytes) -> bool:
    """True if a line belongs to the gateway's access log."""
    try:
        data = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
    return isinstance(data, dict) and data.get("kind") in ("decision", "answer") and "time" in data
