"""`mtls-tui eval`: one expression on fields given by hand. 0 matches, 1 does not, 2 error."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from mtls_tui import engine, lang
from mtls_tui.cli.errors import InputError, as_input_error
from mtls_tui.cli.output import STDIN, echo_json, usable_rule_file
from mtls_tui.engine import ListError, PatternError
from mtls_tui.engine.fields_of import lists_of
from mtls_tui.lang.ast import Expression
from mtls_tui.lang.types import FieldValue
from mtls_tui.simulate.errors import RequestError
from mtls_tui.simulate.report import expression_tree
from mtls_tui.simulate.style import safe, style_for
from mtls_tui.simulate.values import assignment, plain

MAX_STDIN = 1 << 20


@click.command(name="eval")
@click.argument("expression")
@click.option(
    "--field",
    "-f",
    "fields",
    multiple=True,
    metavar="NAME=VALUE",
    help="A field's value; arrays and maps as JSON. A field left out has its documented default.",
)
@click.option("--lists", "lists_file", metavar="FILE", help="Take the named lists from this rule file.")
@click.option("--explain", is_flag=True, help="Show every clause with the values seen.")
@click.option(
    "--value", "as_value", is_flag=True, help="EXPR is a value expression, such as a function call: print it."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--color/--no-color", default=None, help="Force or forbid colours (default: on a terminal).")
def command(
    expression: str, fields: Sequence[str], lists_file: str | None, explain: bool, as_value: bool, as_json: bool,
    color: bool | None,
) -> None:  # fmt: skip
    """Evaluate EXPRESSION (`-`: from standard input) on fields given by hand.

    Exit code 0: it matches; 1: it does not; 2: it can't be evaluated.
    """
    text = _text(expression)
    with as_input_error(RequestError):
        values = dict(assignment(text) for text in fields)
    lists = usable_rule_file(lists_file).engine_lists if lists_file else {}
    with as_input_error(lang.ParseError, ListError, PatternError, TypeError):
        if as_value:
            _print_value(text, values, lists, as_json)
            return
        parsed = lang.parse(text)
        _require_lists(parsed, lists)
        verdict = engine.compile(parsed, lists=lists)(values)
    trace = engine.explain(parsed, values, lists=lists) if explain else None
    if as_json:
        data: dict[str, Any] = {"expression": lang.format(parsed), "matches": verdict}
        if trace is not None:
            data["trace"] = _step_data(trace.root)
        echo_json(data)
    else:
        style = style_for(sys.stdout, color=color)
        click.echo(style("matches", "green") if verdict else style("does not match", "red"), color=style.color)
        if trace is not None:
            click.echo(expression_tree(trace, style), color=style.color)
    sys.exit(0 if verdict else 1)


def _text(expression: str) -> str:
    if expression != STDIN:
        # In a locale that is not UTF-8 Python leaves the octets of an argument undecoded (PEP 383).
        return expression.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    data = sys.stdin.buffer.read(MAX_STDIN + 1)
    if len(data) > MAX_STDIN:
        raise InputError(f"standard input has more than {MAX_STDIN} bytes, too many for an expression")
    try:
        return data.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise InputError(f"standard input is not UTF-8 (byte {error.start}); encode it as UTF-8") from None


def _require_lists(expression: Expression, lists: dict[str, list[str | int]]) -> None:
    missing = sorted(lists_of(expression.root) - set(lists))
    if missing:
        names = ", ".join(f"${name}" for name in missing)
        raise InputError(f"the items of {names} are not known; give a rule file that has the list with --lists FILE")


def _print_value(text: str, fields: dict[str, FieldValue], lists: dict[str, list[str | int]], as_json: bool) -> None:
    value = engine.evaluate(lang.parse_value(text), fields, lists=lists)
    if as_json:
        echo_json({"missing": value is None, "value": None if value is None else plain(value)})
    elif value is None:
        click.echo("(missing)")
    else:
        shown = plain(value)
        click.echo(safe(shown) if isinstance(shown, str) else safe(repr(shown)))


def _step_data(step: engine.Step) -> dict[str, Any]:
    return {
        "text": step.text,
        "mark": step.mark,
        "reached": step.reached,
        "decisive": step.decisive,
        "children": [_step_data(child) for child in step.children],
    }
