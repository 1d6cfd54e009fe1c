"""`mtls-tui ui [FILE]`: the terminal UI. Without a file, the last one; without any, the first-run screen."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mtls_tui.cli.errors import InputError


@click.command("ui")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--no-mouse", is_flag=True, help="Leave the mouse to the terminal.")
@click.option("--theme", help="dark, light, contrast or ansi; kept only for this run.")
@click.option("--status", default="", metavar="A:P", help="Where the gateway tells its status, to show what it runs.")
def command(file: Path | None = None, no_mouse: bool = False, theme: str | None = None, status: str = "") -> None:
    """Open the terminal UI on a rule file.

    A file that isn't there yet begins as a new one. Without FILE the last one is opened.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InputError("the UI needs a terminal; without one use check, simulate, test and export")
    if file is not None:
        _check(file)
    from mtls_tui.tui.app.run import run

    sys.exit(run(file, mouse=not no_mouse, theme=theme, status=status))


def _check(file: Path) -> None:
    if file.is_dir():
        raise InputError(f"{file}: is a directory; name the rule file inside it")
    if not file.exists() and not file.absolute().parent.is_dir():
        raise InputError(f"{file}: there is no folder {file.parent}; make it first")
