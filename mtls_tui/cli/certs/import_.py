"""`certs import`: keep another authority's certificate, so that hosts may trust it."""

from __future__ import annotations

from pathlib import Path

import click

from mtls_tui.cli.certs.output import say
from mtls_tui.cli.certs.store import Store, fallible, read


@click.command("import")
@click.argument("pem", type=click.Path(path_type=Path))
@click.option("--name", help="Name to keep it under (default: the file's).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
@fallible
def command(store: Store, pem: Path, name: str | None, as_json: bool) -> None:
    """Import another authority's certificate, so that hosts may trust it."""
    say({"certificate": str(store.open().import_foreign(read(pem), name or pem.stem))}, as_json)
