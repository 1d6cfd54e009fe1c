"""Text logs by a template: nginx's combined format and its kin, Envoy's default, or a template you give."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from mtls_tui.simulate.logs.parts import StatusReader, verify_status
from mtls_tui.simulate.logs.tally import BlockTally, Values
from mtls_tui.simulate.logs.template import Template, unescaped


@dataclass(frozen=True)
class TextLines:
    """A reader of text lines. A line that the template doesn't match can't be read."""

    name: str
    template: Template
    statuses: StatusReader = verify_status

    @property
    def parts(self) -> tuple[str, ...]:
        """What the template's variables give."""
        return self.template.parts

    def tally(self, block: bytes) -> BlockTally:
        """Count the equal lines of a block."""
        pattern = self.template.pattern
        total = block.count(b"\n") + (not block.endswith(b"\n"))
        found: list[Any] = pattern.findall(block)
        if len(found) == total:
            return BlockTally(total, Counter(found), [])
        counts: Counter[Any] = Counter()
        bad: list[tuple[str, bytes]] = []
        total = 0
        for line in block.split(b"\n"):
            if not line.strip():
                continue
            total += 1
            matches = pattern.findall(line)
            if matches:
                counts[matches[0]] += 1
            else:
                bad.append(("not of this format", line))
        return BlockTally(total, counts, bad)

    def values(self, key: Any) -> Values:
        """The parts of a counted line."""
        groups = (key,) if isinstance(key, bytes) else key
        if not self.template.parts:
            return {}
        return {part: unescaped(value) for part, value in zip(self.template.parts, groups, strict=True)}

    def find(self, block: bytes, key: Any) -> bytes:
        """A line of the block that is counted under the key."""
        for line in block.split(b"\n"):
            if self.template.pattern.findall(line)[:1] == [key]:
                return line
        return b""
