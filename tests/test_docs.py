"""The pages are true: links lead somewhere, commands and options exist, named tests and front doors are there."""

import importlib.util
import inspect
import re
import shlex
from itertools import takewhile
from urllib.parse import unquote

import click
import pytest

from mtls_tui.cli import group
from tests.conftest import ROOT

PAGES = sorted(
    path
    for folder in ("", "docs", "docs/proxies", "sample_rules", "mtls_tui/demo/templates")
    for path in (ROOT / folder).glob("*.md")
)
DIFFERENCES = sorted((ROOT / "docs").glob("compatibility*.md"))
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def prose(page):
    return FENCE.sub("", page.read_text("utf-8"))


def anchor_of(heading):
    """What GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def headings(page):
    return re.findall(r"^##+ (.*)$", prose(page), re.M)


@each_page
def test_every_link_leads_to_a_file_and_a_heading(page):
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert not path or there.is_relative_to(ROOT), target
        if anchor:
            assert anchor in map(anchor_of, headings(there)), target


def test_every_page_can_be_reached_from_the_readme():
    seen, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page not in seen:
            seen.add(page)
            links = (page.parent / target.partition("#")[0] for target in LINK.findall(prose(page)))
            ahead += [there.resolve() for there in links if there.suffix == ".md" and there.exists()]
    # The one for demo workspaces is copied there.
    assert set(PAGES) - seen == {ROOT / "mtls_tui" / "demo" / "templates" / "README.md"}


def commands(text):
    """The words of every `mtls-tui …` in shell blocks and in inline code, up to where the shell takes over."""
    lines = re.findall(r"`(mtls-tui [^`]*)`", text)
    for kind, body in FENCE.findall(text):
        script = body.replace("\\\n", " ").split("\n")
        if kind == "console":  # the other lines are what it prints
            script = [line for line in script if line.startswith("$ ")]
        if kind in ("sh", "console"):
            lines += script
    for line in lines:
        for match in re.finditer(r"(?<![\w/.-])mtls-tui (?=[\w.-])", line):
            lexer = shlex.shlex(line[match.end() :], posix=True, punctuation_chars=True)
            lexer.whitespace_split = True
            try:
                yield line, list(takewhile(lambda word: not set(word) <= set("|&;<>()"), lexer))
            except ValueError:  # within quotes of the shell's own
                yield line, line[match.end() :].partition("|")[0].split()


def fault(words):
    """What is wrong with a command line, "" when verb and options exist. Values aren't looked at."""
    command = group
    words = list(words)
    while words:
        word = words.pop(0)
        if word == "--":
            break
        if not word.startswith("-") or word == "-":
            if isinstance(command, click.Group):
                found = command.get_command(click.Context(command), word)
                if found is None:
                    file = word.endswith(".toml") or word == "FILE"
                    return "" if command is group and file else f"no verb {word}"
                command = found
            continue
        name, _, value = word.partition("=")
        options = {
            spelled: option
            for option in command.get_params(click.Context(command, help_option_names=["-h", "--help"]))
            if isinstance(option, click.Option)
            for spelled in (*option.opts, *option.secondary_opts)
        }
        if name not in options:
            return f"{command.name} has no option {name}"
        if not options[name].is_flag and not options[name].count and not value:
            words = words[options[name].nargs :]
    return ""


@each_page
def test_every_command_has_verb_and_options_that_exist(page):
    faults = [f"{line}: {wrong}" for line, words in commands(page.read_text("utf-8")) if (wrong := fault(words))]
    assert faults == []


def test_a_command_that_is_none_is_seen():
    page = "`mtls-tui check --fixx x`\n```sh\nmtls-tui chek x.toml\ncd x; mtls-tui certs --store ca isue | cat\n```\n"
    assert [fault(words) for _, words in commands(page)] == [
        "check has no option --fixx",
        "no verb chek",
        "no verb isue",
    ]
    good = "```sh\nmtls-tui x.toml\nx=$(mtls-tui certs --store ca list) ; mtls-tui check --ignore=plan -q - # why\n```"
    assert [(words, fault(words)) for _, words in commands(good)] == [
        (["x.toml"], ""),
        (["certs", "--store", "ca", "list"], ""),
        (["check", "--ignore=plan", "-q", "-"], ""),
    ]


def test_pages_have_commands_to_look_at():
    assert sum(1 for page in PAGES for _ in commands(page.read_text("utf-8"))) > 40


def test_every_verb_is_on_some_page():
    said = {words[0] for page in PAGES for _, words in commands(page.read_text("utf-8")) if words}
    assert set(group.list_commands(click.Context(group))) - said == set()


def test_every_heading_about_differences_is_in_the_index():
    index = ROOT / "docs" / "compatibility.md"
    linked = set(LINK.findall(index.read_text("utf-8").split("## Index")[1].split("\n## ")[0]))
    for page in DIFFERENCES:
        for heading in headings(page):
            target = f"{'' if page == index else page.name}#{anchor_of(heading)}"
            assert heading == "Index" or target in linked, target


def test_every_test_that_pins_a_difference_is_there():
    tests = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        tests[path.name] = tests.get(path.name, "") + path.read_text("utf-8")
    for page in DIFFERENCES:
        for file, _, name in re.findall(r"`(?:tests/\w+/)?(test_\w+\.py)(::(test_\w+))?`", page.read_text("utf-8")):
            assert file in tests, f"{page.name}: {file}"
            assert not name or f"def {name}(" in tests[file], f"{page.name}: {file}::{name}"


def test_names_of_the_front_doors_are_there():
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8").split("## Front doors")[1].split("\n## ")[0]
    doors = re.findall(r"^\*\*(\w+)\*\* — (.*?)(?=^\*\*|\Z)", text, re.M | re.S)
    assert len(doors) == 10
    for package, names in doors:
        door = importlib.import_module(f"mtls_tui.{package}")
        for dotted in re.findall(r"`([A-Za-z_.]+)[^`…]*`", names):
            name = dotted.rpartition(".")[2]
            parts = [value for value in vars(door).values() if inspect.isclass(value) or inspect.ismodule(value)]
            submodule = importlib.util.find_spec(f"mtls_tui.{package}.{name}")
            assert submodule or any(hasattr(owner, name) for owner in (door, *parts)), f"{package}: {dotted}"
