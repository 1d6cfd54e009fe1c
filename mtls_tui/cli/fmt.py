"""`mtls-tui fmt`: expressions in canonical form, in place; comments, order and all else stay as they are."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click

from mtls_tui import lang
from mtls_tui.cli.errors import InputError
from mtls_tui.cli.output import STDIN, counted, echo_json, problems_text, read_rule_file
from mtls_tui.rulefile import Problem, RuleFile, RuleFileError, save
from mtls_tui.rulefile.edit import update_property, update_rule
from mtls_tui.rulefile.expressions import parse
from mtls_tui.simulate.style import safe

DEFAULT_WIDTH = 100
_EXPRESSION = re.compile(r"(rules|properties)\[(\d+)\]\.(expression|when|unless)")


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
            elif after.text != before.text and not (check or diff):
                save(after)
        except RuleFileError as error:
            raise InputError(problems_text(error.problems)) from None
        done.append({"file": name, "changed": changed.rules, "properties": changed.properties})
        if diff:
            _print_diff(name, before.text, after.text)
        if after.text != before.text and not as_json:
            click.echo(f"{name}: {'would change' if check or diff else 'formatted'} {changed}", err=True)
    if as_json:
        echo_json({"files": done})
    sys.exit(1 if check and any(entry["changed"] or entry["properties"] for entry in done) else 0)


def _readable(name: str) -> RuleFile:
    """A rule file whose expressions all parse; what else is wrong with it doesn't matter here."""
    rulefile = read_rule_file(name, strict=False)
    broken = [problem for problem in rulefile.problems if _unparsed(rulefile, problem)]
    if broken:
        raise RuleFileError(broken)
    return rulefile


def _unparsed(rulefile: RuleFile, problem: Problem) -> bool:
    """True if the problem is about a text that does not parse; an unknown list is a problem of another kind."""
    place = _EXPRESSION.fullmatch(problem.key)
    if problem.diagnostic is None or place is None:
        return False
    entry = getattr(rulefile, place[1])[int(place[2])]
    return parse(getattr(entry, place[3]))[0] is None


@dataclass(frozen=True, slots=True)
class Changed:
    """Refs of the rules and names of the properties whose expressions changed."""

    rules: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [
            f"{counted(len(names), word, words)}: {', '.join(map(safe, names))}"
            for names, word, words in ((self.rules, "rule", "rules"), (self.properties, "property", "properties"))
            if names
        ]
        return "; ".join(parts)


def formatted(rulefile: RuleFile, width: int = DEFAULT_WIDTH) -> tuple[RuleFile, Changed]:
    """The rule file with canonical expressions, and what changed."""
    rules, properties = [], []
    for index, rule in enumerate(rulefile.rules):
        text = _canonical(rule.expression, width)
        if text != rule.expression:
            rulefile = update_rule(rulefile, index, expression=text)
            rules.append(rule.ref)
    for index, entry in enumerate(rulefile.properties):
        written = {"when": entry.when, "unless": entry.unless}
        changes = {
            key: canonical
            for key, text in written.items()
            if text is not None and (canonical := _canonical(text, width)) != text
        }
        if changes:
            rulefile = update_property(rulefile, index, **changes)
            properties.append(entry.name)
    return rulefile, Changed(tuple(rules), tuple(properties))


def _canonical(text: str, width: int) -> str:
    expression, _ = parse(text)
    assert expression is not None
    line = lang.format(expression)
    return line if len(line) <= width else lang.format(expression, width=width)


def _print_diff(name: str, before: str, after: str) -> None:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm="")
    for line in lines:
        click.echo(safe(line))
