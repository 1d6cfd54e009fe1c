"""Runs lint in a worker thread once the typing has paused: it costs more than a verdict.

One run at a time; every edit delays the next one, and the newest content wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

from mtls_tui.tui.findings.effects import Linted
from mtls_tui.tui.registry.effects import Host, Timer, handles
from mtls_tui.tui.state.content import Content

DELAY_S, MOST_DELAY_S = 0.25, 3.0
"""Quiet time before lint runs; longer for files that take long."""


@dataclass
class Linting:
    """What is under way, how long the last run took, and of which content it was."""

    timer: Timer | None = None
    running: bool = False
    took_s: float = 0.0
    done_for: Content | None = None

    @property
    def busy(self) -> bool:
        """True while lint runs or is scheduled."""
        return self.timer is not None or self.running


def lint_soon(host: Host) -> None:
    """Schedule a run of lint unless the content was already checked."""
    linting = host.kept(Linting)
    if linting.timer is not None:
        linting.timer.stop()
        linting.timer = None
    if linting.running or linting.done_for is host.document.content:
        return
    delay = min(MOST_DELAY_S, max(DELAY_S, 2 * linting.took_s))
    linting.timer = host.after(delay, lambda: _run(host))


def _run(host: Host) -> None:
    linting, content = host.kept(Linting), host.document.content
    linting.timer, linting.running = None, True

    def job() -> None:
        from mtls_tui.tui.state.findings import found_in

        begin = monotonic()
        found = found_in(content, datetime.now(UTC))
        host.post("findings.arrived", content=content, found=found, took_s=monotonic() - begin)

    host.in_thread(job, "lint")


@handles(Linted)
def _linted(effect: Linted, host: Host) -> None:
    linting = host.kept(Linting)
    linting.running, linting.took_s, linting.done_for = False, effect.took_s, effect.content
    lint_soon(host)
