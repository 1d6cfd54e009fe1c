"""`certs crl`: write a fresh revocation list."""

from __future__ import annotations

from pathlib import Path

import click

from mtls_tui.cli.certs.output import say
from mtls_tui.cli.certs.store import Store, fallible, now


@click.command("crl")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where to (default: ca.crl in the store).")
@click.option(
    "--renew", is_flag=True, help="Write only when it is due: less than half of its time is left (for a timer)."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
@fallible
def command(store: Store, output: Path | None, renew: bool, as_json: bool) -> None:
    """Write a fresh CRL: good for 30 days.

    When a CRL ends, hosts that demand a current one block everybody. Run `certs crl --renew` once a day.
    """
    authority, at = store.open(), now()
    path = output or authority.folder / "ca.crl"
    due = not renew or authority.crl_due(at, path=path)
    if due:
        authority.write_crl(at, path=path)
    say({"crl": str(path), "written": due}, as_json)
