"""`mtls-tui fmt`: expressions in canonical form, in place; comments, order and all else stay as they are."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence

import click

from mtls_tui import lang
from mtls_tui.cli.errors import InputError
from mtls_tui.cli.output import STDIN, counted, echo_json, problems_text, read_rule_file
from mtls_tui.rulefile import RuleFile, RuleFileError, save
from mtls_tui.rulefile.edit import update_rule
from mtls_tui.simulate.style import safe

DEFAULT_WIDTH = 100


@click.command(name="fmt")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 when a file would change.")
@click.option("--diff", is_flag=True, help="Change nothing; print what would change.")
@click.option(
    "--width",
    type=click.IntRange(20),
    default=DEFAULT_WIDTH,
    show_default=True,
    help="Longer expressions go on several lines.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def command(files: Sequence[str], check: bool, diff: bool, width: int, as_json: bool) -> None:
    """Rewrite the expressions of rule files in canonical form; `-` reads standard input and writes to standard output.

    Exit code 0: done (with --check: nothing to do); 1: --check found something; 2: a file can't be used.
    """
    if STDIN in files and as_json and not check:
        raise click.UsageError("with - the formatted text goes to standard output, where --json would, too")
    done = []
    for name in files:
        try:
            before = _readable(name)
            after, changed = formatted(before, width)
            if name == STDIN and not (check or diff):
                click.echo(after.text.encode(), nl=False)
            elif changed and not (check or diff):
                save(after)
        except RuleFileError as error:
            raise InputError(problems_text(error.problems)) from None
        done.append({"file": name, "changed": [before.rules[index].ref for index in changed]})
        if diff:
            _print_diff(name, before.text, after.text)
        if changed and not as_json:
            refs = ", ".join(safe(before.rules[index].ref) for index in changed)
            verb = "would change" if check or diff else "formatted"
            click.echo(f"{name}: {verb} {counted(len(changed), 'rule')}: {refs}", err=True)
    if as_json:
        echo_json({"files": done})
    sys.exit(1 if check and any(entry["changed"] for entry in done) else 0)


def _readable(name: str) -> RuleFile:
    """A rule file whose expressions all parse; what else is wrong with it doesn't matter here."""
    rulefile = read_rule_file(name, strict=False)
    broken = [
        problem for problem in rulefile.problems if problem.diagnostic is not None and _unparsed(rulefile, problem.key)
    ]
    if broken:
        raise RuleFileError(broken)
    return rulefile


def _unparsed(rulefile: RuleFile, key: str) -> bool:
    return rulefile.expressions[int(key[len("rules[") : key.index("]")])] is None


def formatted(rulefile: RuleFile, width: int = DEFAULT_WIDTH) -> tuple[RuleFile, list[int]]:
    """The rule file with canonical expressions, and the positions of the rules that changed."""
    changed = []
    for index, (rule, expression) in enumerate(zip(rulefile.rules, rulefile.expressions, strict=True)):
        assert expression is not None
        text = lang.format(expression)
        if len(text) > width:
            text = lang.format(expression, width=width)
        if text != rule.expression:
            rulefile = update_rule(rulefile, index, expression=text)
            changed.append(index)
    return rulefile, changed


def _print_diff(name: str, before: str, after: str) -> None:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm="")
    for line in lines:
        click.echo(safe(line))
