"""Run the commands in the pages beside this file and put their real output under them.

    python docs/run_examples.py            rewrite the pages
    python docs/run_examples.py --check    say whether a page is out of date

A block that begins with ```console has lines `$ mtls-tui …`, each followed by what it prints (stdout, then stderr).
They run in `docs/examples`, 100 columns wide, without colour. Serials, fingerprints and times differ from run to run;
they are compared without their digits, and a page is rewritten only when something else has changed.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

from click.testing import CliRunner

from mtls_tui.cli import group
from mtls_tui.cli.errors import InputError

FOLDER = Path(__file__).parent
PAGES = ("simulate.md", "test.md", "replay.md")
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.M | re.S)
CHANGING = (
    (re.compile(r"\b[0-9A-F]{30,}\b"), "SERIAL"),
    (re.compile(r"\b[0-9a-f]{40,}\b"), "DIGEST"),
    (re.compile(r"\d+\.\d+ s\b"), "N s"),
    (re.compile(r"\([\d,]+ a second"), "(N a second"),
    (re.compile(r'"seconds": [\d.e-]+'), '"seconds": N'),
)


def output(command: str) -> str:
    """What a command prints."""
    words = shlex.split(command, comments=True)
    assert words[0] == "mtls-tui", command
    result = CliRunner(env={"COLUMNS": "100", "NO_COLOR": "1"}).invoke(group, words[1:])
    if isinstance(result.exception, InputError):
        return f"mtls-tui: {result.exception}\n"
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout + result.stderr


def refreshed(page: str) -> str:
    """The page with every command's output of now; a block that differs only in what always does is left alone."""

    def block(match: re.Match[str]) -> str:
        commands = re.findall(r"^\$ ((?:.*\\\n)*.*)$", match[1], re.M)
        made = "".join(f"$ {command}\n{output(command.replace(chr(92) + chr(10), ' '))}" for command in commands)
        made = "\n".join(line.rstrip() for line in made.splitlines()) + "\n"
        return match[0] if steady(made) == steady(match[1]) else f"```console\n{made}```"

    return BLOCK.sub(block, page)


def steady(text: str) -> str:
    """The text without what differs from run to run."""
    for pattern, instead in CHANGING:
        text = pattern.sub(instead, text)
    return text


def main(arguments: list[str]) -> int:
    """Rewrite or check the pages; 1 when a page is out of date."""
    os.chdir(FOLDER / "examples")
    stale = 0
    for name in PAGES:
        path = FOLDER / name
        before = path.read_text("utf-8")
        after = refreshed(before)
        if before != after:
            stale = 1
            sys.stdout.write(f"{name}: {'out of date' if '--check' in arguments else 'rewritten'}\n")
            if "--check" not in arguments:
                path.write_text(after, "utf-8")
    return stale if "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
