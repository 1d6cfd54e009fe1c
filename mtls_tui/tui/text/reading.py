"""Parses a long invalid text into rows once the typing has paused, so that no key waits for it."""

from __future__ import annotations

from dataclasses import dataclass

from mtls_tui.tui.registry.effects import Host, Timer
from mtls_tui.tui.state.edited_rule import EditedRule

DELAY_S = 0.2
"""Quiet time before it is parsed."""


@dataclass
class Reading:
    """The rule that is scheduled, and the one that is being parsed."""

    timer: Timer | None = None
    wanted: EditedRule | None = None
    running: EditedRule | None = None

    @property
    def busy(self) -> bool:
        """True while a text is being parsed or is scheduled."""
        return self.timer is not None or self.running is not None


def read_soon(host: Host) -> None:
    """Schedule the parsing of the selected rule's text if it is due; any other text restarts the wait."""
    reading, edited = host.kept(Reading), host.document.edited_rule
    if edited is reading.wanted and reading.timer is not None:
        return
    if reading.timer is not None:
        reading.timer.stop()
        reading.timer = reading.wanted = None
    if edited is None or not edited.unread or edited is reading.running:
        return
    reading.wanted = edited
    reading.timer = host.after(DELAY_S, lambda: _read(host))


def _read(host: Host) -> None:
    reading, ref, edited = host.kept(Reading), host.document.view.rule, host.document.edited_rule
    reading.timer = reading.wanted = None
    if edited is None or not edited.unread or edited.broken is None:
        return
    text, reading.running = edited.broken, edited

    def job() -> None:
        from mtls_tui import lang

        try:
            expression = lang.parse(text, max_length=None, check=False)
        except lang.ParseError:
            expression = None
        host.post("text.read", ref=ref, text=text, expression=expression)
        if reading.running is edited:
            reading.running = None

    host.in_thread(job, "read")
