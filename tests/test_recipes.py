"""The recipes of CONTRIBUTING.md: a step that was forgotten makes a test fail, here or where the recipe says."""

from __future__ import annotations

import importlib
import re
import tomllib
import typing
from ipaddress import ip_address

import click
import pytest

from mtls_tui import engine, lang
from mtls_tui.analysis import CHECKS, unprotected
from mtls_tui.analysis.finding import Check
from mtls_tui.cli import VERBS, certs, convert, group, module_of
from mtls_tui.engine.model import Rule
from mtls_tui.lang import ast, grammar, terminals
from mtls_tui.lang.catalogue import BUILDER, OPERATORS
from mtls_tui.lang.clause import clause_text
from mtls_tui.lang.completion import complete
from mtls_tui.lang.describe import describe
from mtls_tui.lang.types import BYTES, INT, IP
from mtls_tui.tui.registry import subjects
from mtls_tui.tui.text.highlight import highlight
from tests.conftest import ROOT
from tests.lang.test_grammar import places

# --- an operator --------------------------------------------------------------------------------------------------

SUBJECTS = {BYTES: "http.user_agent", INT: "cf.edge.server_port", IP: "ip.src"}
RIGHTS = {BYTES: '"abc"', INT: "6", IP: "192.0.2.1"}
VALUES = {BYTES: [b"", b"abc", b"abd", b"ab"], INT: [0, 5, 6, 7], IP: [ip_address("192.0.2.1"), ip_address("::1")]}
LISTS = {BYTES: {"office": ["abc"]}, INT: {"office": [6]}, IP: {"office": ["192.0.2.1"]}}
COMPARISONS = [info for info in OPERATORS.values() if info.kind == "comparison"]
WORDS = [info for info in OPERATORS.values() if info.kind in ("comparison", "logical")]


def choices():
    for choice in BUILDER.values():
        for type_ in choice.types:
            yield pytest.param(choice, type_, id=f"{choice.label}-{type_.name}")


def text_of(choice, type_):
    right = f"r{RIGHTS[type_]}" if choice.operator == "matches" else RIGHTS[type_]
    right = {"set": f"{{{right}}}", "list": "$office"}.get(choice.form, right)
    return clause_text(SUBJECTS[type_], choice, right)


@pytest.mark.parametrize(("choice", "type_"), choices())
def test_an_operator_is_read_written_described_and_evaluated(choice, type_):
    text = text_of(choice, type_)
    expression = lang.parse(text)
    assert places(grammar.read_expression(text)) == places(expression.root)
    assert lang.parse(lang.format(expression)) == expression
    row = describe(expression.root)
    assert row.choice is not None and choice.label in row.words
    matches = engine.compile(expression, lists=LISTS[type_])
    answers = set()
    for value in VALUES[type_]:
        given = {SUBJECTS[type_]: value}
        answers.add(matches(given))
        assert engine.explain(expression, given, lists=LISTS[type_]).verdict is matches(given)
    assert answers == {True, False}


@pytest.mark.parametrize(("choice", "type_"), choices())
def test_a_request_is_found_for_every_operator(choice, type_):
    rules = [Rule("r", lang.parse(f"not ({text_of(choice, type_)})"), "block")]
    found = unprotected("api.example.com", engine.Ruleset(rules, LISTS[type_]))
    assert found.status == "reached"


def test_every_spelling_of_an_operator_is_read_and_coloured():
    assert {info.name for info in COMPARISONS} == set(typing.get_args(ast.Operator))
    spelled = {spelling: info.name for info in COMPARISONS for spelling in (info.name, info.symbol) if spelling}
    assert spelled == terminals.OPERATORS
    for info in WORDS:
        for spelling in filter(None, (info.name, info.symbol)):
            wanted = "operator" if info.kind == "comparison" else "word"
            for start, end, style in highlight(spelling):
                assert style == wanted or spelling[start:end].isspace(), spelling


def test_every_documented_operator_is_offered_after_a_field_of_its_type():
    for type_, subject in SUBJECTS.items():
        offered = {item.text.strip() for item in complete(f"{subject} ", len(subject) + 1).items}
        assert offered == {info.name for info in COMPARISONS if type_ in info.types and info.documented}


@pytest.mark.parametrize("name", [info.name for info in WORDS])
def test_an_operator_in_upper_case_is_told_how_it_is_written(name):
    text = f"ssl {name.upper()} ssl" if OPERATORS[name].kind == "logical" else f'http.host {name.upper()} "a"'
    with pytest.raises(lang.ParseError) as caught:
        lang.parse(text if name != "not" else "NOT ssl")
    assert f"`{name.split()[0]}`" in caught.value.diagnostic.hint


# --- a check of lint ----------------------------------------------------------------------------------------------


def test_every_check_in_a_file_of_its_own_is_registered():
    folder = ROOT / "mtls_tui" / "analysis" / "checks"
    written = {
        id(value)
        for path in folder.glob("[!_]*.py")
        for value in vars(importlib.import_module(f"mtls_tui.analysis.checks.{path.stem}")).values()
        if isinstance(value, Check)
    }
    assert {id(check) for check in CHECKS} == written


# --- a verb -------------------------------------------------------------------------------------------------------


def test_every_file_with_a_command_is_a_verb_with_a_line_of_help():
    folder = ROOT / "mtls_tui" / "cli"
    files = {path.stem for path in folder.glob("[!_]*.py") if "\ndef command(" in path.read_text("utf-8")}
    folders = {path.parent.name for path in folder.glob("*/__init__.py")}
    assert files | folders == {module_of(verb) for verb in VERBS}
    listed = group.get_help(click.Context(group))
    for verb, line in VERBS.items():
        assert verb in listed and line[:30] in listed
        command = group.get_command(click.Context(group), verb)
        assert command is not None and command.help


def test_every_file_of_a_verb_with_verbs_of_its_own_is_one_of_them():
    assert isinstance(certs.command, click.Group)
    commands = [path.stem for path in (ROOT / "mtls_tui" / "cli" / "certs").glob("[!_]*.py")
                if "\ndef command(" in path.read_text("utf-8")]  # fmt: skip
    assert sorted(command.removesuffix("_") for command in commands) == sorted(certs.command.commands)
    assert all(f" {verb}" in (certs.command.help or "") for verb in certs.command.commands)


# --- a target -----------------------------------------------------------------------------------------------------


def test_every_target_can_be_asked_for_and_is_on_its_page():
    option = next(one for one in convert.command.params if one.name == "target")
    assert isinstance(option.type, click.Choice)
    asked = tuple(option.type.choices)
    assert asked == typing.get_args(convert.OutputFormat)
    page = (ROOT / "docs" / "convert.md").read_text("utf-8")
    assert all(f"| `{target}` |" in page for target in asked)
    files = {path.stem for path in (ROOT / "mtls_tui" / "targets").glob("[!_]*.py")}
    assert {file for file in files if not any(target.startswith(file) for target in asked)} == set()


# --- boards and panes -------------------------------------------------------------------------------------------


def test_every_module_that_registers_a_part_of_the_screen_or_an_action_is_loaded():
    folder = ROOT / "mtls_tui" / "tui"
    registers = re.compile(r"^ *(?:@action\(|add_(?:board|pane|context)\()", re.MULTILINE)
    found = {
        ".".join(path.relative_to(folder).with_suffix("").parts)
        for path in folder.rglob("*.py")
        if registers.search(path.read_text("utf-8"))
    }
    assert found - {"registry.parts"} == set(subjects.MODULES)


# --- CONTRIBUTING.md itself ---------------------------------------------------------------------------------------

PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def test_files_that_the_recipes_name_are_there():
    named = re.findall(r"`([\w./]+(?:\.(?:py|json|md|toml)|/))`", PAGE)
    assert len(named) > 40
    missing = {
        name
        for name in named
        if "NAME" not in name
        and not any((base / name).exists() for base in (ROOT, ROOT / "mtls_tui", ROOT / "tests"))
        and not list((ROOT / "tests").rglob(name))
    }
    assert missing == {"board.py", "pane.py"}, "names of files that a recipe makes"


def test_the_map_of_tests_names_every_folder_and_every_test_of_a_row_is_in_its_folder():
    rows = re.findall(r"^\| `(tests/[\w/]*)` \| .* \| (.*) \|$", PAGE, re.MULTILINE)
    folders = {f"tests/{path.name}/" for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name[0] != "_"}
    assert {folder for folder, _ in rows} == folders | {"tests/"}
    for folder, tests in rows:
        for name in re.findall(r"`([\w/]+\.py)`", tests):
            assert (ROOT / folder / name).exists() or (ROOT / name).exists(), (folder, name)


def test_every_package_has_a_folder_of_tests_or_a_test_of_its_name():
    for path in (ROOT / "mtls_tui").iterdir():
        if (path / "__init__.py").exists():
            assert (ROOT / "tests" / path.name).is_dir() or (ROOT / "tests" / f"test_{path.name}.py").exists(), path


def test_make_has_every_target_that_is_named():
    rules = (ROOT / "Makefile").read_text("utf-8")
    for name in re.findall(r"make (\w+)", PAGE):
        assert re.search(rf"^{name}:", rules, re.MULTILINE), name


def test_failed_tests_can_be_run_again_and_skipped_ones_say_why():
    options = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]["ini_options"]["addopts"]
    shown = re.search(r"(?<!\S)-r(\w+)", options)
    assert shown is not None and {"f", "E", "s"} <= set(shown[1])
    assert "no:cacheprovider" not in options
    assert ".pytest_cache/" in (ROOT / ".gitignore").read_text("utf-8").split()
