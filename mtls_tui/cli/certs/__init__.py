"""`mtls-tui certs`: a certificate authority for clients. `pki.Authority` does everything; here are words and files.

One verb a file, as in `mtls_tui.cli`. Data goes to stdout, narration to stderr. Private keys go to files of mode 0600
only, never to a terminal.
"""

from __future__ import annotations

from pathlib import Path

import click

from mtls_tui.cli.certs import attach, crl, import_, init, issue, list_, restore, revoke, show
from mtls_tui.cli.certs.store import Store
from mtls_tui.pki.authority import default_folder

VERBS = (init, issue, list_, show, revoke, restore, crl, import_, attach)


@click.group()
@click.option(
    "--store",
    type=click.Path(path_type=Path),
    envvar="MTLS_TUI_STORE",
    help="Folder of the authority (default: in the user's data).",
)
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path),
    help="File with the passphrase of ca.key (or MTLS_TUI_CA_PASSPHRASE).",
)
@click.pass_context
def command(ctx: click.Context, store: Path | None, passphrase_file: Path | None) -> None:
    """Run a certificate authority for clients: init, issue, list, show, revoke, restore, crl, import, attach."""
    ctx.obj = Store(store or default_folder(), passphrase_file)


for verb in VERBS:
    command.add_command(verb.command)
