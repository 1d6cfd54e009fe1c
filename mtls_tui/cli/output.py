"""What verbs share to read a rule file from a path or standard input, and to print for people and for machines.

Data goes to stdout, narration and errors to stderr. Text that comes from a user's file is made safe for a terminal.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from mtls_tui.cli.errors import InputError
from mtls_tui.rulefile import Problem, RuleFile, RuleFileError, from_bytes, load
from mtls_tui.rulefile.materials import MAX_RULE_FILE
from mtls_tui.simulate.style import Style, safe

STDIN = "-"


def read_rule_file(path: str, *, strict: bool = True) -> RuleFile:
    """A rule file from a path, or from standard input for `-`. Raises `RuleFileError`, as `rulefile.load`."""
    if path != STDIN:
        return load(Path(path), strict=strict)
    data = sys.stdin.buffer.read(MAX_RULE_FILE + 1)
    return from_bytes(data, path=None, folder=Path.cwd(), strict=strict)


def usable_rule_file(path: str) -> RuleFile:
    """A rule file without problems; `InputError` otherwise."""
    try:
        return read_rule_file(path)
    except RuleFileError as error:
        raise InputError(problems_text(error.problems)) from None


def problems_text(problems: tuple[Problem, ...], style: Style | None = None) -> str:
    """Problems for people, one after the other."""
    return "\n".join(problem_text(problem, style or Style()) for problem in problems)


def problem_text(problem: Problem, style: Style, severity: str = "error") -> str:
    """One problem: place, what is wrong, the carets of an expression, the cure."""
    colour = {"error": "red", "warning": "yellow"}.get(severity, "cyan")
    # Findings can be left out by their code, so it is shown; errors can't.
    code = f" {style(f'[{problem.code}]', 'dim')}" if severity != "error" else ""
    lines = [f"{style(place(problem), 'bold')}: {style(severity, colour)}: {headline(problem)}{code}"]
    if problem.detail:
        # The detail repeats message and hint below its carets.
        lines += [f"    {safe(line)}" for line in problem.detail.split("\n")[1:] if not line.startswith("hint: ")]
    if problem.cure:
        lines.append(f"  {style('cure', 'green')}: {safe(problem.cure)}")
    return "\n".join(lines)


def headline(problem: Problem) -> str:
    """Key and message in one line."""
    return f"{safe(problem.key)}: {safe(problem.message)}" if problem.key else safe(problem.message)


def place(problem: Problem) -> str:
    """`file:line:column`, as editors understand it."""
    text = safe(problem.file or "rule file")
    if problem.line:
        text += f":{problem.line}" + (f":{problem.column}" if problem.column else "")
    return text


def problem_data(problem: Problem, severity: str = "error") -> dict[str, Any]:
    """A problem for JSON."""
    return {
        "severity": severity,
        "code": problem.code,
        "message": problem.message,
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "key": problem.key,
        "cure": problem.cure,
    }


def echo_json(data: Any) -> None:
    """Data as indented JSON on stdout; ASCII escapes are not needed, JSON is UTF-8 (RFC 8259 8.1)."""
    sys.stdout.flush()
    text = msgspec.json.format(msgspec.json.encode(data), indent=2).decode()
    click.echo(text.encode("utf-8", "replace") if not _unicode_stdout() else text)


def _unicode_stdout() -> bool:
    return (getattr(sys.stdout, "encoding", "") or "").lower().replace("-", "") == "utf8"


def counted(number: int, word: str, several: str = "") -> str:
    """`1 rule`, `2 rules`; `several` is the word for more than one where an `s` does not make it."""
    return f"{number} {word if number == 1 else several or word + 's'}"
