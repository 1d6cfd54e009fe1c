"""What is known of the stated properties, as plain data for the views. `judged_in` runs in a worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtls_tui.tui.state.content import Content, says_other, with_edits_written

if TYPE_CHECKING:
    from mtls_tui.analysis.properties import PropertyAnswer

MARKS = {"proved": ("✓", "good"), "broken": ("✗", "bad"), "open": ("?", "warn")}


@dataclass(frozen=True, slots=True)
class Properties:
    """An answer for each property of one content, in the order of its file."""

    content: Content
    answers: tuple[PropertyAnswer, ...] = ()

    def counted(self, status: str) -> int:
        """How many have this status."""
        return sum(answer.status == status for answer in self.answers)

    def holds_for(self, content: Content) -> bool:
        """Whether the answers are about what another content says, too."""
        return content is self.content or not says_other(content, self.content)


def judged_in(content: Content, wanted: Callable[[], bool]) -> Properties | None:
    """The answers for a content as it would be saved; None if the file has problems, or nobody wants them any more."""
    from mtls_tui.analysis.properties_in_file import judged_while

    file = with_edits_written(content).file
    if file.problems:
        return None
    try:
        answers = judged_while(file, wanted)
    except ValueError:  # a certificate that is gone since
        return None
    return None if answers is None else Properties(content, tuple(answers))
