"""`mtls-tui ui [FILE]`: the terminal UI. Without a file, the last one; without any, the first-run screen."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from mtls_tui.cli.errors import InputError


@click.command("ui")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--no-mouse", is_flag=True, help="Leave the mouse to the terminal.")
@click.option("--theme", help="dark, light, contrast or ansi; kept only for this run.")
def command(file: Path | None = None, no_mouse: bool = False, theme: str | None = None) -> None:
    """Open the terminal UI on a rule file.

    A file that isn't there yet begins as a new one. Without FILE the last one is opened.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InputError("the UI needs a terminal; without one use check, simulate, test and export")
    # Textual waits this long for the rest of an escape sequence; its 100 ms make every Esc feel late.
    os.environ.setdefault("ESCDELAY", "50")
    if file is not None:
        _check(file)
    from mtls_tui.tui.run import run

    sys.exit(run(file, mouse=not no_mouse, theme=theme))


def _check(file: Path) -> None:
    if file.is_dir():
        raise InputError(f"{file}: is a directory; name the rule file inside it")
    if not file.exists() and not file.absolute().parent.is_dir():
        raise InputError(f"{file}: there is no folder {file.parent}; make it first")
