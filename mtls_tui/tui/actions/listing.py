"""The list of hosts and rules: what is chosen there, moving about, and changes of the rule file from it."""

from __future__ import annotations

from dataclasses import replace

from mtls_tui.rulefile import RuleFile, RuleFileError
from mtls_tui.tui.document import Content, Document, flushed, with_file
from mtls_tui.tui.registry import Refusal, Result, action
from mtls_tui.tui.view.hosts import Entry, selectable


def chosen(document: Document) -> Entry | None:
    """The line of the list under the cursor."""
    stops = selectable(document)
    return stops[min(document.view.hosts_at, len(stops) - 1)] if stops else None


def on_entry(document: Document) -> str:
    """Why there is nothing under the cursor."""
    return "" if chosen(document) is not None else "there is no host and no rule yet: n makes one"


def select(document: Document, ref: str, host: str = "") -> Document:
    """Another rule in the builder."""
    if ref == document.view.rule:
        return document.looking(host=host or document.view.host)
    return document.looking(rule=ref, host=host, path=(), part=0, closing=False, text=None, completing=False)


def changed(document: Document, title: str, edit: object) -> Result:
    """The document after a change of the rule file; a refusal says why it can't be."""
    base = flushed(document.content)
    try:
        file = edit(base.file)  # type: ignore[operator]
    except RuleFileError as error:
        problem = error.problem
        return Refusal(f"{problem.message}; {problem.cure}" if problem.cure else problem.message)
    assert isinstance(file, RuleFile)
    content: Content = with_file(base, file)
    refs = [rule.ref for rule in file.rules]
    document = replace(document, overlay=None)
    done = document.edited(content, title)
    if done.view.rule not in refs:
        done = select(done, refs[0] if refs else "", "")
    return done


def and_select(result: Result, ref: str, **view: object) -> Result:
    """The result with a rule chosen, unless it is a refusal."""
    return result if not isinstance(result, Document) else select(result, ref, result.view.host).looking(**view)


def _moved(document: Document, step: int) -> Document:
    stops = selectable(document)
    if not stops:
        return document
    at = max(0, min(document.view.hosts_at + step, len(stops) - 1))
    entry = stops[at]
    moved = document.looking(hosts_at=at)
    return select(moved, entry.rule, entry.host).looking(hosts_at=at) if entry.kind == "rule" else moved


@action("hosts.up", "Up", where="hosts", keys="up k", hidden=True)
def _up(document: Document) -> Result:
    return _moved(document, -1)


@action("hosts.down", "Down", where="hosts", keys="down j", hidden=True)
def _down(document: Document) -> Result:
    return _moved(document, 1)


@action("hosts.first", "To the first", where="hosts", keys="home g", hidden=True)
def _first(document: Document) -> Result:
    return _moved(document, -10_000)


@action("hosts.last", "To the last", where="hosts", keys="end G", hidden=True)
def _last(document: Document) -> Result:
    return _moved(document, 10_000)


@action(
    "hosts.enter",
    "Open",
    "Open the rule in the builder; on a host, its certificates and settings.",
    where="hosts",
    keys="enter right l",
    footer="open",
    enabled=on_entry,
)
def _enter(document: Document) -> Result:
    entry = chosen(document)
    assert entry is not None
    if entry.kind == "rule":
        return select(document, entry.rule, entry.host).looking(focus="builder")
    from mtls_tui.tui.registry import ACTIONS

    return ACTIONS["host.edit"].run(document)


@action("hosts.click", "Choose with the mouse", hidden=True)
def _click(document: Document, index: int) -> Result:
    stops = selectable(document)
    if not 0 <= index < len(stops):
        return document
    same = document.view.focus == "hosts" and document.view.hosts_at == index
    entry = stops[index]
    moved = replace(document.looking(focus="hosts", hosts_at=index), overlay=None)
    if entry.kind == "rule":
        moved = select(moved, entry.rule, entry.host).looking(hosts_at=index)
    return _enter(moved) if same else moved


@action("hosts.open", "Go to the list of hosts and rules", keys="ctrl+o f5")
def _open(document: Document) -> Result:
    return document.looking(focus="hosts")
