"""The list of hosts and rules: what is selected, moving, and changes of the rule file from it."""

from __future__ import annotations

from dataclasses import replace

from mtls_tui.rulefile import RuleFile, RuleFileError
from mtls_tui.tui.hosts.entries import Entry, cursor_of, selectable
from mtls_tui.tui.registry.lists import list_actions
from mtls_tui.tui.registry.register import Refusal, Result, action, go_on
from mtls_tui.tui.state.content import Content, with_edits_written, with_file
from mtls_tui.tui.state.document import Document


def chosen(document: Document) -> Entry | None:
    """The line of the list under the cursor."""
    stops = selectable(document)
    return stops[cursor_of(document)] if stops else None


def on_entry(document: Document) -> str:
    """The reason why nothing is under the cursor; "" if something is."""
    return "" if chosen(document) is not None else "there is no host and no rule yet: n makes one"


def select(document: Document, ref: str, host: str = "") -> Document:
    """With another rule in the builder."""
    if ref == document.view.rule:
        return document.with_view(host=host or document.view.host, at_host="")
    view = {"path": (), "part": 0, "closing": False, "text": None, "completing": False}
    return document.with_view(rule=ref, host=host, at_host="", **view)


def at_entry(document: Document, entry: Entry) -> Document:
    """With the list's cursor on a line; a rule is also shown in the builder."""
    if entry.kind == "rule":
        return select(document, entry.rule, entry.host)
    return document.with_view(at_host=entry.host)


def changed(document: Document, title: str, edit: object) -> Result:
    """The document after a change of the rule file, or why it is refused."""
    base = with_edits_written(document.content)
    try:
        file = edit(base.file)  # type: ignore[operator]
    except RuleFileError as error:
        problem = error.problem
        return Refusal(f"{problem.message}; {problem.cure}" if problem.cure else problem.message)
    assert isinstance(file, RuleFile)
    content: Content = with_file(base, file)
    document = replace(document, overlay=None)
    return standing_on(document.with_content(content, title), document)


def standing_on(document: Document, before: Document) -> Document:
    """With the cursor on something that exists: if the rule is gone, on its neighbour in the list."""
    refs = {rule.ref for rule in document.content.file.rules}
    if document.view.rule in refs or not document.view.rule:
        return document
    stops, at = selectable(before), cursor_of(before)
    host = stops[at].host if stops else ""
    around = [one for one in (*stops[at:], *reversed(stops[:at])) if one.rule in refs]
    near = next((one for one in around if one.host == host), around[0] if around else Entry("rule"))
    return select(document, near.rule, near.host)


def and_select(result: Result, ref: str, **view: object) -> Result:
    """The result with a rule chosen, unless it is a refusal."""
    return result if not isinstance(result, Document) else select(result, ref, result.view.host).with_view(**view)


def _moved(document: Document, step: int) -> Document:
    stops = selectable(document)
    if not stops:
        return document
    return at_entry(document, stops[max(0, min(cursor_of(document) + step, len(stops) - 1))])


list_actions("hosts", _moved)


@action("hosts.enter", "Open", where="hosts", keys="enter right l", footer="open", enabled=on_entry)
def _enter(document: Document) -> Result:
    """Open the rule in the builder; on a host, its certificates and settings."""
    entry = chosen(document)
    assert entry is not None
    if entry.kind == "rule":
        return select(document, entry.rule, entry.host).with_view(focus="builder")
    return go_on(document, "host.edit")


@action("hosts.click", "Choose with the mouse", hidden=True)
def _click(document: Document, index: int) -> Result:
    stops = selectable(document)
    if not 0 <= index < len(stops):
        return document
    same = document.view.focus == "hosts" and cursor_of(document) == index
    moved = at_entry(replace(document.with_view(focus="hosts"), overlay=None), stops[index])
    return _enter(moved) if same else moved


@action("hosts.open", "Go to the list of hosts and rules", keys="ctrl+o f5")
def _open(document: Document) -> Result:
    return document.with_view(focus="hosts")
