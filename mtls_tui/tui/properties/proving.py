"""Proves the stated properties in a worker thread once the typing has paused; a run that is out of date stops."""

from __future__ import annotations

from time import monotonic

from mtls_tui.tui.properties.effects import Proved
from mtls_tui.tui.registry.effects import Host, handles
from mtls_tui.tui.registry.paused_work import PausedWork
from mtls_tui.tui.state.content import Content


class Proving(PausedWork):
    """The runs of proofs."""


def prove_soon(host: Host) -> None:
    """Schedule a run unless the answers that are shown hold for the content."""
    content, known = host.document.content, host.document.properties
    proving = host.kept(Proving)
    if not content.file.properties and known is None:
        return
    if known is not None and known.content is not content and known.holds_for(content):
        proving.done_for = content  # such as another request in the simulator
    proving.soon(host, lambda newest: _run(host, newest))


def _run(host: Host, content: Content) -> None:
    def job() -> None:
        from mtls_tui.tui.state.properties import judged_in

        begin = monotonic()
        found = judged_in(content, lambda: host.document.content is content)
        host.post("properties.arrived", content=content, found=found, took_s=monotonic() - begin)

    host.in_thread(job, "properties")


@handles(Proved)
def _proved(effect: Proved, host: Host) -> None:
    host.kept(Proving).over(effect.content, effect.took_s)
    prove_soon(host)
