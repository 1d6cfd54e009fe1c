"""What became of a process's log lines, in memory shared with its supervisor: a killed process tells nothing."""

from __future__ import annotations

import mmap
import os
import tempfile

SIZE = mmap.PAGESIZE
ADDED, WRITTEN, LOST = range(3)


def memory() -> int:
    """The descriptor of new shared memory, all zeros; a child can inherit it."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("mtls-tui-tally")
    else:  # pragma: no cover - not on Linux
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, SIZE)
    return descriptor


class Tally:
    """Counts of lines. One process writes, others may read at any time."""

    def __init__(self, descriptor: int = -1) -> None:
        """On shared memory, which may be closed afterwards; -1: memory of its own."""
        self._numbers = memoryview(mmap.mmap(descriptor, SIZE)).cast("Q")

    def added(self) -> None:
        """One more line was handed in."""
        self._numbers[ADDED] += 1

    def settle(self, written: int, lost: int) -> None:
        """So many of them are written, so many lost."""
        self._numbers[WRITTEN] += written
        self._numbers[LOST] += lost

    @property
    def lost(self) -> int:
        """Lines that could not be written."""
        return self._numbers[LOST]

    @property
    def open(self) -> int:
        """Lines that are neither written nor lost yet; of a dead process they are lost."""
        return max(0, self._numbers[ADDED] - self._numbers[WRITTEN] - self._numbers[LOST])
