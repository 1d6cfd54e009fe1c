"""Deploy: what an export changes, the export of the bundle, the way back; what the gateway runs."""

from __future__ import annotations

from dataclasses import replace

from mtls_tui.tui.deploy.effects import Export, MakeReport, OfferKept, Restore
from mtls_tui.tui.files.effects import Compare, Save
from mtls_tui.tui.registry.register import Done, Refusal, Result, action
from mtls_tui.tui.simulator.from_answer import with_request_tried
from mtls_tui.tui.state.content import Probe, with_edits_written
from mtls_tui.tui.state.document import Deployed, Document, Gateway
from mtls_tui.tui.state.edited_rule import muted_rows
from mtls_tui.tui.state.overlays import Choice, Item, Page, Picker

PROBLEMS = "the file has problems"
"""Why nothing can be exported, whatever one says."""
LOOKING = (("… looking for who is newly let in or blocked", "soft"),)
"""Shown on the deploy page until the answer is known."""


@action("deploy.open", "Deploy", keys="ctrl+e", footer="deploy", over_boards=True)
def _deploy(document: Document) -> Result:
    """What would change, the file's tests, export of the bundle, and how to go back."""
    if document.content.file.path is None:
        return Refusal("save the file first (^S)")
    shown = replace(document, overlay=None).with_notice("comparing with what is exported, running the tests …")
    return Done(shown, (MakeReport(with_edits_written(document.content)),))


@action("deploy.show", "Show the deploy page", hidden=True)
def _show(
    document: Document,
    lines: tuple[tuple[tuple[str, str], ...], ...],
    why_not: str,
    target: str,
    kept: int,
    looking: bool = False,
    witnesses: tuple[Choice, ...] = (),
) -> Result:
    may_be_forced = bool(why_not) and why_not != PROBLEMS
    choices = (
        Choice("deploy.export", "Export the bundle", detail=target, why_not=why_not),
        *([Choice("deploy.export", "Export all the same", detail=f"although {why_not}")] if may_be_forced else []),
        Choice(
            "deploy.history",
            "Go back to an earlier export",
            detail=f"{kept} kept",
            why_not="" if kept else "nothing was exported yet",
        ),
        *witnesses,
        Choice("page.close", "Not now"),
    )
    left = muted_rows(document.content.edits)
    if left:
        lines = (((f"! {left} not in the bundle", "warn"),), (), *lines)
    if looking:
        lines = (LOOKING, (), *lines)
    page = Page("Deploy", lines, choices, index=len(choices) - 1 if why_not else 0, name="deploy")
    return replace(document, overlay=page, notice=None)


@action("deploy.consequences", "Who is newly let in or blocked", hidden=True)
def _consequences(
    document: Document, lines: tuple[tuple[tuple[str, str], ...], ...], witnesses: tuple[Choice, ...]
) -> Result:
    """Replace the line that says that the search is running; insert requests to try before `Not now`."""
    page = document.overlay
    if not isinstance(page, Page) or page.name != "deploy" or page.lines[:1] != (LOOKING,):
        return document
    last = len(page.choices) - 1
    choices = (*page.choices[:last], *witnesses, page.choices[last])
    index = page.index if page.index < last else last + len(witnesses)
    shown = (*lines, *page.lines[1:]) if lines else page.lines[2:]
    return replace(document, overlay=replace(page, lines=shown, choices=choices, index=index))


@action("deploy.witness", "Try a request of the deploy page", hidden=True)
def _witness(document: Document, probe: Probe) -> Result:
    return with_request_tried(document, probe, "a request of the deploy page tried")


@action("deploy.export", "Export the bundle")
def _export(document: Document) -> Result:
    """Write the bundle that the engine runs."""
    if document.content.file.path is None:
        return Refusal("save the file first (^S)")
    closed = replace(document, overlay=None)
    if document.unsaved:
        return Done(closed, (Save(with_edits_written(document.content), then=(Export(),)),))
    return Done(closed, (Export(),))


@action("deploy.exported", "Exported", hidden=True)
def _exported(document: Document, path: str, digest: str, note: str = "") -> Result:
    done = replace(document, deployed=Deployed(digest))
    return Done(done.with_notice(f"exported {path} · {Deployed(digest).short}{note}", "good"), (Compare(),))


@action("deploy.known", "What is exported", hidden=True)
def _known(document: Document, deployed: Deployed | None) -> Result:
    return replace(document, deployed=deployed)


@action("gateway.said", "What the gateway runs", hidden=True)
def _said(document: Document, gateway: Gateway) -> Result:
    return document if gateway == document.gateway else replace(document, gateway=gateway)


@action("deploy.history", "Go back to an earlier export")
def _history(document: Document) -> Result:
    """Restore an earlier bundle."""
    return Done(replace(document, overlay=None), (OfferKept(),))


@action("deploy.pick", "Choose an export", hidden=True)
def _pick(document: Document, items: tuple[Item, ...]) -> Result:
    if not items:
        return Refusal("nothing was exported yet")
    return replace(document, overlay=Picker("Earlier exports, newest first", items, "deploy.restore"))


@action("deploy.restore", "Put an export back", hidden=True)
def _restore(document: Document, key: str) -> Result:
    return Done(replace(document, overlay=None), (Restore(key),))
