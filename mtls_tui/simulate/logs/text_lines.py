"""Text logs by a template: nginx's combined format and its kin, Envoy's default, or a template you give."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from mtls_tui.simulate.logs.parts import StatusReader, verify_status
from mtls_tui.simulate.logs.tally import BlockTally, LineReader, UnreadableLineError, Values
from mtls_tui.simulate.logs.template import Template, unescaped


@dataclass(frozen=True)
class TextLines(LineReader):
    """A reader of text lines. A line that the template doesn't match can't be read."""

    name: str
    template: Template
    statuses: StatusReader = verify_status

    @property
    def parts(self) -> tuple[str, ...]:
        """What the template's variables give."""
        return self.template.parts

    def key(self, line: bytes) -> Any:
        """What the template's groups hold."""
        matches = self.template.pattern.findall(line)
        if not matches:
            raise UnreadableLineError("not of this format")
        return matches[0]

    def tally(self, block: bytes) -> BlockTally:
        """Count the equal lines of a block; lines that can't be read come with the reason."""
        found: list[Any] = self.template.pattern.findall(block)
        if len(found) != block.count(b"\n") + (not block.endswith(b"\n")):
            return super().tally(block)
        return BlockTally(len(found), Counter(found), [])

    def values(self, key: Any) -> Values:
        """The parts of a counted line."""
        groups = (key,) if isinstance(key, bytes) else key
        if not self.template.parts:
            return {}
        return {part: unescaped(value) for part, value in zip(self.template.parts, groups, strict=True)}
