"""What is done to the line under the cursor of the list, a rule or a host: move, copy, delete."""

from __future__ import annotations

from dataclasses import replace

from mtls_tui.rulefile.edit import copy_rule, move_host, move_rule, remove_host, remove_rule
from mtls_tui.tui.hosts.host_actions import host_index
from mtls_tui.tui.hosts.list_actions import changed, chosen, on_entry, select
from mtls_tui.tui.registry.register import Refusal, Result, action
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.overlays import Choice, Form, FormField, Page
from mtls_tui.tui.state.textbuffer import Buffer


def _reordered(document: Document, step: int) -> Result:
    entry = chosen(document)
    if entry is None:
        return Refusal("there is nothing to move")
    if entry.kind == "host":
        place, count = host_index(document, entry.host), len(document.content.file.hosts)
        if place is None or not 0 <= place + step < count:
            return Refusal("this is the last host already" if step > 0 else "this is the first host already")
        result = changed(document, f"{entry.host} moved", lambda file: move_host(file, place, place + step))
    else:
        place, count = entry.number - 1, len(document.content.file.rules)
        if not 0 <= place + step < count:
            return Refusal("this is the last rule already" if step > 0 else "this is the first rule already")
        result = changed(
            document,
            f"{entry.rule} moved to place {place + step + 1}",
            lambda file: move_rule(file, place, place + step),
        )
    return result


@action("rule.move_up", "Move up", where="hosts", keys="K shift+up", enabled=on_entry)
def _move_up(document: Document) -> Result:
    """Rules are evaluated in order: an earlier one wins."""
    return _reordered(document, -1)


@action("rule.move_down", "Move down", where="hosts", keys="J shift+down", enabled=on_entry)
def _move_down(document: Document) -> Result:
    """Rules are evaluated in order: an earlier one wins."""
    return _reordered(document, 1)


@action("rule.duplicate", "Duplicate", where="hosts", keys="y", footer="copy", enabled=on_entry)
def _duplicate(document: Document) -> Result:
    """Copy the rule right below it; a host, under another name."""
    entry = chosen(document)
    assert entry is not None
    if entry.kind == "host":
        index = host_index(document, entry.host)
        field = FormField("name", "Host name", Buffer.of(entry.host, select=True), help="The copy's name.")
        return replace(document, overlay=Form("Copy the host", (field,), "host.copy", {"index": index}, submit="Copy"))
    place = entry.number - 1
    result = changed(document, f"{entry.rule} copied", lambda file: copy_rule(file, place))
    if not isinstance(result, Document):
        return result
    new = result.content.file.rules[place + 1].ref
    return select(result, new, entry.host).with_notice(f"{entry.rule} copied to {new}; u undoes")


@action("rule.delete", "Delete", where="hosts", keys="d delete", footer="delete", enabled=on_entry)
def _delete(document: Document) -> Result:
    """Delete the rule, or the host (asks when rules are about it). Undo brings it back."""
    entry = chosen(document)
    assert entry is not None
    if entry.kind == "rule":
        return changed(document, f"{entry.rule} deleted", lambda file: remove_rule(file, entry.number - 1))
    from mtls_tui.tui.hosts.rule_index import rules_about

    rules = rules_about(document.content, entry.host)
    return _ask_to_delete(document, entry.host, rules) if rules else _delete_host(document, entry.host)


def _ask_to_delete(document: Document, host: str, rules: tuple[str, ...]) -> Result:
    count = "1 rule is" if len(rules) == 1 else f"{len(rules)} rules are"
    stay = "It stays in the file." if len(rules) == 1 else "They stay in the file."
    named = ", ".join(rules[:5]) + (" …" if len(rules) > 5 else "")
    lines = (((f"{count} about {host}:", "text"),), ((f"  {named}", "strong"),), ((stay, "text"),))
    choices = (
        Choice("page.close", "Keep the host"),
        Choice("host.delete", "Delete the host", arguments=(("name", host),)),
    )
    return replace(document, overlay=Page(f"Delete {host}?", lines, choices))


@action("host.delete", "Delete the host", hidden=True)
def _delete_host(document: Document, name: str) -> Result:
    index = host_index(document, name)
    if index is None:
        return Refusal("there is no such host")
    return changed(document, f"{name} deleted", lambda file: remove_host(file, index))
