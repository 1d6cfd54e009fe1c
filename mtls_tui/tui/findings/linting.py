"""Runs lint in a worker thread once the typing has paused: it costs more than a verdict."""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic

from mtls_tui.tui.findings.effects import Linted
from mtls_tui.tui.registry.effects import Host, handles
from mtls_tui.tui.registry.paused_work import PausedWork
from mtls_tui.tui.state.content import Content


class Linting(PausedWork):
    """The runs of lint."""


def lint_soon(host: Host) -> None:
    """Schedule a run of lint unless the content was already checked."""
    host.kept(Linting).soon(host, lambda content: _run(host, content))


def _run(host: Host, content: Content) -> None:
    def job() -> None:
        from mtls_tui.tui.state.findings import found_in

        begin = monotonic()
        found = found_in(content, datetime.now(UTC))
        host.post("findings.arrived", content=content, found=found, took_s=monotonic() - begin)

    host.in_thread(job, "lint")


@handles(Linted)
def _linted(effect: Linted, host: Host) -> None:
    host.kept(Linting).over(effect.content, effect.took_s)
    lint_soon(host)
