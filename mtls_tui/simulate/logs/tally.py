"""What every reader of log lines offers: equal lines counted, unreadable ones with their reason."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

from mtls_tui.simulate.logs.parts import StatusReader

Values: TypeAlias = Mapping[str, Any]


@dataclass(slots=True)
class BlockTally:
    """The lines of one block: how many, how often each distinct one, and those that can't be read."""

    total: int
    counts: Counter[Any]
    bad: list[tuple[str, bytes]]


class UnreadableLineError(Exception):
    """A line that is not of the format; the message says why."""


class LineReader(ABC):
    """A format. A key stands for all lines that tell the same; `values` are the parts that it tells."""

    name: str
    """The format's name."""
    statuses: StatusReader
    """How it writes the verdict on the client certificate."""

    @property
    @abstractmethod
    def parts(self) -> tuple[str, ...]:
        """What it gives, in the order of a key's values."""

    @abstractmethod
    def key(self, line: bytes) -> Any:
        """The key that a line is counted under. Raises UnreadableLineError if it is not of the format."""

    @abstractmethod
    def values(self, key: Any) -> Values:
        """The parts of a counted line."""

    def tally(self, block: bytes) -> BlockTally:
        """Count the equal lines of a block, one by one; lines that can't be read come with the reason."""
        tally = BlockTally(0, Counter(), [])
        for line in block.split(b"\n"):
            if line.strip():
                tally.total += 1
                try:
                    tally.counts[self.key(line)] += 1
                except UnreadableLineError as error:
                    tally.bad.append((str(error), line))
        return tally

    def find(self, block: bytes, key: Any) -> bytes:
        """A line of the block that is counted under the key."""
        for line in block.split(b"\n"):
            with suppress(UnreadableLineError):
                if line.strip() and self.key(line) == key:
                    return line
        return b""
