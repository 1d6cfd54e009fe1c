r"""No regular expression of the package holds what Python before 3.11.5 misreads, and those that read text stay linear.

There, a possessive quantifier on a group gives up matches that it must keep and keeps others that it must not
(CPython issue 106052): `(?:ab?c)*+` matches all of `aca`. On one character or one class it is right, in every version.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]

import pytest

from mtls_tui import lang
from mtls_tui.engine import hostnames, paths
from mtls_tui.lang.hints import literals as literal_hints
from mtls_tui.rulefile.places import Places

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "mtls_tui"
ONE_CHARACTER = (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN)

COMPILED_ON_IMPORT = """
import gc, importlib, json, pkgutil, re, sys
import pyparsing

patterns, compile = set(), re._compiler.compile

def recorded(pattern, flags=0):
    if isinstance(pattern, (str, bytes)):
        patterns.add((pattern if isinstance(pattern, str) else pattern.decode("latin-1"), int(flags) & ~re.UNICODE))
    return compile(pattern, flags)

re._compiler.compile = recorded
import mtls_tui
for module in pkgutil.walk_packages(mtls_tui.__path__, "mtls_tui."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
for thing in gc.get_objects():
    if isinstance(thing, pyparsing.Regex):
        thing.re  # compiled when it is first used
json.dump(sorted(patterns), sys.stdout)
"""


def misread(pattern, flags=0):
    """What Python before 3.11.5 misreads in a pattern; raises `re.error` for text that is not one."""

    def within(parsed):
        for kind, value in parsed:
            if kind is op.ATOMIC_GROUP:
                yield "an atomic group"
            if kind is op.POSSESSIVE_REPEAT and not (len(value[2]) == 1 and value[2][0][0] in ONE_CHARACTER):
                yield "a possessive quantifier on a group"
            yield from inside(value)

    def inside(value):
        if isinstance(value, _parser.SubPattern):
            yield from within(value)
        elif isinstance(value, (tuple, list)):
            for part in value:
                yield from inside(part)

    return sorted(set(within(_parser.parse(pattern, flags))))


@pytest.mark.parametrize(
    "pattern",
    [
        "(?:ab?c)*+",
        "(?:ab)++",
        "(a|b)?+",
        "(?:a|bc){1,3}+",
        "x(?:(?=(?:ab)*+)y|z)",
        "(?>ab)",
        "((?>a|ab))",
        "[a](?:ab)*+",
    ],
)
def test_what_is_misread_is_seen_at_any_depth(pattern):
    assert misread(pattern)


@pytest.mark.parametrize("pattern", ["a*+", "[ab]++", ".?+", "[^)]{2,3}+", r"\)*+", "(?:a++b)*", "[(?>)*+]"])
def test_what_every_python_reads_right_is_left_alone(pattern):
    assert not misread(pattern)


def test_no_pattern_compiled_on_import_is_misread_by_an_old_python():
    command = [sys.executable, "-c", COMPILED_ON_IMPORT]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout)
    assert {pattern for pattern, _ in found} >= {paths._PLAIN.pattern.decode(), lang.terminals.NAME.pattern}
    wrong = {pattern: what for pattern, flags in found if (what := misread(pattern, flags))}
    assert not wrong


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")  # of texts that are not patterns
def test_no_text_in_the_source_is_a_pattern_that_an_old_python_misreads():
    wrong = {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, (str, bytes)):
                continue
            text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
            text = text.replace("()*+,", "")  # characters of a URL (RFC 3986, sub-delims) in a row
            try:
                what = misread(text)
            except (re.error, OverflowError):  # a piece of a pattern, or not a pattern at all
                what = re.findall(r"(?<!\\)\)(?:[*+?]|\{[0-9,]+\})\+|\(\?>", text)
            if what:
                wrong[f"{path.relative_to(ROOT)}:{node.lineno}"] = what
    assert not wrong


N = 50_000


def parsed(text):
    try:
        lang.parse(text, max_length=None)
    except lang.ParseError as error:
        assert str(error)


HOSTILE = {
    "path of segments": lambda: paths.normalise(b"/a" * N + b"\x00"),
    "path of one segment": lambda: paths.normalise(b"/" + b"a" * N + b"//"),
    "path of dots": lambda: paths.stable(b"/." * N),
    "path of slashes": lambda: paths.stable(b"/" * N),
    "host of labels": lambda: hostnames.most_specific("a." * N + "!", {}),
    "host of one label": lambda: hostnames.most_specific("a" * N + "!", {}),
    "name": lambda: parsed("a" * N + "."),
    "name of parts": lambda: parsed("a." * N),
    "string": lambda: parsed('http.host eq "' + "a" * N + r"\q"),
    "string of escapes": lambda: parsed('http.host eq "' + r"\"" * N),
    "string of pairs": lambda: parsed('http.host eq "' + r"a\\" * N + "\\"),
    "bad escape in a long string": lambda: parsed('http.host eq "' + "a\\\\" * N + '\\q"'),
    "pattern": lambda: parsed('http.host matches "' + "a" * N),
    "pattern of escapes": lambda: parsed('http.host matches "' + r"\." * N + "\\"),
    "pattern of opened classes": lambda: parsed('http.host matches "' + "[" * N + "\\"),
    "pattern of escapes in a class": lambda: parsed('http.host matches "[' + r"a\]" * N + "\\"),
    "pattern of classes": lambda: parsed('http.host matches "' + r"[a\"]" * N + "\\"),
    "comment": lambda: Places("# " * N + "\n" + "#\n" * N + "a = 1"),
    "quoted key": lambda: Places('"' + r"a\\" * N + '" = 1'),
    "TOML string": lambda: Places('a = "' + r"\"b" * N + '"'),
    "TOML string of lines": lambda: Places('a = """' + '""b\n\\"' * N + '"""'),
    "TOML literal of lines": lambda: Places("a = '''b" + "''b\n" * N + "b'''"),
    "TOML array": lambda: Places("a = [" + "# b\n 'c', " * N + "]"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_text_of_any_shape_is_read_in_linear_time(name):
    start = time.process_time()
    HOSTILE[name]()
    assert time.process_time() - start < 5  # a quadratic reader takes a minute and more


@pytest.mark.parametrize("text", [r"a\q" * N, r"\\" * N, "\\" * N, "a" * N + "\\"])
def test_a_hint_about_a_backslash_looks_at_a_bounded_text(text):
    start = time.process_time()
    assert literal_hints._QUOTED.match('"' + text, 0) is None
    assert time.process_time() - start < 5
