"""Trusting an authority on hosts of the rule file: edits of the file, as `mtls-tui certs attach` makes them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from mtls_tui.rulefile import HostEntry, RuleFile
from mtls_tui.rulefile.edit import update_host
from mtls_tui.tui.authority.actions import on_row
from mtls_tui.tui.authority.state import CertificateRow, anchor_of, authority_of, trusted_by
from mtls_tui.tui.drawing.safe_text import safe
from mtls_tui.tui.hosts.list_actions import changed
from mtls_tui.tui.registry.register import Refusal, Result, action
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.overlays import Item, Picker


@action("authority.trust", "Trust it on a host", where="authority", keys="a", footer="trust", enabled=on_row)
def _trust(document: Document) -> Result:
    """Let a host of the rule file trust this authority and ask its clients for certificates."""
    state, row = authority_of(document), authority_of(document).row
    assert row is not None
    hosts = document.content.file.hosts
    if not hosts:
        return Refusal("the rule file has no host yet")
    trusting = trusted_by(document, row, state)
    foreign = row.key if row.kind == "foreign" else ""
    more = "" if foreign else " and CRLs"
    hint = f"Adds to its anchors{more}, and sets mtls = true; undo takes it back."
    items = [
        Item(str(place), host.name, detail=_words(host, safe(host.name) in trusting),
             hint=hint)
        for place, host in enumerate(hosts)
    ]  # fmt: skip
    if len(hosts) > 1:
        items.append(Item("*", "every host with mTLS", hint="Those that ask for certificates already."))
    name = row.name if row.kind != "issued" else state.store.own.name if state.store and state.store.own else ""
    picker = Picker(
        f"Which host shall trust {name}?", tuple(items), "authority.trust_now", {"foreign": foreign, "name": name}
    )
    return replace(document, overlay=picker)


@action("authority.trust_now", "Trust it now", hidden=True)
def _trust_now(document: Document, key: str, foreign: str, name: str) -> Result:
    state = authority_of(document)
    row = CertificateRow("foreign" if foreign else "own", name, "", key=foreign)
    anchor = anchor_of(row, state)
    assert anchor is not None and state.folder is not None
    crl = None if foreign else state.folder / "ca.crl"
    hosts = document.content.file.hosts
    chosen = [place for place, host in enumerate(hosts) if host.mtls] if key == "*" else [int(key)]
    if not chosen:
        return Refusal("no host asks for certificates yet; choose one")
    names = "every mTLS host" if key == "*" else hosts[chosen[0]].name
    result = changed(document, f"{names}: trust in {name}", lambda file: trusting(file, chosen, anchor, crl))
    if not isinstance(result, Document):
        return result
    if result.content is document.content:
        return result.with_notice(f"{names}: trusts {name} already")
    return result.with_notice(f"{names}: trusts {name} now; ^S saves, u undoes", "good")


def _words(host: HostEntry, trusts: bool) -> str:
    return "trusts it" if trusts else "mTLS" if host.mtls else "no mTLS yet"


def trusting(file: RuleFile, hosts: list[int], anchor: Path, crl: Path | None) -> RuleFile:
    """The rule file in which these hosts trust an authority; what they have already stays."""
    for index in hosts:
        host = file.hosts[index]
        changes: dict[str, Any] = {"mtls": True, "anchors": _added(file, host.anchors, anchor)}
        if crl is not None:
            changes["crls"] = _added(file, host.crls, crl)
        changes = {name: value for name, value in changes.items() if getattr(host, name) != value}
        file = update_host(file, index, **changes) if changes else file
    return file


def _added(file: RuleFile, paths: tuple[str, ...], new: Path) -> tuple[str, ...]:
    if new.absolute() in [file.resolve(path) for path in paths]:
        return paths
    return (*paths, os.path.relpath(new.absolute(), file.folder.absolute()))
