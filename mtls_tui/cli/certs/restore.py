"""`certs restore`: lift a certificateHold."""

from __future__ import annotations

import click

from mtls_tui.cli.certs.output import record_facts, say
from mtls_tui.cli.certs.store import Store, fallible, now


@click.command("restore")
@click.argument("serial")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
@fallible
def command(store: Store, serial: str, as_json: bool) -> None:
    """Lift a certificateHold and write the CRL."""
    authority = store.open()
    record = authority.restore(serial, at=now())
    say(record_facts(record, now()) | {"crl": str(authority.folder / "ca.crl")}, as_json)
