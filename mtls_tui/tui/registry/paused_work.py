"""Slow work over the content of the document, beside the screen, once the typing has paused.

One run at a time; every edit delays the next one, and the newest content wins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mtls_tui.tui.registry.effects import Host, Timer
from mtls_tui.tui.state.content import Content

DELAY_S, MOST_DELAY_S = 0.25, 3.0
"""Quiet time before a run; longer for files that take long."""


@dataclass
class PausedWork:
    """What is under way, how long the last run took, and of which content it was. A subject has a class of its own."""

    timer: Timer | None = None
    running: bool = False
    took_s: float = 0.0
    done_for: Content | None = None

    @property
    def busy(self) -> bool:
        """True while it runs or is scheduled."""
        return self.timer is not None or self.running

    def soon(self, host: Host, run: Callable[[Content], None]) -> None:
        """Schedule a run unless the content was already worked on. `run` begins it, `over` has to follow."""
        if self.timer is not None:
            self.timer.stop()
            self.timer = None
        if self.running or self.done_for is host.document.content:
            return

        def begin() -> None:
            self.timer, self.running = None, True
            run(host.document.content)

        self.timer = host.after(min(MOST_DELAY_S, max(DELAY_S, 2 * self.took_s)), begin)

    def over(self, content: Content, took_s: float) -> None:
        """A run has ended after so many seconds."""
        self.running, self.took_s, self.done_for = False, took_s, content
