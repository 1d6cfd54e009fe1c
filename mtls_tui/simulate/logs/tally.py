"""What every reader of log lines offers: equal lines counted, unreadable ones with their reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from mtls_tui.simulate.logs.parts import StatusReader

Values: TypeAlias = Mapping[str, Any]


@dataclass(slots=True)
class BlockTally:
    """The lines of one block: how many, how often each distinct one, and those that can't be read."""

    total: int
    counts: Counter[Any]
    bad: list[tuple[str, bytes]]


class LineReader(Protocol):
    """A format. A key stands for all lines that tell the same; `values` are the parts that it tells."""

    @property
    def name(self) -> str:
        """The format's name."""

    @property
    def parts(self) -> tuple[str, ...]:
        """What it gives, in the order of a key's values."""

    @property
    def statuses(self) -> StatusReader:
        """How it writes the verdict on the client certificate."""

    def tally(self, block: bytes) -> BlockTally:
        """Count the equal lines of a block."""

    def values(self, key: Any) -> Values:
        """The parts of a counted line."""

    def find(self, block: bytes, key: Any) -> bytes:
        """A line of the block that is counted under the key."""
