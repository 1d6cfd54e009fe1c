"""The live log: follow, pause, filter, open a decision in the simulator, make a test of it. Pure, as all actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mtls_tui.rulefile import RuleFileError
from mtls_tui.rulefile.edit import insert_test
from mtls_tui.tui.log.effects import FindCertificate, FindLogs, Follow
from mtls_tui.tui.log.state import LogEntry, TailState, log_of
from mtls_tui.tui.log.to_request import lacking, printable, probe_of
from mtls_tui.tui.registry import boards
from mtls_tui.tui.registry.lists import END, list_actions
from mtls_tui.tui.registry.register import Done, Refusal, Result, action
from mtls_tui.tui.state.content import with_edits_written, with_file
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.overlays import Form, FormField, Item, Picker
from mtls_tui.tui.state.results import ShownVerdict
from mtls_tui.tui.state.textbuffer import Buffer

if TYPE_CHECKING:
    from mtls_tui.tui.action_ids import ActionId
    from mtls_tui.tui.certificates.by_fingerprint import NamedCertificate

PAGE = 10


def _open_board(document: Document) -> str:
    return "" if document.board == "tail" else "open the live log first (L)"


def _on_entry(document: Document) -> str:
    return _open_board(document) or ("" if log_of(document).entry is not None else "there is no line here")


def _with(document: Document, **changes: Any) -> Document:
    return document.with_board(replace(log_of(document), **changes), notice=None)


# --- out of the log -------------------------------------------------------------------------------------------------


@action("tail.simulate", "Open in the simulator", where="tail", keys="enter s", footer="simulate", enabled=_on_entry)
def _simulate(document: Document) -> Result:
    """The request as it was logged, with its certificate if that is known."""
    return _found(document, "tail.simulated")


def _found(document: Document, then: ActionId) -> Result:
    """Run an action on the line under the cursor, once its certificate was looked up."""
    entry = log_of(document).entry
    assert entry is not None
    return Done(document, (FindCertificate(entry, then),))


@action("tail.simulated", "Into the simulator", hidden=True)
def _simulated(document: Document, entry: LogEntry, known: NamedCertificate | None) -> Result:
    probe = probe_of(entry, known)
    if isinstance(probe, Refusal):
        return probe
    done = boards.close_board(document).with_content(
        replace(document.content, probe=probe), "logged request in the simulator", focus="simulator", tab="simulator",
        simulator_at=(0, 0),
    )  # fmt: skip
    return done.with_notice(f"as logged at {entry.clock}; {lacking(entry, known)}")


@action("tail.as_test", "Save as a test", where="tail", keys="t", footer="as test", enabled=_on_entry)
def _as_test(document: Document) -> Result:
    """Write this request and its outcome into the file's tests."""
    entry = log_of(document).entry
    assert entry is not None
    if entry.kind == "answer":
        return Refusal("this is an answer of the proxy by itself: no rule decided on it")
    if entry.before_rules:
        return Refusal(f"refused before any rule was asked: {entry.reason or 'no reason is logged'}")
    return _found(document, "tail.tested")


@action("tail.tested", "Into the tests", hidden=True)
def _tested(document: Document, entry: LogEntry, known: NamedCertificate | None) -> Result:
    from mtls_tui.tui.simulator import probes

    expressions = "\n".join(rule.expression for rule in document.content.file.rules)
    probe = probe_of(entry, known, by_file=True, wanted=expressions)
    if isinstance(probe, Refusal):
        return probe
    rule = entry.rule if any(one.ref == entry.rule for one in document.content.file.rules) else ""
    names = {test.name for test in document.content.file.tests}
    who = known.name if known is not None else "an unknown certificate" if entry.fingerprint else "no certificate"
    name = f"{probe.method} {entry.path or '/'} with {who}"
    verdict = ShownVerdict(entry.blocked or bool(entry.would), entry.would or entry.action or "allow", rule)
    base = with_edits_written(document.content)
    try:
        test = probes.to_test(replace(probe, name=printable(name)[:120]), verdict, names)
        file = insert_test(base.file, test)
    except (RuleFileError, ValueError) as error:
        return Refusal(str(error).splitlines()[0])
    done = document.with_content(with_file(base, file), "test made of a logged request")
    gone = "" if rule or not entry.rule else f"; the file has no rule {printable(entry.rule)}"
    return done.with_notice(f"a test expects {verdict.action} now{gone}; {lacking(entry, known)}; u undoes", "good")


# --- opening and following ------------------------------------------------------------------------------------------


@action("tail.open", "Live log", keys="L ctrl+r", over_boards=True)
def _open(document: Document) -> Result:
    """The gateway's decisions as they happen."""
    state = log_of(document)
    shown = document.with_board(state, board="tail", overlay=None, notice=None)
    return Done(shown, (FindLogs(state.path),))


@action("tail.opened", "The log is found", hidden=True)
def _opened(document: Document, path: Path | None, files: tuple[str, ...], names: Mapping[str, str]) -> Result:
    state = log_of(document)
    if document.board != "tail":
        return document
    state = replace(state, files=files, names=MappingProxyType(dict(names)))
    if path is None:
        return document.with_board(state)
    fresh = path != state.path
    if fresh:
        state = TailState(path, files, names=state.names, query=state.query, blocked_only=state.blocked_only)
    return Done(document.with_board(state), (Follow(path, fresh),))


@action("tail.arrived", "Lines arrived", hidden=True)
def _arrived(
    document: Document, path: Path, entries: tuple[LogEntry, ...], unreadable: int, skipped: int, problem: str
) -> Result:
    state = log_of(document)
    if path != state.path:
        return document
    state = replace(
        state, unreadable=state.unreadable + unreadable, skipped=state.skipped + skipped, problem=problem
    ).arrived(entries)
    return document.with_board(state)


@action("tail.choose", "Another log", where="tail", keys="o", footer="file", enabled=_open_board)
def _choose(document: Document) -> Result:
    """Choose the file that the gateway writes."""
    items = tuple(Item(name, name, hint="Near the rule file.") for name in log_of(document).files)
    return replace(document, overlay=Picker("Which log? Or type a path", items, "tail.take", free="follow this file"))


@action("tail.take", "Follow a log", hidden=True)
def _take(document: Document, key: str) -> Result:
    path = document.content.file.resolve(key.strip())
    return Done(replace(document, overlay=None), (FindLogs(path),))


@action("tail.pause", "Pause or go on", where="tail", keys="space p", footer="pause", enabled=_open_board)
def _pause(document: Document) -> Result:
    """Freeze the list; new lines wait until you continue."""
    state = log_of(document)
    if state.paused:
        return document.with_board(state.resumed(), notice=None)
    entry = state.entry
    return _with(document, paused=True, at=entry.number if entry is not None else None)


# --- moving ---------------------------------------------------------------------------------------------------------


def _moved(document: Document, step: int) -> Result:
    return document.with_board(log_of(document).moved(step), notice=None)


list_actions("tail", _moved, page=PAGE, last="")


@action("tail.last", "To the newest, and follow", where="tail", keys="end G", footer="newest", enabled=_open_board)
def _last(document: Document) -> Result:
    return _moved(document, END)


@action("tail.click", "Choose with the mouse", hidden=True)
def _click(document: Document, number: int) -> Result:
    state = log_of(document)
    if state.entry is not None and state.entry.number == number:
        return _simulate(document)
    return _with(document, at=number)


# --- filters --------------------------------------------------------------------------------------------------------


@action("tail.search", "Search", where="tail", keys="/", footer="search", enabled=_open_board)
def _search(document: Document) -> Result:
    """Show only lines that contain all words: in path, rule, reason, address or certificate."""
    field = FormField("query", "Words", Buffer.of(log_of(document).query, select=True), help="Empty shows all again.")
    return replace(document, overlay=Form("Search the log", (field,), "tail.filter", submit="Search"))


@action("tail.filter", "Filter by words", hidden=True)
def _filter(document: Document, query: str) -> Result:
    return replace(_with(document, query=query.strip()), overlay=None)


@action("tail.blocked", "Blocked only", where="tail", keys="b", footer="blocked", enabled=_open_board)
def _blocked(document: Document) -> Result:
    """Show only refused requests; press again for all."""
    return _with(document, blocked_only=not log_of(document).blocked_only)


@action("tail.host", "This host only", where="tail", keys="h", footer="host", enabled=_open_board)
def _host(document: Document) -> Result:
    """Show only requests to the host of this line; press again for all."""
    state = log_of(document)
    if state.host:
        return _with(document, host="")
    if state.entry is None or not state.entry.host:
        return Refusal("this line names no host")
    return _with(document, host=state.entry.host)


@action("tail.rule", "This rule only", where="tail", keys="r", footer="rule", enabled=_open_board)
def _rule(document: Document) -> Result:
    """Show only requests that the rule of this line decided or logged; press again for all."""
    state = log_of(document)
    if state.rule:
        return _with(document, rule="")
    entry = state.entry
    rule = "" if entry is None else entry.rule or (entry.logged[0] if entry.logged else "")
    return _with(document, rule=rule) if rule else Refusal("no rule decided on this line")


@action("tail.all", "Show all again", where="tail", keys="x", enabled=_open_board)
def _all(document: Document) -> Result:
    """Remove all filters."""
    return _with(document, query="", blocked_only=False, host="", rule="")


@action("tail.close", "Close", where="tail", keys="escape q", footer="close", enabled=_open_board)
def _close(document: Document) -> Result:
    """Back to the rules."""
    return boards.close_board(document)
