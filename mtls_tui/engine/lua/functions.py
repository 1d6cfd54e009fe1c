"""The language's functions as `prelude.lua` has them. One table: what is not in it is put to the decision service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mtls_tui.engine.fields_of import is_mapped
from mtls_tui.engine.lua.refusal import RefusedError
from mtls_tui.engine.types_of import kind_of, type_of
from mtls_tui.lang import ast

MAX_ARGUMENTS = 12
"""Arguments of one call; LuaJIT has 250 places for all that a function is working on."""
MAX_JOINED = 200
"""Arguments of a call that is written as calls with two."""


@dataclass(frozen=True, slots=True)
class Written:
    """A function of the prelude. `sure`: there is a value whenever all arguments are there."""

    name: str
    sure: bool = False
    pairwise: bool = False
    """Of more than two arguments the first two are taken first, then the result and the third, and so on."""
    arguments: tuple[ast.Argument, ...] | None = None
    """The arguments that it takes, where that is not all of them."""


_SIMPLE: Mapping[tuple[str, int], Written] = {
    ("cidr", 3): Written("cidr"),
    ("cidr6", 2): Written("cidr6"),
    ("decode_base64", 1): Written("decode_base64"),
    ("encode_base64", 1): Written("encode_base64", sure=True),
    ("ends_with", 2): Written("ends_with", sure=True),
    ("has_key", 2): Written("has_key", sure=True),
    ("join", 2): Written("join", sure=True),
    ("len", 1): Written("len", sure=True),
    ("lower", 1): Written("lower", sure=True),
    ("remove_bytes", 2): Written("remove_bytes", sure=True),
    ("split", 3): Written("split"),
    ("starts_with", 2): Written("starts_with", sure=True),
    ("substring", 2): Written("substring_from", sure=True),
    ("substring", 3): Written("substring", sure=True),
    ("upper", 1): Written("upper", sure=True),
    ("url_decode", 1): Written("url_decode", sure=True),
}
"""By name and number of arguments."""
_TO_STRING = {"Int": "int_to_string", "Bool": "bool_to_string", "Ip": "ip_to_string"}
NEVER: frozenset[str] = frozenset({"bit_slice", "is_jwt_present", "is_jwt_valid"})
"""Functions that only Cloudflare's network computes: missing here, as in the engine."""
COMPILED: frozenset[str] = NEVER | {name for name, _ in _SIMPLE} | {
    "any", "all", "coalesce", "concat", "has_value", "remove_query_args", "to_string",
}  # fmt: skip
"""The functions that compile, with the arguments that rules have as a rule."""
NOT_COMPILED: Mapping[str, str] = MappingProxyType(
    {
        "is_timed_hmac_valid_v0": "Envoy's Lua has no HMAC",
        "lookup_json_integer": "Envoy's Lua reads no JSON",
        "lookup_json_string": "Envoy's Lua reads no JSON",
        "regex_replace": "an automaton tells whether there is a match, not where",
        "sha256": "Envoy's Lua has no SHA-256",
        "uuidv4": "only Cloudflare's network knows `cf.random_seed`",
        "wildcard_replace": "not written in Lua",
    }
)
"""The other functions, and why."""
PARTLY: Mapping[str, str] = MappingProxyType(
    {
        "encode_base64": "without flags",
        "has_value": "in an array",
        "url_decode": "without option `u`, the options as a literal",
    }
)
"""What holds for those of them that don't compile in every form."""


def written(call: ast.Call) -> Written:
    """The function of a call. Raises `RefusedError` for one that is not in the prelude, or not in this form."""
    name, arguments = call.name, call.arguments
    most = MAX_JOINED if name in ("concat", "coalesce") else MAX_ARGUMENTS
    if len(arguments) > most:
        raise RefusedError("bound", "arguments", f"`{name}` has more than {most} arguments")
    found = _SIMPLE.get((name, len(arguments)))
    if found is not None:
        return found
    first = _element_kind(arguments)
    if name == "to_string" and first in _TO_STRING:
        return Written(_TO_STRING[first], sure=True)
    if name == "concat":
        return Written("concat_arrays" if first == "Array" else "concat", sure=True, pairwise=True)
    if name == "coalesce":
        return Written("coalesce", sure=True, pairwise=True)
    if name == "has_value" and first == "Array" and kind_of(arguments[1]) in ("Bytes", "Int"):
        return Written("has_value", sure=True)
    if name == "remove_query_args":
        return Written("remove_query_args", sure=True)
    if name == "url_decode":
        return _url_decode(arguments)
    form = f" in this form, only {PARTLY[name]}" if name in PARTLY else ""
    reason = f": {NOT_COMPILED[name]}" if name in NOT_COMPILED else ""
    raise RefusedError("function", name, f"`{name}` is not compiled{form}{reason}")


def _element_kind(arguments: Sequence[ast.Argument]) -> str:
    """The kind of the first argument, of its elements for one over `[*]`."""
    return type_of(arguments[0]).name if arguments else ""


def _url_decode(arguments: Sequence[ast.Argument]) -> Written:
    options = arguments[1]
    if not isinstance(options, ast.String) or b"u" in options.value:
        raise RefusedError("function", "url_decode", f"`url_decode` is compiled {PARTLY['url_decode']}")
    return Written("url_decode_fully" if b"r" in options.value else "url_decode", True, arguments=(arguments[0],))


def over_elements(call: ast.Call) -> bool:
    """Whether a function is applied to every element of its first argument."""
    return bool(call.arguments) and is_mapped(call.arguments[0])
