"""What the language knows by name: fields, functions, operators, and the words of the visual builder.

One table per kind (`data/*.json`), read on first use and never changed. Checker, completion, descriptions, help and
the reference pages all read these tables; nothing else states a field's type or an operator's label.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, Literal, TypeAlias, TypeVar, get_args

from mtls_tui.lang.types import BOOL, BYTES, INT, IP, FieldValue, Type, array, map_of

FieldScope: TypeAlias = Literal["request", "response", "edge"]
"""`request`: a proxy can know it; `response`: needs the answer; `edge`: only Cloudflare's network knows it."""
SetForm: TypeAlias = Literal["set", "list", ""]

_EMPTY: Mapping[str, Any] = MappingProxyType({})
ANY = Type("Any")
"""Stands for any type in a parameter (`Array<Any>`, `Map<Any>`); no value has it."""


RequestPart: TypeAlias = Literal[
    "certificate", "host", "port", "method", "path", "query", "client", "headers", "scheme", "http_version",
    "tls_version", "tls_cipher", "body", "time", "edge",
]  # fmt: skip
"""What a request consists of. `host`: as the request names it, a port included; `port`: the server's, which is that of
the scheme unless the request names one; `headers`: those that the client sent, Host included; `body`: with the headers
that describe it; `client`: its address; `time`: when the request arrived; `edge`: what only Cloudflare's network knows,
and what is not of the request (response, packets)."""
CERTIFICATE = "cf.tls_client_auth."
"""How the names of fields about the client's certificate begin."""
PRESENTED, VERIFIED, REVOKED = (f"{CERTIFICATE}cert_{word}" for word in ("presented", "verified", "revoked"))
NEVER_EMPTY = frozenset(
    f"{CERTIFICATE}cert_{name}"
    for name in ("serial", "fingerprint_sha256", "fingerprint_sha1", "not_before", "not_after", "issuer_dn")
)
"""What every certificate that can be verified has (RFC 5280, 4.1)."""
PARTS: tuple[RequestPart, ...] = get_args(RequestPart)


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One field. `example` is shown to people; `default` is what an absent field is worth, None meaning missing."""

    name: str
    label: str
    """The builder's name for it ("Hostname"); unique."""
    group: str
    """Heading in the field picker ("Certificate")."""
    type: Type
    scope: FieldScope
    parts: tuple[RequestPart, ...]
    """The parts of a request that its value follows from: all of them are needed to know it."""
    summary: str
    categories: tuple[str, ...]
    header: str = ""
    """The one request header that it follows from, in lower case; empty for other fields and for all headers."""
    default: FieldValue | None = None
    example: str = ""
    """As a literal of the language where the type has literals, else JSON; empty when there is none."""
    notes: str = ""
    plan: str = ""
    """The Cloudflare plan that has it, when not every plan does."""
    alias_of: str | None = None
    aliases: tuple[str, ...] = ()
    deprecated_by: str | None = None
    enum: tuple[str, ...] = ()
    """Every value that it can have, where that is documented."""
    values: tuple[str, ...] = ()
    """Some usual values, for completion."""
    range: tuple[int, int] | None = None
    layer: Literal["request", "packet"] = "request"
    """`packet` fields belong to the network firewall."""
    cases: Mapping[str, FieldValue] = field(default_factory=lambda: _EMPTY)
    """Documented pairs of input and value."""

    @property
    def canonical(self) -> str:
        """The name that deprecated names lead to."""
        return self.alias_of or self.name

    @property
    def sort(self) -> Literal["boolean", "integer", "string", "ip", "array", "map"]:
        """The kind of editor that a value of this field wants."""
        return _SORTS[self.type.name]


@dataclass(frozen=True, slots=True)
class ParamInfo:
    """One parameter of a function. `types` are what it takes; `ANY` inside stands for any type."""

    name: str
    types: tuple[Type, ...]
    type_text: str
    """The type as documented (`String | Bytes`)."""
    optional: bool = False
    literal_only: bool = False
    """Documented: the argument has to be a literal."""
    no_literal: bool = False
    """Documented: the argument can't be a literal."""
    repeat: bool = False
    """May be given once or more (with `optional`: not at all or more)."""
    allowed_fields: tuple[str, ...] = ()
    range: tuple[int, int] | None = None
    enum_chars: str = ""
    """The letters that a flags argument may hold."""
    non_empty: bool = False
    default: FieldValue | None = None

    def accepts(self, given: Type) -> bool:
        """Whether a value of this type can be the argument."""
        return any(covers(wanted, given) for wanted in self.types)


@dataclass(frozen=True, slots=True)
class FunctionExample:
    """A documented call; `given` are fields as JSON has them; `result` is None when none is documented."""

    expression: str
    given: Mapping[str, Any]
    result: Any


@dataclass(frozen=True, slots=True)
class FunctionInfo:
    """One function. `returns` is None where the result has the type of the first argument."""

    name: str
    params: tuple[ParamInfo, ...]
    returns: Type | None
    returns_text: str
    summary: str
    semantics: str = ""
    scope: FieldScope = "request"
    accepts_missing: bool = False
    """Whether it computes a value from a missing argument; all others give missing."""
    total: bool = False
    """Whether there always is a result when every argument is there and keeps its documented range. Where nothing is
    said it is not so: a result may then be missing though no argument is."""
    limits: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    examples: tuple[FunctionExample, ...] = ()

    @property
    def signature(self) -> str:
        """`name(first Type, second Type [optional], …)`, as help shows it."""
        return f"{self.name}({', '.join(_shown(p) for p in self.params)})"

    @property
    def min_arguments(self) -> int:
        """Fewest arguments of a call."""
        return sum(not p.optional for p in self.params)

    def param(self, index: int) -> ParamInfo | None:
        """The parameter that the argument at this place (from 0) fills; None when there are too many arguments."""
        if index < len(self.params):
            return self.params[index]
        return self.params[-1] if self.params and self.params[-1].repeat else None

    @property
    def available_in(self) -> tuple[str, ...]:
        """The Cloudflare products that have it; empty when nothing is said."""
        return tuple(self.limits.get("available_in", ()))


@dataclass(frozen=True, slots=True)
class OperatorInfo:
    """One operator: `name` is the English notation, `symbol` the C-like one ("" when there is none)."""

    name: str
    kind: Literal["comparison", "logical"]
    types: tuple[Type, ...]
    """What may stand on its left."""
    symbol: str = ""
    notes: str = ""
    examples: tuple[str, ...] = ()
    dynamic_right: bool = False
    """Whether the right side may be a field or a function's result."""
    right: Literal["literal", "pattern", "set", ""] = ""
    documented: bool = True
    plan: str = ""


@dataclass(frozen=True, slots=True)
class BuilderOperator:
    """A choice in the builder's operator list, and what it writes: an operator or a function, plain or under `not`."""

    label: str
    emits: str
    """The written form, with `<field>` and `<value>` in it."""
    types: tuple[Type, ...]
    operator: str = ""
    function: str = ""
    negated: bool = False
    form: SetForm = ""


_T = TypeVar("_T")
_SORTS: Mapping[str, Literal["boolean", "integer", "string", "ip", "array", "map"]] = {
    "Bool": "boolean",
    "Int": "integer",
    "Bytes": "string",
    "Ip": "ip",
    "Array": "array",
    "Map": "map",
}
_SCALARS: Mapping[str, Type] = {
    "Boolean": BOOL,
    "Integer": INT,
    "String": BYTES,
    "Bytes": BYTES,
    "IP": IP,
    "T": ANY,
    "Array": array(ANY),
    "Map": map_of(ANY),
}
_PATTERNS = frozenset({"matches", "wildcard", "strict wildcard"})


class _Table(Mapping[str, _T], Generic[_T]):
    """A read-only mapping that reads its rows on first use, in the order of the data."""

    __slots__ = ("_load", "_rows")

    def __init__(self, load: Callable[[], dict[str, _T]]) -> None:
        self._load = load
        self._rows: dict[str, _T] | None = None

    @property
    def rows(self) -> dict[str, _T]:
        if self._rows is None:
            self._rows = self._load()
        return self._rows

    def __getitem__(self, name: str) -> _T:
        return self.rows[name]

    def __contains__(self, name: object) -> bool:
        return name in self.rows

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


@lru_cache(maxsize=64)
def parse_type(text: str) -> Type:
    """The type that a documented name (`Map<Array<String>>`) stands for; `T` becomes `ANY`."""
    text = text.strip()
    if text.endswith(">"):
        outer, inner = text[:-1].split("<", 1)
        return Type(outer, parse_type(inner))
    return _SCALARS[text]


def covers(wanted: Type, given: Type) -> bool:
    """Whether a value of the type `given` can stand where `wanted` is, in which `ANY` stands for any type."""
    if wanted == ANY:
        return True
    if wanted.item is None or given.item is None:
        return wanted == given
    return wanted.name == given.name and covers(wanted.item, given.item)


def _shown(param: ParamInfo) -> str:
    text = f"{param.name} {param.type_text}"
    if param.optional:
        text += " [optional]"
    return text + ", …" if param.repeat else text


def _rows(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((Path(__file__).parent / "data" / f"{name}.json").read_bytes())
    return rows


def _engine_value(value: Any) -> FieldValue:
    """A JSON value of the data as the engine has it: text is bytes."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, list):
        return [_engine_value(item) for item in value]
    if isinstance(value, dict):
        return {key.encode(): _engine_value(item) for key, item in value.items()}
    assert isinstance(value, bool | int)
    return value


def _example(value: Any, type_: Type) -> str:
    if value is None:
        return ""
    if type_ == BYTES:
        return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value) if type_ == IP else json.dumps(value, ensure_ascii=False)


def _given(row: dict[str, Any]) -> dict[str, Any]:
    """What a row says, its keys being those of the record: lists as tuples, a default as the engine has it."""
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    if "default" in given:
        given["default"] = _engine_value(given["default"])
    return given


def _types(names: Iterable[str]) -> tuple[Type, ...]:
    return tuple(dict.fromkeys(map(parse_type, names)))


def _field(row: dict[str, Any]) -> FieldInfo:
    given, type_ = _given(row), parse_type(row["type"])
    given |= {"type": type_, "example": _example(row.get("example"), type_)}
    if "cases" in row:
        given["cases"] = MappingProxyType({key: _engine_value(value) for key, value in row["cases"].items()})
    return FieldInfo(**given)


def _param(row: dict[str, Any]) -> ParamInfo:
    given = _given(row)
    text = given.pop("type")
    return ParamInfo(types=_types(text.split("|")), type_text=text, **given)


def _function(row: dict[str, Any]) -> FunctionInfo:
    returns = row["returns"]
    examples = (FunctionExample(e["expr"], MappingProxyType(e["given"]), e["result"]) for e in row["examples"])
    given = _given(row) | {
        "params": tuple(map(_param, row["params"])),
        "returns": None if returns == "T" or "|" in returns else parse_type(returns),
        "returns_text": returns,
        "limits": MappingProxyType(row["limits"]),
        "examples": tuple(examples),
    }
    return FunctionInfo(**given)


def _operator(row: dict[str, Any]) -> OperatorInfo:
    name = row["name"]
    right = "" if row["kind"] == "logical" else "set" if name == "in" else "pattern" if name in _PATTERNS else "literal"
    given = _given(row) | {"types": _types(row["types"]), "right": right}
    given.pop("form", None)  # `in` has a row for each form of its right side
    return OperatorInfo(**given)


def _operators() -> dict[str, OperatorInfo]:
    table: dict[str, OperatorInfo] = {}
    for row in _rows("operators"):
        if row["kind"] in ("comparison", "logical"):
            info = _operator(row)
            known = table.get(info.name)
            if known:
                info = replace(known, notes=f"{known.notes} {info.notes}", examples=known.examples + info.examples)
            table[info.name] = info
    return table


def _builder() -> dict[str, BuilderOperator]:
    table: dict[str, BuilderOperator] = {}
    for row in _rows("operators"):
        if row.pop("kind") == "builder":
            table[row["label"]] = BuilderOperator(**(row | {"types": _types(row["types"])}))
    return table


FIELDS: Mapping[str, FieldInfo] = _Table(lambda: {row["name"]: _field(row) for row in _rows("fields")})
"""Every field by name, deprecated names included."""

FUNCTIONS: Mapping[str, FunctionInfo] = _Table(lambda: {row["name"]: _function(row) for row in _rows("functions")})
"""Every function by name."""

OPERATORS: Mapping[str, OperatorInfo] = _Table(_operators)
"""Every comparison and logical operator by its English notation."""

BUILDER: Mapping[str, BuilderOperator] = _Table(_builder)
"""The builder's operators by label ("is not in")."""


def parts_of(name: str) -> tuple[RequestPart, ...]:
    """The parts of a request that a field, by any of its names, follows from. `edge` for a name that is not a field."""
    info = FIELDS.get(name)
    return info.parts if info is not None else ("edge",)


def operators_for(type_: Type) -> tuple[OperatorInfo, ...]:
    """The comparison operators that a value of this type can stand left of; none for Boolean, arrays and maps."""
    return tuple(info for info in OPERATORS.values() if info.kind == "comparison" and type_ in info.types)


def builder_operators(type_: Type) -> tuple[BuilderOperator, ...]:
    """The builder's choices for a value of this type, in the builder's order."""
    return tuple(info for info in BUILDER.values() if type_ in info.types)
