"""Compiled rules in a real LuaJIT 2.1, and values of the engine as they are there."""

from functools import cache
from ipaddress import IPv4Address, IPv6Address

from lupa import luajit21

from mtls_tui.engine.fields_of import canonical_field, names_of
from mtls_tui.engine.lua import prelude
from mtls_tui.engine.lua.expressions import Expressions, Tables
from mtls_tui.engine.lua.fields import Reading
from mtls_tui.engine.lua.fields import default as default_reading
from mtls_tui.engine.lua.program import _filled
from mtls_tui.lang import ast

LARGEST = 1 << 53
"""No integer of a request is greater."""


class LuaJit:
    """One Lua state with the prelude."""

    def __init__(self, text: str | None = None) -> None:
        self.runtime = luajit21.LuaRuntime(encoding=None, register_eval=False, register_builtins=False)
        self.prelude = self.runtime.execute((prelude() if text is None else text).encode())
        self._load = self.runtime.eval(b"function(source) return assert(loadstring(source)) end")

    def chunk(self, source: str):
        """What a chunk returns when it gets the prelude."""
        assert source.isascii()
        return self._load(source.encode("ascii"))(self.prelude)

    def value(self, given):
        """A value of the engine as the prelude has it."""
        if isinstance(given, IPv4Address):
            return int(given)
        if isinstance(given, IPv6Address):
            return given.packed
        if isinstance(given, list | tuple):
            return self.runtime.table_from([self.value(item) for item in given])
        if isinstance(given, dict):
            values = {key: self.value(item) for key, item in given.items()}
            return self.runtime.table_from({b"values": self.runtime.table_from(list(values.values())),
                                            b"at": self.runtime.table_from(values)})  # fmt: skip
        return given

    def python(self, found):
        """A string, number, Boolean or array of these as Python has it."""
        if luajit21.lua_type(found) == "table":
            return [self.python(found[number]) for number in range(1, len(found) + 1)]
        return found

    def table(self, items: dict):
        return self.runtime.table_from({key.encode(): value for key, value in items.items()})

    def fields(self, given: dict):
        """The fields of a request as `given_reading` reads them."""
        return self.runtime.table_from({name.encode(): self.value(item) for name, item in known(given).items()})


@cache
def shared() -> LuaJit:
    """A state for tests that change nothing in it."""
    return LuaJit()


def known(given: dict) -> dict:
    """Fields by their canonical names."""
    found = {}
    for name, value in given.items():
        first = canonical_field(name)
        if name == first or not any(other in given for other in names_of(first)[: names_of(first).index(name)]):
            found[first] = value
    return found


def given_reading(name: str) -> Reading:
    """Any field of the catalogue, read from a table of given values."""
    default = default_reading(name)
    if not default.sure:
        return Reading(f'r["{name}"]', sure=False)
    return Reading(f'P.given(r["{name}"], {default.code})')


GIVEN_READINGS = (given_reading, lambda _name, _key: None)
GIVEN = "P.given = function(v, default) if v == nil then return default end return v end\n"


def condition_source(node: ast.Expr, lists=None) -> tuple[str, list]:
    """A chunk that returns a condition as a function of given fields, and what of it can't be compiled."""
    tables = Tables()
    writer = Expressions(GIVEN_READINGS, lists, tables)
    return _chunk(tables, writer.condition(node)), writer.refused


def value_source(node: ast.Value, lists=None) -> str:
    """The same for a value. Raises `RefusedError`."""
    tables = Tables()
    return _chunk(tables, Expressions(GIVEN_READINGS, lists, tables).value(node, 0).text)


def _chunk(tables: Tables, code: str) -> str:
    lines = ["local P = ...", "local K, Q = {}, {}", GIVEN, *_filled("K", tables.constants)]
    return "\n".join((*lines, *_filled("Q", tables.functions), "local f = {}", f"return function(r) return {code} end"))


def exact(value) -> bool:
    """Whether Lua has all integers of a value exactly."""
    if isinstance(value, dict):
        return all(map(exact, value.values()))
    if isinstance(value, list | tuple):
        return all(map(exact, value))
    return isinstance(value, bool) or not isinstance(value, int) or abs(value) <= LARGEST
