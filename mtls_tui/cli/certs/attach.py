"""`certs attach`: let hosts of a rule file trust an authority."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from mtls_tui import rulefile
from mtls_tui.cli.certs.output import say
from mtls_tui.cli.certs.store import Store, fallible
from mtls_tui.cli.errors import InputError, as_input_error
from mtls_tui.rulefile.edit import update_host


@click.command("attach")
@click.argument("rules", type=click.Path(path_type=Path))
@click.argument("hosts", nargs=-1, required=True)
@click.option("--ca", "foreign", help="Name of an imported authority (default: this store's own, with its CRL).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
@fallible
@as_input_error(rulefile.RuleFileError)
def command(store: Store, rules: Path, hosts: tuple[str, ...], foreign: str | None, as_json: bool) -> None:
    """Let hosts of a rule file trust an authority, and ask their clients for certificates.

    Adds to `anchors` (and, for the own authority, `crls`) and sets `mtls = true`; what is there already stays.
    """
    authority = store.open()
    anchor = authority.folder / "foreign" / f"{foreign}.pem" if foreign else authority.folder / "ca.pem"
    if not anchor.exists():
        raise InputError(f"{anchor} is not there; `mtls-tui certs import` takes other authorities in")
    loaded = rulefile.load(rules)
    for name in hosts:
        index = next((i for i, host in enumerate(loaded.hosts) if host.name.lower() == name.lower()), None)
        if index is None:
            known = ", ".join(host.name for host in loaded.hosts) or "none"
            raise InputError(f"{rules}: has no host `{name}`; its hosts: {known}")
        host = loaded.hosts[index]
        changes: dict[str, Any] = {"mtls": True, "anchors": _with(host.anchors, anchor, rules)}
        if not foreign:
            changes["crls"] = _with(host.crls, authority.folder / "ca.crl", rules)
        loaded = update_host(loaded, index, **changes)
    rulefile.save(loaded, rules)
    say({"rules": str(rules), "hosts": list(hosts), "anchor": str(anchor)}, as_json)


def _with(paths: tuple[str, ...], new: Path, rules: Path) -> tuple[str, ...]:
    folder = rules.absolute().parent
    if new.absolute() in [(folder / path).absolute() for path in paths]:
        return paths
    return (*paths, os.path.relpath(new.absolute(), folder))
