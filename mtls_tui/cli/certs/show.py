"""`certs show`: the facts of a certificate file, as the rules see them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from mtls_tui import pki
from mtls_tui.cli.certs.store import read
from mtls_tui.cli.errors import InputError
from mtls_tui.pki.load import MAX_BYTES
from mtls_tui.simulate.style import safe


@click.command("show")
@click.argument("pem", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(pem: Path, as_json: bool) -> None:
    """Show every fact of a certificate file, as the rules see it (`-` reads stdin)."""
    data = sys.stdin.buffer.read(MAX_BYTES + 1) if str(pem) == "-" else read(pem)
    try:
        chain = pki.load_certificates(data)
    except pki.LoadError as error:
        raise InputError(f"{pem}: {error}") from None
    facts = pki.facts(chain[0], chain[1:])
    shown: dict[str, object] = {}
    for name, value in facts.items():
        if name.rpartition(".")[2] in ("cert_presented", "cert_verified", "cert_revoked"):
            continue  # answers about a connection to a host, not facts of a file
        shown[name] = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
    if as_json:
        click.echo(json.dumps(shown, indent=2))
        return
    width = max(len(name) for name in shown)
    for name, fact in shown.items():
        text = str(fact).lower() if isinstance(fact, bool) else str(fact)
        click.echo(f"{name.ljust(width)}  {safe(text)}".rstrip())
