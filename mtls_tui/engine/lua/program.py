"""The rules of one host as one chunk of Lua: their order, actions and index. See `prelude.lua` for how it is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mtls_tui.engine.folding import fold
from mtls_tui.engine.guards import HOST, LOWERED_HOST, GuardedField
from mtls_tui.engine.index import RuleIndex
from mtls_tui.engine.lua import text
from mtls_tui.engine.lua.expressions import Expressions, Tables, constant
from mtls_tui.engine.lua.fields import PARTS, Part, named, reading_of
from mtls_tui.engine.lua.refusal import Refused, RefusedError
from mtls_tui.engine.model import Rule
from mtls_tui.engine.program import is_logging
from mtls_tui.engine.ruleset import Ruleset
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import FIELDS

MAX_BYTES = 16 << 20
"""Bytes of one host's chunk: each thread of Envoy compiles and keeps its own."""
MAX_STRAIGHT = 32
"""No more rules than this are asked in order, without an index."""
_IN_ONE = 50
"""Rules that are asked in one function of Lua."""
_FILLED_IN_ONE = 500
"""Numbered constants or functions that one function of Lua fills in."""

Effect: TypeAlias = Literal["decides", "logs", "asks"]


@dataclass(frozen=True, slots=True)
class Compiled:
    """Rules as Lua.

    `source` is a chunk that takes the table of `prelude.lua` and returns `decide(request, facts)`. That gives the
    number of a rule in `rules`, from 1. `reads` are the keys of `request` that it needs, `headers` the lower-case names
    of headers that suffice (None: all of them), `facts` the certificate fields that `facts` has to hold. `asks` tells
    what can't be compiled: when such a rule is reached and may hold, the decision service is asked.
    """

    source: str
    rules: tuple[Rule, ...]
    reads: frozenset[Part]
    headers: frozenset[str] | None
    facts: frozenset[str]
    asks: tuple[Refused, ...] = ()

    @property
    def weight(self) -> int:
        """Bytes of the source: what it takes in Envoy's configuration, and a measure of the memory of each thread."""
        return len(self.source)


def compile_rules(ruleset: Ruleset, host: str, *, paths_matter: bool = True) -> Compiled | Refused:
    """The enabled rules that can match on a host of the policy, by its name there (`*.example.com` for a wildcard).

    `paths_matter`: whether a request whose path is not in its normal form is put to the service (which refuses it) on
    this host although no rule that is compiled here reads a path; see `Policy.paths_matter`.
    """
    return Program(ruleset, host, paths_matter=paths_matter).compiled()


class Program:
    """Gathers the code of the rules, and joins it. `reading` tells how fields are read."""

    def __init__(
        self,
        ruleset: Ruleset,
        host: str,
        *,
        paths_matter: bool = True,
    ) -> None:
        self._ruleset = ruleset
        self._name = host.encode("ascii")
        self._suffix = self._name[1:] if self._name.startswith(b"*.") else b""
        self._paths_matter = paths_matter
        self._tables = Tables()
        self._writer = Expressions((reading_of, named), ruleset.lists, self._tables)
        self._asks: list[Refused] = []

    def compiled(self) -> Compiled | Refused:
        """The chunk, or why there is none."""
        rules, conditions = self._rules()
        code = [self._condition(rule, condition) for rule, condition in zip(rules, conditions, strict=True)]
        logging = any(effect == "logs" for _, effect in code)
        index = self._index(conditions)
        deciding = self._indexed(code, index) if len(rules) > MAX_STRAIGHT and index.tables else self._straight(code)
        source = "\n".join((*self._opening(), *deciding, *self._decide(logging=logging), ""))
        if len(source) > MAX_BYTES:
            return Refused("bound", "size", f"the rules would take more than {MAX_BYTES >> 20} MiB of Lua")
        readings = self._writer.readings
        headers = self._writer.headers
        return Compiled(
            source,
            rules,
            self._parts(),
            None if headers is None else frozenset(headers),
            frozenset(reading.fact for reading in readings if reading.fact),
            tuple(self._asks),
        )

    def _parts(self) -> frozenset[Part]:
        found: set[Part] = {"host"}
        found.update(reading.part for reading in self._writer.readings if reading.part is not None)
        if self._paths_matter:
            found.add("target")
        return frozenset(found)

    # --- rules -------------------------------------------------------------------------------------------------------

    def _rules(self) -> tuple[tuple[Rule, ...], list[ast.Expr]]:
        """The rules that can match on the host, and what is left of their conditions there."""
        enabled = self._ruleset.enabled
        if self._suffix:
            return enabled, [rule.expression.root for rule in enabled]
        known: dict[GuardedField, bytes] = {HOST: self._name, LOWERED_HOST: self._name}
        found: list[Rule] = []
        conditions: list[ast.Expr] = []
        for position in self._ruleset.index.positions_for_host(self._name):
            condition = fold(enabled[position].expression.root, known)
            if not isinstance(condition, ast.Always) or condition.value:
                found.append(enabled[position])
                conditions.append(condition)
        return tuple(found), conditions

    def _index(self, conditions: Sequence[ast.Expr]) -> RuleIndex:
        """The index by the guards that can be read there."""
        index = RuleIndex(ast.Expression(condition) for condition in conditions)
        return index.without(frozenset(guarded.name for guarded in index.tables if not self._is_read(guarded.name)))

    def _is_read(self, name: str) -> bool:
        try:
            reading_of(name)
        except RefusedError:
            return False
        return True

    def _condition(self, rule: Rule, condition: ast.Expr) -> tuple[str, Effect]:
        self._writer.refused = []
        code = self._writer.condition(condition)
        refused = self._writer.refused
        if refused:
            self._asks += [Refused(one.kind, one.name, one.reason, one.place, rule.ref) for one in refused]
            return code, "asks"
        return code, "logs" if is_logging(rule) else "decides"

    # --- the chunk ---------------------------------------------------------------------------------------------------

    def _opening(self) -> list[str]:
        lines = ["local P = ...", "local K, Q, R, B = {}, {}, {}, {}"]
        for name, items in (("K", self._tables.constants), ("Q", self._tables.functions)):
            lines += _filled(name, items)
        return lines

    def _straight(self, code: Sequence[tuple[str, Effect]]) -> list[str]:
        """All rules in order: some at a time in one function, which gives the number that decides, or -1 to ask."""
        blocks = []
        for start in range(0, len(code), _IN_ONE):
            lines = ["function(r, f, logged)"]
            for number, (condition, effect) in enumerate(code[start : start + _IN_ONE], start + 1):
                outcome = {
                    "decides": f"return {number}",
                    "asks": "return -1",
                    "logs": f"logged[#logged + 1] = {number}",
                }
                lines.append(f"if {condition} then {outcome[effect]} end")
            blocks.append("\n".join((*lines, "end")))
        if len(blocks) == 1:
            return [*_filled("B", blocks), "local only = B[1]",
                    "local function decided(r, f, logged) return only(r, f, logged) or 0 end"]  # fmt: skip
        return [
            *_filled("B", blocks),
            "local function decided(r, f, logged)",
            "for i = 1, #B do",
            "local number = B[i](r, f, logged)",
            "if number then return number end",
            "end",
            "return 0",
            "end",
        ]

    def _indexed(self, code: Sequence[tuple[str, Effect]], index: RuleIndex) -> list[str]:
        """Only the rules that can match, by the values of their guards, in order."""
        effects = ",".join(_EFFECTS[effect] for _, effect in code)
        several: list[str] = []
        tables, merges = [], []
        for guarded, table in index.tables.items():
            rows = []
            for value, positions in table.items():
                if isinstance(value, int) and abs(value) > text.EXACT:
                    continue  # no request has it
                if len(positions) > 1:
                    several.append(_numbers(positions))
                found = str(positions[0] + 1) if len(positions) == 1 else str(-len(several))
                rows.append(f"[{constant(value)}]={found}")
            tables.append("{" + ",".join(rows) + "}")
            read = self._writer.value(_value_of(guarded), 0).text
            merges.append(f"numbers = P.merged(numbers, by[{len(tables)}][{read}], several)")
        return [
            *_filled("R", [f"function(r, f) return {condition} end" for condition, _ in code]),
            f"local effects, always, several, by = {{{effects}}}, {_numbers(index.always)}, {{}}, {{}}",
            *_filled("several", several),
            *_filled("by", tables),
            "local function decided(r, f, logged)",
            "local numbers = always",
            *merges,
            "return P.first(r, f, logged, R, effects, numbers)",
            "end",
        ]

    def _decide(self, *, logging: bool) -> list[str]:
        """The function that the chunk returns: it reads the request, and asks when something of it is unusual."""
        readings = self._writer.readings
        parts = self._parts()
        lines = ["return function(q, f)", 'if type(q) ~= "table" or type(f) ~= "table" then return nil, "input" end']
        keys = [key for part in PARTS if part in parts for key in _READ[part].keys]
        keys += sorted({key for reading in readings for key in reading.kept})
        lines.append(f"local r = {{host = P.host(q.host){''.join(f', {key} = false' for key in keys)}}}")
        lines.append(f'if {self._other_host()} then return nil, "host" end')
        for part in PARTS:
            if part in parts and _READ[part].function:
                lines.append(f'if not P.{_READ[part].function}(r, q) then return nil, "{part}" end')
        for fact in sorted({reading.fact for reading in readings if reading.fact}):
            kind = "boolean" if FIELDS[fact].type.name == "Bool" else "string"
            lines.append(f'if type(f["{fact}"]) ~= "{kind}" then return nil, "facts" end')
        lines += [f"local logged = {'{}' if logging else 'nil'}", "local number = decided(r, f, logged)"]
        lines.append('if number < 0 then return nil, "rule" end')
        lines += ["if logged and #logged > 0 then return number, logged end"] if logging else []
        return [*lines, "return number", "end"]

    def _other_host(self) -> str:
        if self._suffix:
            return f"not P.is_below(r.host, {text.string(self._suffix)})"
        return f"r.host ~= {text.string(self._name)}"


_EFFECTS: dict[Effect, str] = {"decides": "1", "logs": "2", "asks": "3"}


@dataclass(frozen=True, slots=True)
class _Reader:
    """A function of the prelude that puts a part of the request into `r` under some keys, or is false: ask."""

    function: str
    keys: tuple[str, ...] = ()


_READ: dict[Part, _Reader] = {
    "host": _Reader(""),
    "method": _Reader("read_method", ("method",)),
    "target": _Reader("read_target", ("path", "query", "uri")),
    "headers": _Reader("read_headers", ("headers",)),
    "address": _Reader("read_address", ("address",)),
    "protocol": _Reader("read_protocol", ("protocol",)),
    "tls_version": _Reader("read_tls_version", ("tls_version",)),
    "tls_cipher": _Reader("read_tls_cipher", ("tls_cipher",)),
    "milliseconds": _Reader("read_milliseconds", ("seconds", "rest")),
}


def _filled(name: str, items: Sequence[str]) -> list[str]:
    """Statements that number some constants or functions, some hundreds in one function of Lua."""
    lines = []
    for start in range(0, len(items), _FILLED_IN_ONE):
        some = enumerate(items[start : start + _FILLED_IN_ONE], start + 1)
        lines += [";(function()", *(f"{name}[{number}] = {item}" for number, item in some), "end)()"]
    return lines


def _numbers(positions: Sequence[int]) -> str:
    return text.array(str(position + 1) for position in positions)


def _value_of(guarded: GuardedField) -> ast.Value:
    field = ast.Field(guarded.name)
    return ast.Call("lower", (field,)) if guarded.lowered else field
