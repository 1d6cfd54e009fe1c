"""`mtls-tui convert`: rules out to Cloudflare's API or Terraform, and in from the API's JSON. Sends nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

import click

from mtls_tui import rulefile as rulefiles
from mtls_tui import targets
from mtls_tui.analysis import findings_of
from mtls_tui.cli.errors import InputError, as_input_error
from mtls_tui.cli.output import problem_text, usable_rule_file
from mtls_tui.engine.model import Rule
from mtls_tui.files import FileError, write_atomically
from mtls_tui.lang import format as canonical
from mtls_tui.rulefile import RuleFile, RuleFileError
from mtls_tui.rulefile.edit import insert_rule
from mtls_tui.rulefile.materials import MaterialError, read_bytes
from mtls_tui.simulate.style import Style, safe

OutputFormat: TypeAlias = Literal["cloudflare", "terraform", "terraform4", "rules"]
LARGEST = 16 * 1024 * 1024


@click.command(name="convert")
@click.argument("file")
@click.option(
    "--to",
    "target",
    type=click.Choice(["cloudflare", "terraform", "terraform4", "rules"]),
    required=True,
    help="cloudflare: the body for the Rulesets API; terraform: provider 5, terraform4: provider 4; "
    "rules: FILE is a ruleset of the API or Terraform's JSON, and a rule file comes out.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write a new file (default: standard output).")
@click.option("--name", default="mtls", show_default=True, help="Name of the Terraform resource.")
def command(file: str, target: OutputFormat, output: Path | None, name: str) -> None:
    """Convert FILE, a rule file, for Cloudflare; or with `--to rules` a ruleset into a rule file.

    A ruleset is what Cloudflare's API answers, or Terraform's state or plan as JSON. What can't be carried over is
    said on standard error, and left out.

    Exit code 0: converted; 1: converted, but something could not be carried over; 2: error.
    """
    if target == "rules":
        text, notes = _read_in(file)
    else:
        loaded = usable_rule_file(file)
        for entry in findings_of(loaded, datetime.now(UTC), target="cloudflare"):
            if entry.severity == "error":
                click.echo(problem_text(entry.problem, Style(), entry.severity), err=True)
        text, notes = _written(loaded, target, name)
    if output is None:
        click.echo(text, nl=False)
    else:
        if output.exists():
            raise InputError(f"{output} exists already; choose another name with -o")
        with as_input_error(FileError):
            write_atomically(output, text.encode("utf-8"))
    for note in notes:
        click.echo(f"note: {note.ref + ': ' if note.ref else ''}{safe(note.message)}", err=True)
    raise SystemExit(1 if notes else 0)


def _written(loaded: RuleFile, target: OutputFormat, name: str) -> tuple[str, list[targets.Note]]:
    rules = loaded.engine_rules
    if target == "cloudflare":
        body, notes = targets.ruleset(rules)
        text = json.dumps(body, indent=2, ensure_ascii=False) + "\n"
    else:
        if not name.replace("-", "_").isidentifier():
            raise InputError(f"--name: `{safe(name)}` is not a name for a resource; use letters, digits, _ and -")
        text, notes = targets.resource(rules, name=name, version=4 if target == "terraform4" else 5)
    if loaded.lists:
        names = ", ".join(f"${list_name}" for list_name in loaded.lists)
        notes = [*notes, targets.Note("", f"lists are not part of a ruleset: make {names} there before")]
    if loaded.properties:
        names = ", ".join(f"`{entry.name}`" for entry in loaded.properties)
        notes = [
            *notes,
            targets.Note("", f"properties are not part of a ruleset: {names}; `mtls-tui prove` checks them"),
        ]
    return text, notes


def _read_in(file: str) -> tuple[str, list[targets.Note]]:
    try:
        data = read_bytes(Path(file), LARGEST, "ruleset") if file != "-" else click.open_file("-", "rb").read(LARGEST)
        rules, notes = targets.read_ruleset(json.loads(data))
    except MaterialError as error:
        raise InputError(f"{file}: {error.message}; {error.cure}") from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, targets.TargetError):
            raise InputError(f"{file}: {error}") from None
        cure = "give a ruleset as Cloudflare's API answers it, or what `terraform show -json` prints"
        what = "not UTF-8 text" if isinstance(error, UnicodeDecodeError) else f"not JSON: {error}"
        raise InputError(f"{file}: {what}; {cure}") from None
    made = rulefiles.loads(
        "# Add [[hosts]] for the names below: mTLS on or off, trust anchors, upstream.\nversion = 1\n"
    )
    for rule in rules:
        try:
            made = insert_rule(made, _entry(rule))
        except RuleFileError as error:
            why = "; ".join(
                ": ".join(part for part in (problem.key, problem.message) if part) for problem in error.problems
            )
            notes.append(targets.Note(rule.ref, f"the rule is left out: {why}"))
    if not made.rules and notes:
        reasons = "; ".join(f"{note.ref}: {note.message}" for note in notes)
        raise InputError(f"{file}: none of its rules can be read: {reasons}")
    if not made.rules:
        notes.append(targets.Note("", "the ruleset has no rules"))
    open_ends = [targets.Note("", f"to be cured: {problem.message}; {problem.cure}") for problem in made.problems]
    return made.text, [*notes, *open_ends]


def _entry(rule: Rule) -> dict[str, object]:
    entry: dict[str, object] = {
        "ref": rule.ref,
        "description": rule.description,
        "expression": canonical(rule.expression),
        "action": rule.action,
        "enabled": rule.enabled,
    }
    if rule.response is not None:
        entry["response"] = {
            "status": rule.response.status,
            "content_type": rule.response.content_type,
            "body": rule.response.body,
        }
    return entry
