"""`certs list`: what was issued."""

from __future__ import annotations

import json

import click

from mtls_tui.cli.certs.output import record_facts
from mtls_tui.cli.certs.store import Store, fallible, now
from mtls_tui.simulate.style import safe

EXPIRING_DAYS = 30


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
@fallible
def command(store: Store, as_json: bool) -> None:
    """List what was issued, with status and expiry; what ends within 30 days is marked."""
    at = now()
    records = store.open().inventory.all()
    if as_json:
        click.echo(json.dumps([record_facts(record, at) for record in records], indent=2))
        return
    if not records:
        click.echo("nothing issued yet; `mtls-tui certs issue --cn NAME` makes the first", err=True)
        return
    rows = [("SERIAL", "STATUS", "EXPIRES", "SUBJECT")]
    for record in records:
        status: str = record.status(at)
        days = record.days_left(at)
        if status == "valid" and days <= EXPIRING_DAYS:
            status = f"valid, {days:.0f} days left !"
        if record.reason and status in ("revoked", "on hold"):
            status = f"{status} ({record.reason})"
        rows.append((record.serial, status, f"{record.not_after:%Y-%m-%d %H:%M}Z", safe(record.subject)))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, (*widths, 0), strict=True)).rstrip())
