"""`mtls-tui demo`: a workspace to try everything in; the UI on it, or, without a terminal, the tour."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import click

from mtls_tui.cli.errors import as_input_error


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("demo"))
@click.option("--tour", is_flag=True, help="Run the tour even in a terminal.")
@click.option("--serve", is_flag=True, help="Run upstream and gateway of the workspace until interrupted.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the gateway (default: 8443 or the next free one).")
def command(folder: Path, tour: bool, serve: bool, port: int | None) -> None:
    """Make a workspace (default ./demo) and open the UI on it, the gateway running; without a terminal, run the tour.

    The tour simulates every certificate, sends it for real, and exits 0 only when both agree in every row.
    """
    from mtls_tui.demo import tour as tours
    from mtls_tui.demo.workspace import DemoError, open_or_make
    from mtls_tui.gateway import GatewayError
    from mtls_tui.pki.authority import AuthorityError
    from mtls_tui.rulefile import RuleFileError

    with as_input_error(DemoError, GatewayError, AuthorityError, RuleFileError):
        workspace = open_or_make(folder, datetime.now(UTC), port=port)
        if tour or not (serve or (sys.stdin.isatty() and sys.stdout.isatty())):
            sys.exit(0 if tours.run(workspace, click.echo) else 1)
        with ExitStack() as stack:
            tours.start(workspace, stack)
            if serve:
                click.echo(f"gateway on 127.0.0.1:{workspace.ports.gateway}; Ctrl+C stops it", err=True)
                _wait_for_signal()
            else:
                from mtls_tui.tui.app.run import run as run_ui

                code = run_ui(workspace.rules, status=f"127.0.0.1:{workspace.ports.status}")
                click.echo(f"the workspace stays in {folder}/; `mtls-tui demo {folder}` opens it again", err=True)
                sys.exit(code)


def _wait_for_signal() -> None:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
