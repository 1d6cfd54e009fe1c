"""A mistake in any template of the generator, or in any function of the prelude, is noticed by some probe.

`python -m tests.engine.lua.test_mutants` plants one small mistake after the other in the whole prelude, and prints
those that no probe notices: minutes, not part of the suite.
"""

import re
import sys

import pytest

from mtls_tui.engine.lua import expressions, fields, functions, prelude
from tests.engine.lua import luajit, probes

pytestmark = pytest.mark.slow

FUNCTIONS = sorted(set(re.findall(r"^function P\.(\w+)", prelude(), re.MULTILINE)))
STUBS = {"nil": b"return nil", "true": b"return true", "false": b"return false", "its argument": b"return ...",
         "its second argument": b"return (select(2, ...))"}  # fmt: skip


def test_no_probe_differs_without_a_mistake():
    assert probes.difference() == ""


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_of_the_prelude_is_needed(name):
    for stub, body in STUBS.items():
        lua = luajit.LuaJit()
        if name == "int_to_string" and "argument" in stub:
            continue  # a number where a string belongs: no rule can tell, since Lua would join both alike
        lua.prelude[name.encode()] = lua.runtime.eval(b"function(...) " + body + b" end")
        if SAME.get(name) != stub:
            assert probes.difference(lua), stub


SAME = {"bytes_to_string": "its argument", "coalesce": ""}
"""Functions that one of the stubs is."""


def swapped(table, name, other):
    changed = dict(table)
    changed[name] = other
    return changed


OPERATORS = [("EQUALITY", name, other) for name, other in (("eq", "ne"), ("ne", "eq"))] + [
    ("ORDER", name, other) for name, other in (("lt", "le"), ("le", "lt"), ("gt", "ge"), ("ge", "gt"), ("lt", "gt"),
    ("le", "ge"))
]  # fmt: skip


@pytest.mark.parametrize(("table", "name", "other"), OPERATORS)
def test_another_comparison_is_noticed(table, name, other, monkeypatch):
    found = getattr(expressions, table)
    monkeypatch.setattr(expressions, table, swapped(found, name, found[other]))
    assert probes.difference()


@pytest.mark.parametrize(("name", "other"), [("and", " or "), ("or", " and "), ("xor", " == ")])
def test_another_logical_operator_is_noticed(name, other, monkeypatch):
    monkeypatch.setattr(expressions, "LOGICAL", swapped(expressions.LOGICAL, name, other))
    assert probes.difference()


ALIKE = {
    1: ["lower", "upper", "len", "encode_base64", "decode_base64", "url_decode"],
    2: ["starts_with", "ends_with", "remove_bytes", "concat", "coalesce"],
}


@pytest.mark.parametrize("key", sorted(functions._SIMPLE), ids=lambda key: f"{key[0]}-{key[1]}")
def test_another_function_is_noticed(key, monkeypatch):
    for other in {*ALIKE.get(key[1], ()), "coalesce"} - {functions._SIMPLE[key].name}:
        monkeypatch.setattr(functions, "_SIMPLE", swapped(functions._SIMPLE, key, functions.Written(other)))
        assert probes.difference(), other


@pytest.mark.parametrize("kind", ["Int", "Bool", "Ip"])
def test_another_text_is_noticed(kind, monkeypatch):
    for other in sorted({"Int", "Bool", "Ip"} - {kind}):
        changed = swapped(functions._TO_STRING, kind, functions._TO_STRING[other])
        monkeypatch.setattr(functions, "_TO_STRING", changed)
        assert probes.difference(), other


def groups():
    """Fields whose values are of one kind."""
    found = {}
    for name, reading in fields.READINGS.items():
        if not name.startswith("raw."):
            found.setdefault(str(fields.FIELDS[name].type), []).append((name, reading))
    return found.values()


@pytest.mark.parametrize("name", sorted(name for name in fields.READINGS if not name.startswith("raw.")))
def test_another_field_is_noticed(name, monkeypatch):
    group = next(group for group in groups() if any(other == name for other, _ in group))
    others = [reading for other, reading in group if other != name] or [fields.Reading("nil", sure=False)]
    for reading in others:
        monkeypatch.setattr(fields, "READINGS", swapped(fields.READINGS, name, reading))
        assert probes.difference(), reading


# --- small mistakes in the text of the prelude ------------------------------------------------------------------------

SWAPS = {" <= ": " < ", " < ": " <= ", " >= ": " > ", " > ": " >= ", " == ": " ~= ", " ~= ": " == ", " and ": " or ",
         " or ": " and ", " + 1": " + 2", " - 1": " - 0", " true": " false", " false": " true", "not ": "",
         " + ": " - ",
         " - ": " + ", "[1]": "[2]", " 0": " 1", " 1": " 2", ", 2": ", 1", " % ": " + "}  # fmt: skip


def mutants():
    """Line, what was changed, and the prelude with that mistake."""
    text = prelude()
    start = text.index("local P = {}")
    for old, new in SWAPS.items():
        for match in re.finditer(re.escape(old), text[start:]):
            at = start + match.start()
            line = text.count("\n", 0, at) + 1
            if not text.splitlines()[line - 1].lstrip().startswith("--"):
                yield line, f"{old}->{new}", text[:at] + new + text[at + len(old) :]


def noticed(text: str) -> bool:
    try:
        lua = luajit.LuaJit(text)
    except probes.LuaError:
        return True
    # A mistake may make a loop endless: a hook ends it.
    lua.runtime.execute(b"jit.off() debug.sethook(function() error('too long') end, '', 100000000)")
    return bool(probes.difference(lua))


if __name__ == "__main__":
    every = list(mutants())
    missed = 0
    for count, (line, what, text) in enumerate(every):
        if not noticed(text):
            missed += 1
            print(f"{line}: {what}: {text.splitlines()[line - 1].strip()}", flush=True)
        if count % 100 == 99:
            print(f"{count + 1} of {len(every)}, {missed} not noticed", file=sys.stderr, flush=True)
    print(f"{len(every)} mistakes, {missed} not noticed")
