"""From a syntax tree to expressions of Lua, over `r` (a request) and `f` (the facts of its certificate).

Written beside `engine.generate`, and as that is: every condition gives exactly true or false, every value nil when it
is missing. What a clause needs besides, sets and automata and functions, is gathered in numbered tables (`K`, `Q`), and
deep or wide trees are cut into functions of their own, so that no limit of LuaJIT's is met.

A clause that can't be compiled stands for what makes the whole condition true the more often: then the rule "may hold".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import TypeAlias

from mtls_tui.engine import regex, sets
from mtls_tui.engine.fields_of import canonical_field, is_mapped
from mtls_tui.engine.generate import over_elements
from mtls_tui.engine.lua import functions, text
from mtls_tui.engine.lua.dfa import DEAD, MATCHED, Dfa, automaton_of
from mtls_tui.engine.lua.fields import Reading
from mtls_tui.engine.lua.nfa import TooLargeError
from mtls_tui.engine.lua.refusal import Refused, RefusedError
from mtls_tui.engine.types_of import kind_of
from mtls_tui.lang import ast
from mtls_tui.lang.formatter import format_node
from mtls_tui.lang.regex import compile_pattern

_CUT_AT = 12
"""Nesting at which a part becomes a function of its own."""
_WIDEST = 64
"""Items of an `and`, `or` or `xor` that stand in one function."""
ORDER: Mapping[str, tuple[str, str]] = {"lt": ("<", "lt"), "le": ("<=", "le"), "gt": (">", "gt"), "ge": (">=", "ge")}
EQUALITY: Mapping[str, tuple[str, str]] = {"eq": ("==", "eq"), "ne": ("~=", "ne")}
"""The operator of Lua for values that are there, and the function of the prelude for others."""
LOGICAL: Mapping[str, str] = {"and": " and ", "or": " or ", "xor": " ~= "}


@dataclass(frozen=True, slots=True)
class Code:
    """An expression of Lua. `sure`: its value is never missing."""

    text: str
    sure: bool = False


@dataclass(frozen=True, slots=True)
class _Test:
    """A comparison with its left side left open. `plain` is for a left side that is there; `careful` for any."""

    plain: Callable[[str, str], str]
    careful: Callable[[str, str], str]
    right: str = ""
    """A right side that is not a constant."""

    def of(self, left: Code) -> str:
        return (self.plain if left.sure else self.careful)(left.text, self.right)


@dataclass(slots=True)
class Tables:
    """What the expressions refer to: `K` holds constants, `Q` functions. Equal ones share a number."""

    constants: list[str] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    _known: dict[tuple[str, object], str] = field(default_factory=dict)
    _kept: list[object] = field(default_factory=list)

    def constant(self, key: object, write: Callable[[], str]) -> str:
        """The name of a constant; `key` tells equal ones, by identity where it can't be hashed."""
        self._kept.append(key)
        return self._number("K", key if isinstance(key, tuple | frozenset) else id(key), self.constants, write)

    def function(self, source: str) -> str:
        """The name of a function with this source."""
        return self._number("Q", source, self.functions, lambda: source)

    def _number(self, table: str, key: object, among: list[str], write: Callable[[], str]) -> str:
        name = self._known.get((table, key))
        if name is None:
            among.append(write())
            name = self._known[table, key] = f"{table}[{len(among)}]"
        return name


Readings: TypeAlias = tuple[Callable[[str], Reading], Callable[[str, bytes], Reading | None]]
"""How a field is read, by its canonical name, and how one key of it, if that is read in another way."""


class Expressions:
    """Writes the conditions of rules; `refused` is what of the present rule can't be compiled."""

    def __init__(self, fields: Readings, lists: sets.Lists | None, tables: Tables) -> None:
        self._reading, self._named = fields
        self._lists = lists
        self._tables = tables
        self.readings: set[Reading] = set()
        """How the fields are read."""
        self.headers: set[str] | None = set()
        """The headers that were read; None for all."""
        self.refused: list[Refused] = []
        self._exactly = 0

    # --- conditions --------------------------------------------------------------------------------------------------

    def condition(self, node: ast.Expr, depth: int = 0, *, holds: bool = True) -> str:
        """A condition that is true or false. What can't be compiled counts as `holds`."""
        match node:
            case ast.Always():
                return "true" if node.value else "false"
            case ast.Not():
                written = f"(not {self.condition(node.item, depth + 1, holds=not holds)})"
            case ast.Logical(operator="xor"):
                written = self._or_refused(node, lambda: self._logical(node, depth, holds=holds), holds=holds)
            case ast.Logical():
                written = self._logical(node, depth, holds=holds)
            case ast.Test():
                written = self._or_refused(node, lambda: self._test(node.value, depth + 1), holds=holds)
            case ast.Comparison():
                written = self._or_refused(node, lambda: self._comparison(node, depth + 1), holds=holds)
        return self._part(written) if depth and depth % _CUT_AT == 0 else written

    def _or_refused(self, node: ast.Expr, write: Callable[[], str], *, holds: bool) -> str:
        if self._exactly:
            return write()
        self._exactly += 1
        try:
            return write()
        except RefusedError as error:
            self.refused.append(Refused(error.kind, error.name, error.reason, format_node(node)))
            return "true" if holds else "false"
        finally:
            self._exactly -= 1

    def _logical(self, node: ast.Logical, depth: int, *, holds: bool) -> str:
        items = [self.condition(item, depth + 1, holds=holds) for item in node.items]
        word = LOGICAL[node.operator]
        while len(items) > _WIDEST:
            items = [self._part(word.join(items[at : at + _WIDEST])) for at in range(0, len(items), _WIDEST)]
        if node.operator == "xor":  # `~=` does not chain in Lua: from the left
            joined = items[0]
            for count, item in enumerate(items[1:], 1):
                joined = f"({joined}{word}{item})"
                joined = self._part(joined) if count % _CUT_AT == 0 else joined
            return joined
        return f"({word.join(items)})"

    def _test(self, value: ast.Value, depth: int) -> str:
        if isinstance(value, ast.Call) and value.name in ("any", "all"):
            return self._quantifier(value, depth)
        code = self.value(value, depth)
        return code.text if code.sure else f"({code.text} == true)"

    def _quantifier(self, call: ast.Call, depth: int) -> str:
        argument = call.arguments[0]
        if isinstance(argument, ast.Comparison):
            values, tester, right = self._elementwise(argument, depth)
            return f"P.{call.name}_of({values}, {tester}{right})"
        return f"P.{call.name}({self._column(argument, depth + 1)})"

    def _comparison(self, node: ast.Comparison, depth: int) -> str:
        return self._tester(node, depth).of(self.value(node.left, depth))

    def _part(self, written: str) -> str:
        return self._tables.function(f"function(r, f) return {written} end") + "(r, f)"

    # --- columns: a truth value for every element --------------------------------------------------------------------

    def _elementwise(self, node: ast.Comparison, depth: int) -> tuple[str, str, str]:
        """The values, a function that tests one of them, and the further argument of that."""
        test = self._tester(node, depth)
        tester = self._tables.function(f"function(v, x) return {test.plain('v', 'x')} end")
        return self.value(node.left, depth).text, tester, f", {test.right}" if test.right else ""

    def _column(self, node: ast.Argument, depth: int) -> str:
        match node:
            case ast.Comparison():
                values, tester, right = self._elementwise(node, depth)
                written = f"P.column({values}, {tester}{right})"
            case ast.Test():
                return self.value(node.value, depth).text
            case ast.Not():
                written = f"P.each_not({self._column(node.item, depth + 1)})"
            case ast.Logical():
                written = self._column(node.items[0], depth + 1)
                for count, item in enumerate(node.items[1:], 1):
                    written = f"P.each_{node.operator}({written}, {self._column(item, depth + 1)})"
                    written = self._part(written) if count % _CUT_AT == 0 else written
            case _:
                return self.value(node, depth).text
        return self._part(written) if depth and depth % _CUT_AT == 0 else written

    # --- the right side ----------------------------------------------------------------------------------------------

    def _tester(self, node: ast.Comparison, depth: int) -> _Test:
        right, operator, kind = node.right, node.operator, kind_of(node.left)
        match right:
            case ast.Set():
                return self._among(sets.of_set(right))
            case ast.ListName():
                return self._among(sets.of_list(right.name, kind, self._lists))
            case ast.Pattern():
                return self._pattern(operator, right.value)
            case ast.String() | ast.Integer() | ast.Address():
                return self._literal(operator, right)
        other = self.value(right, depth)
        return _compared(operator, kind, other.text, sure=other.sure)

    def _literal(self, operator: ast.Operator, right: ast.Literal) -> _Test:
        if operator == "bitwise_and":
            assert isinstance(right, ast.Integer)
            low = right.value & 0xFFFFFFFF
            return _called("bits", f"{right.value >> 32}, {low}")
        written = constant(right.value)
        if operator == "contains":
            return _called("contains", written)
        kind = {ast.String: "Bytes", ast.Integer: "Int", ast.Address: "Ip"}[type(right)]
        test = _compared(operator, kind, written, sure=True)
        plain, careful = test.plain, test.careful
        return _Test(lambda left, _: plain(left, written), lambda left, _: careful(left, written))

    def _among(self, found: sets.Members) -> _Test:
        table = self._tables.constant
        if isinstance(found, sets.Addresses):
            return _called("among_addresses", table(found, lambda: _addresses(found)))
        if isinstance(found, sets.Integers):
            return _called("within", table(found, lambda: _integers(found)))
        if isinstance(found, sets.Hostnames):
            return _called("among_hosts", table(found, lambda: _hosts(found)))
        name = table(found, lambda: text.lookup(sorted(constant(item) for item in found if _exact(item))))
        return _Test(lambda left, _: f"({name}[{left}] == true)", lambda left, _: f"({name}[{left}] == true)")

    def _pattern(self, operator: str, pattern: bytes) -> _Test:
        if operator == "matches":
            compile_pattern(pattern)
            try:
                dfa = automaton_of(pattern)
            except TooLargeError as error:
                raise RefusedError("bound", "regular expression", str(error)) from None
            return _called("matches", self._tables.constant(("matches", pattern), lambda: _automaton(dfa)))
        strict = operator == "strict wildcard"
        pieces = regex.wildcard_pieces(pattern if strict else pattern.lower())
        if len(pieces) == 1:
            whole = text.string(pieces[0])
            if strict:
                return _Test(lambda left, _: f"({left} == {whole})", lambda left, _: f"({left} == {whole})")
            return _Test(
                lambda left, _: f"(P.lower({left}) == {whole})", lambda left, _: f"(P.lower({left}) == {whole})"
            )
        name = self._tables.constant(("wildcard", pieces), lambda: text.array(map(text.string, pieces)))
        return _called("wildcard" if strict else "wildcard_any_case", name)

    # --- values ------------------------------------------------------------------------------------------------------

    def value(self, node: ast.Argument, depth: int) -> Code:
        """A value; for one over `[*]` the array of its elements. Raises `RefusedError`."""
        match node:
            case ast.Field():
                return self._field(node)
            case ast.Index():
                code = self._index(node, depth + 1)
            case ast.Call():
                code = self._call(node, depth + 1)
            case ast.String() | ast.Integer() | ast.Address():
                return Code(constant(node.value), sure=True)
            case _:  # a whole expression as the argument of a function
                return self._argument(node)
        return Code(self._part(code.text), code.sure) if depth and depth % _CUT_AT == 0 else code

    def _argument(self, node: ast.Expr) -> Code:
        """A whole expression as the argument of a function: its value counts, so nothing in it may be left out."""
        self._exactly += 1
        try:
            several = over_elements(node)
            return Code(self._part(self._column(node, 1) if several else self.condition(node, 1)), sure=not several)
        finally:
            self._exactly -= 1

    def _field(self, node: ast.Field) -> Code:
        return self._read(self._reading(canonical_field(node.name)))

    def _read(self, reading: Reading) -> Code:
        self.readings.add(reading)
        if reading.part == "headers" and self.headers is not None:
            if reading.header:
                self.headers.add(reading.header)
            else:
                self.headers = None
        return Code(reading.code, reading.sure)

    def _index(self, node: ast.Index, depth: int) -> Code:
        if isinstance(node.key, ast.String) and isinstance(node.base, ast.Field):
            reading = self._named(canonical_field(node.base.name), node.key.value)
            if reading is not None:
                return self._read(reading)
        base = self.value(node.base, depth)
        several, map_ = is_mapped(node.base), kind_of(node.base) == "Map"
        if several and map_:
            raise RefusedError("function", "[*]", "`[*]` over arrays of maps is not compiled: no field is one")
        if node.key is None:
            if several:
                return Code(f"P.flatten({base.text})", base.sure)
            return Code(f"P.values({base.text})", base.sure) if map_ else base
        if isinstance(node.key, int):
            return Code(f"P.{'pick_at' if several else 'at'}({base.text}, {node.key + 1})")
        return Code(f"P.key({base.text}, {text.string(node.key.value)})")

    def _call(self, call: ast.Call, depth: int) -> Code:
        if call.name in ("any", "all"):
            return Code(self._part(self._quantifier(call, 1)), sure=True)
        if call.name in functions.NEVER:
            return Code("nil")
        written = functions.written(call)
        given = [self.value(argument, depth) for argument in written.arguments or call.arguments]
        several = functions.over_elements(call)
        code = given[0].text
        groups = [[one.text] for one in given[1:]] if written.pairwise else [[one.text for one in given[1:]]]
        for count, rest in enumerate(groups, 1):
            arguments = ", ".join((code, *rest))
            code = f"P.mapped(P.{written.name}, {arguments})" if several else f"P.{written.name}({arguments})"
            code = self._part(code) if count % _CUT_AT == 0 else code
        return Code(code, written.sure and all(one.sure for one in given) and not several)


def constant(value: bytes | int | IPv4Address | IPv6Address) -> str:
    """The value of a literal as Lua writes it."""
    if isinstance(value, bytes):
        return text.string(value)
    return text.integer(value) if isinstance(value, int) else text.address(value)


def _called(function: str, argument: str) -> _Test:
    """A test by a function of the prelude, which also takes a missing left side."""
    return _Test(
        lambda left, _: f"P.{function}({left}, {argument})", lambda left, _: f"P.{function}({left}, {argument})"
    )


def _compared(operator: str, kind: str, right: str, *, sure: bool) -> _Test:
    """A test of equality or order; `sure`: the right side is there."""
    if kind not in ("Bytes", "Int", "Ip"):
        raise RefusedError("function", operator, f"`{operator}` is not compiled for {kind}")
    if operator in EQUALITY:
        symbol, function = EQUALITY[operator]
    else:
        symbol, function = ORDER[operator]
        if kind == "Ip":
            function = f"ip_{function}"
            sure = False

    def careful(left: str, other: str) -> str:
        return f"P.{function}({left}, {other})"

    def plain(left: str, other: str) -> str:
        return f"({left} {symbol} {other})"

    # `nil == x` is false by itself where x is there.
    return _Test(plain if sure else careful, plain if sure and operator == "eq" else careful, right)


def _exact(item: object) -> bool:
    """Whether a request can have this integer; strings always."""
    return not isinstance(item, int) or abs(item) <= text.EXACT


def _integers(found: sets.Integers) -> str:
    ranges = list(found.intervals())
    return text.array(text.array(map(text.integer, side)) for side in zip(*ranges, strict=True))


def _addresses(found: sets.Addresses) -> str:
    sides = []
    for version in (4, 6):
        ranges = list(found.intervals(version))
        for side in (0, 1):
            sides.append(text.array(text.address_number(version, one[side]) for one in ranges))
    return text.array(sides)


def _hosts(found: sets.Hostnames) -> str:
    names = text.lookup(sorted(map(text.string, found.names)))
    suffixes = text.lookup(sorted(map(text.string, found.suffixes)))
    return f"{{names={names},suffixes={suffixes}}}" if found.suffixes else f"{{names={names}}}"


def _automaton(dfa: Dfa) -> str:
    """States become places in one array: the step of a state on a class is at their sum."""
    width = len(dfa.steps[0])
    places = {DEAD: 0, MATCHED: -1} | {state: state * width + 1 for state in range(len(dfa.steps))}
    steps = text.array(str(places[target]) for row in dfa.steps for target in row)
    classes = text.array((f"[0]={dfa.classes[0]}", *map(str, dfa.classes[1:])))
    return f"{{classes={classes},steps={steps},start=1,finish={width - 1}}}"
