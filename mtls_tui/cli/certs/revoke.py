"""`certs revoke`: revoke a certificate and write the CRL."""

from __future__ import annotations

import click

from mtls_tui.cli.certs.output import record_facts, say
from mtls_tui.cli.certs.store import Store, fallible, now
from mtls_tui.pki import issue


@click.command("revoke")
@click.argument("serial")
@click.option("--reason", default="unspecified", show_default=True, help=f"One of {', '.join(sorted(issue.REASONS))}.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
@fallible
def command(store: Store, serial: str, reason: str, as_json: bool) -> None:
    """Revoke a certificate and write the CRL (certificateHold can be lifted, all else is final)."""
    authority = store.open()
    record = authority.revoke(serial, reason=reason, at=now())
    say(record_facts(record, now()) | {"crl": str(authority.folder / "ca.crl")}, as_json)
