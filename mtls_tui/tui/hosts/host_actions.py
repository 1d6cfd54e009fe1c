"""Hosts: make, name, switch mTLS, trust, copy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mtls_tui.rulefile.edit import copy_host, insert_host, update_host
from mtls_tui.tui.hosts.list_actions import changed, chosen, on_entry
from mtls_tui.tui.registry.register import Refusal, Result, action
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.overlays import Form, FormField
from mtls_tui.tui.state.textbuffer import Buffer

if TYPE_CHECKING:
    from mtls_tui.tui.action_ids import ActionId


@action("host.new", "New host", where="hosts", keys="h", footer="host")
def _new_host(document: Document) -> Result:
    """Add a host without a rule."""
    return replace(document, overlay=_host_form("New host", "host.create", {"mtls": "on"}))


_FIELDS = {
    "name": ("Host name", "api.example.com, *.example.com, or an address; no port."),
    "mtls": ("mTLS", "Whether clients are asked for a certificate. ← → switch."),
    "anchors": ("Authorities", "PEM files of the trusted authorities, relative to the rule file, separated by blanks."),
    "intermediates": ("Intermediates", "PEM files that help to build paths to an authority."),
    "crls": ("CRLs", "Revocation lists. With one, a usable list for each issuer is required (crl_policy)."),
    "upstream": ("Upstream", "Where the gateway sends requests: http://127.0.0.1:8080"),
}
"""Label and help of each setting of a host."""
_SWITCH = ("on", "off")


def _host_form(title: str, then: ActionId, values: dict[str, str], **arguments: object) -> Form:
    fields = tuple(
        FormField(name, label, Buffer.of(values.get(name, "")), help_, _SWITCH if name == "mtls" else ())
        for name, (label, help_) in _FIELDS.items()
    )
    return Form(title, fields, then, arguments, submit="Apply")


def _host_settings(values: dict[str, str], *, clear: bool) -> dict[str, object]:
    empty: object = None if clear else ()
    settings: dict[str, object] = {"name": values["name"].strip(), "mtls": values["mtls"] == "on"}
    for key in ("anchors", "intermediates", "crls"):
        settings[key] = tuple(values[key].split()) or empty
    settings["upstream"] = values["upstream"].strip() or None
    return settings


def _asking(before: bool, now: bool) -> str:
    """What a change of mTLS means, as the end of a sentence about the host; "" if there is no change."""
    return "" if before == now else " asks for certificates now" if now else " no longer asks for certificates"


@action("host.create", "Create the host", hidden=True)
def _create_host(document: Document, **values: str) -> Result:
    if not values["name"].strip():
        return Refusal("a host needs a name")
    settings = {key: value for key, value in _host_settings(values, clear=False).items() if value not in (None, ())}
    return changed(document, f"new host {values['name'].strip()}", lambda file: insert_host(file, settings))


def host_index(document: Document, name: str) -> int | None:
    """The position of a host by name."""
    return next((place for place, host in enumerate(document.content.file.hosts) if host.name == name), None)


@action("host.edit", "Host settings", where="hosts", keys="e", enabled=on_entry)
def _edit_host(document: Document) -> Result:
    """Name, mTLS, authorities, revocation lists and upstream of the host."""
    entry = chosen(document)
    index = host_index(document, entry.host) if entry is not None else None
    if index is None:
        return Refusal("this rule belongs to no host of the file")
    host = document.content.file.hosts[index]
    values = {name: " ".join(getattr(host, name)) for name in ("anchors", "intermediates", "crls")}
    values |= {"name": host.name, "mtls": "on" if host.mtls else "off", "upstream": host.upstream or ""}
    return replace(document, overlay=_host_form(f"Host {host.name}", "host.update", values, index=index))


@action("host.update", "Save the host", hidden=True)
def _update_host(document: Document, index: int, **values: str) -> Result:
    if not values["name"].strip():
        return Refusal("a host needs a name")
    host, settings = document.content.file.hosts[index], _host_settings(values, clear=True)
    settings = {key: value for key, value in settings.items() if (getattr(host, key) or None) != (value or None)}
    if not settings:
        return replace(document, overlay=None)
    return changed(
        document,
        f"{values['name'].strip()}{_asking(host.mtls, values['mtls'] == 'on') or ' has other settings'}",
        lambda file: update_host(file, index, **settings),
    )


@action("host.mtls_of", "Switch mTLS with the mouse", hidden=True)
def _mtls_of(document: Document, name: str) -> Result:
    index = host_index(document, name)
    if index is None:
        return Refusal("there is no such host")
    on = not document.content.file.hosts[index].mtls
    return changed(document, f"{name}{_asking(not on, on)}", lambda file: update_host(file, index, mtls=on))


@action("host.mtls", "mTLS on or off", where="hosts", keys="m", footer="mTLS", enabled=on_entry)
def toggle_mtls(document: Document) -> Result:
    """Whether this host asks clients for a certificate."""
    entry = chosen(document)
    assert entry is not None
    return _mtls_of(document, entry.host) if entry.host else Refusal("this rule belongs to no host of the file")


@action("host.rename", "Rename the host", hidden=True)
def _rename_host(document: Document, index: int, name: str) -> Result:
    if not name.strip():
        return Refusal("a host needs a name")
    return changed(
        document, f"host renamed to {name.strip()}", lambda file: update_host(file, index, name=name.strip())
    )


@action("host.copy", "Copy the host", hidden=True)
def _copy_host(document: Document, index: int, name: str) -> Result:
    if not name.strip() or host_index(document, name.strip()) is not None:
        return Refusal("the copy needs a name that no host has yet")
    return changed(document, f"host copied to {name.strip()}", lambda file: copy_host(file, index, name.strip()))
