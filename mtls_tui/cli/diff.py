"""`mtls-tui diff`: what a change of rules means. 0 the same, 1 it differs, 2 error, 3 something stays open."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from mtls_tui.analysis.difference import Difference
from mtls_tui.analysis.review import Review, ReviewedProperty, review
from mtls_tui.cli.diff_markdown import markdown
from mtls_tui.cli.errors import InputError
from mtls_tui.cli.host_option import named_hosts
from mtls_tui.cli.output import counted, echo_json, problems_text, usable_rule_file
from mtls_tui.cli.property_answers import property_data
from mtls_tui.cli.witness import Witness, request_data, simulate_line
from mtls_tui.engine.bundle import MAX_BYTES, Bundle, BundleError
from mtls_tui.rulefile import RuleFileError, bundle
from mtls_tui.rulefile.materials import MaterialError, read_bytes
from mtls_tui.simulate.style import Style, safe, style_for
from mtls_tui.simulate.testing.roles import ROLE_OF_CLIENT

SAME, DIFFERS, OPEN = 0, 1, 3
SIGNS = {"+": "green", "-": "red", "~": "yellow", "=": "dim"}
MARKS = {"proved": ("✓", "green"), "broken": ("✗", "red"), "open": ("?", "yellow")}


@click.command(name="diff")
@click.argument("old")
@click.argument("new")
@click.option("--host", "hosts", multiple=True, metavar="NAME", help="Only decisions about this host; repeatable.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="How to print it; markdown is for the comment of a pull request.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--color/--no-color", default=None, help="Force or forbid colours (default: on a terminal).")
def command(old: str, new: str, hosts: Sequence[str], form: str, as_json: bool, color: bool | None) -> None:
    """Say what a change from OLD to NEW means: rule files, or exported bundles (*.json).

    First what is written otherwise: hosts and their settings, lists, rules (a rule that was only written in another way
    is said to be so), properties. Then who is newly let in and who is newly blocked, with a request each, or the proof
    that nobody is; then whether the properties hold of NEW.

    Exit code 0: every decision is the same, and hosts, settings and properties are; 1: something differs; 2: error; 3:
    something stays open, neither found nor proved.
    """
    before, after = _bundle(old), _bundle(new)
    named = named_hosts(hosts, [host.name for one in (after, before) for host in one.hosts])
    try:
        found = review(before, after, named or None)
    except ValueError as error:
        raise InputError(str(error)) from None
    match "json" if as_json else form:
        case "json":
            echo_json(_data(found, old, new))
        case "markdown":
            click.echo(markdown(found, old, new))
        case _:
            for line in _lines(found, new, style_for(sys.stdout, color=color)):
                click.echo(line)
    sys.exit(OPEN if found.undecided else SAME if found.same else DIFFERS)


def _bundle(file: str) -> Bundle:
    """What a file holds: a rule file, or an exported bundle."""
    if not file.endswith(".json"):
        try:
            return bundle(usable_rule_file(file))
        except RuleFileError as error:
            raise InputError(problems_text(error.problems)) from None
    try:
        return Bundle.decode(read_bytes(Path(file), MAX_BYTES, "bundle"))
    except MaterialError as error:
        raise InputError(f"{file}: {error.message}; {error.cure}") from None
    except BundleError as error:
        raise InputError(f"{file}: {error}") from None


def _lines(found: Review, file: str, style: Style) -> Iterator[str]:
    for title, subjects in (("hosts and settings", ("trust", "host")), ("rules", ("list", "rule"))):
        changes = [change for change in found.changes if change.subject in subjects]
        if changes:
            yield style(title, "bold")
        for change in changes:
            yield f"  {style(change.sign, SIGNS[change.sign])} {safe(str(change)[2:])}"
    yield style("who gets in", "bold")
    yield from _decisions(found.decisions, file, style)
    shown = [one for one in found.properties if one.sign != "=" or one.answer.status != "proved"]
    if shown:
        yield style("properties", "bold")
    for one in shown:
        yield from _property(one, found, file, style)
    yield verdict(found)


def _decisions(decisions: Sequence[Difference], file: str, style: Style) -> Iterator[str]:
    """Who is let in first: that is what hurts when nobody looks."""
    for change in ("newly let in", "newly blocked"):
        asked = [one for one in decisions if one.change == change]
        for one in (one for one in asked if one.status == "changed"):
            yield f"  {style('✗', 'red')} {style(safe(one.host), 'bold')}: {safe(one.reason)}"
            witness = witness_of(one)
            line = simulate_line(witness, file) if witness is not None else ""
            if line:
                yield f"      try it: {safe(line)}"
        for one in (one for one in asked if one.status in ("not found", "not compared")):
            yield f"  {style('?', 'yellow')} {style(safe(one.host), 'bold')}: {safe(one.reason)}"
        proved = [one for one in asked if one.status == "proved the same"]
        if proved:
            hosts = "" if len(proved) == len(asked) else f" to {counted(len(proved), 'other host')}"
            yield f"  {style('✓', 'green')} proved: no request{hosts} is {change}"


def _property(one: ReviewedProperty, found: Review, file: str, style: Style) -> Iterator[str]:
    mark, colour = MARKS[one.answer.status]
    name = one.answer.stated.name
    words = next((f" ({change.words})" for change in found.changes if _is(change, name) and change.words), "")
    sign = " " if one.sign == "=" else one.sign
    reason = one.answer.reason if one.sign != "-" else f"{one.answer.reason} (it is no longer stated)"
    head = f"{style(sign, SIGNS[one.sign])} {style(safe(name), 'bold')}{safe(words)}"
    yield f"  {head}: {style(mark, colour)} {safe(reason)}"
    if one.answer.http is not None and one.answer.request is not None:
        line = simulate_line(
            Witness(one.answer.http, one.answer.request, ROLE_OF_CLIENT.get(one.answer.client, "")), file
        )
        if line:
            yield f"      try it: {safe(line)}"


def _is(change: object, name: str) -> bool:
    return getattr(change, "subject", "") == "property" and getattr(change, "name", "") == name


def verdict(found: Review) -> str:
    """The answer in one line."""
    if found.undecided:
        return "open: not everything was found or proved"
    if not found.same:
        return "it differs"
    if found.changes:
        return "the same: written in another way, every decision is as it was"
    return "the same"


def witness_of(one: Difference) -> Witness | None:
    """The request of an answer, if it has one."""
    if one.http is None or one.request is None:
        return None
    return Witness(one.http, one.request, ROLE_OF_CLIENT.get(one.certificate, ""))


def _data(found: Review, old: str, new: str) -> dict[str, Any]:
    return {
        "old": old,
        "new": new,
        "same": found.same,
        "open": found.undecided,
        "changes": [
            {
                "sign": change.sign,
                "subject": change.subject,
                "name": change.name,
                "words": change.words,
                "rewrite": change.rewrite,
            }
            for change in found.changes
        ],
        "decisions": [_decision(one, new) for one in found.decisions],
        "properties": [
            {"sign": one.sign, **data}
            for one, data in zip(
                found.properties, property_data([one.answer for one in found.properties], new), strict=True
            )
        ],
    }


def _decision(one: Difference, file: str) -> dict[str, Any]:
    witness = witness_of(one)
    shown = request_data(witness, file) if witness is not None else {}
    return {"host": one.host, "change": one.change, "status": one.status, "reason": one.reason, **shown}
