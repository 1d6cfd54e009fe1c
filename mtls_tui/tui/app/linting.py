"""Has lint run beside the screen, once the typing has paused: it costs more than a verdict."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.timer import Timer

    from mtls_tui.tui.app.controller import Controller
    from mtls_tui.tui.state.document import Content
    from mtls_tui.tui.state.findings import Findings

DELAY_S, MOST_DELAY_S = 0.25, 3.0
"""Quiet time before lint; longer for files that it takes long over."""


class Linting:
    """One run at a time; every edit puts the next one off, and the newest content wins."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self._timer: Timer | None = None
        self._running = False
        self._took_s = 0.0
        self._done_for: Content | None = None

    @property
    def busy(self) -> bool:
        """Whether something is being looked for, or will be."""
        return self._timer is not None or self._running

    def start(self) -> None:
        """Have the content looked at, if it hasn't been."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self._running or self._done_for is self.controller.document.content:
            return
        delay = min(MOST_DELAY_S, max(DELAY_S, 2 * self._took_s))
        self._timer = self.controller.app.set_timer(delay, self._run)

    def _run(self) -> None:
        self._timer = None
        self._running = True
        content = self.controller.document.content

        def work() -> None:
            from mtls_tui.tui.state.findings import found_in

            begin = monotonic()
            found = found_in(content, datetime.now(UTC))
            self.controller.from_thread(self._found, content, found, monotonic() - begin)

        self.controller.in_thread(work, "lint")

    def _found(self, content: Content, found: Findings | None, took_s: float) -> None:
        from mtls_tui.tui.findings.actions import renewed

        self._running, self._took_s, self._done_for = False, took_s, content
        document = self.controller.document
        if found is None and (known := document.findings) is not None and known.content.file.path != content.file.path:
            self.controller.document = replace(document, findings=None)
            self.controller.show()
        elif found is not None:
            # While a rule is half typed, what was found last stays.
            self.controller.document = renewed(replace(document, findings=found))
            self.controller.show()
        self.start()
