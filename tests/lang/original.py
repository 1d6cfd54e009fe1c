"""The original parser (PyPI `octorules-wirefilter`, an earlier build of it) as a second opinion, and its own names."""

from __future__ import annotations

import re
from dataclasses import replace

import octorules_wirefilter

from mtls_tui.lang import catalogue
from mtls_tui.lang.catalogue import FunctionInfo, ParamInfo
from mtls_tui.lang.types import BOOL, BYTES, INT, IP, Type, array, map_of

_ERROR = re.compile(r"Filter parsing error \((\d+):(\d+)\):\n.*?\n *\^+ (.*)\n\Z", re.DOTALL)
_DEBUGGED = re.compile(r"(Array|Map)\(CompoundType \{ layers: (\d+), len: (\d+), primitive: (\w+) \}\)")
_SCALARS = {"STRING": BYTES, "BYTES": BYTES, "INT": INT, "BOOL": BOOL, "IP": IP}

Verdict = tuple[int, int, str] | None
"""Line, column in characters and message; None for accepted."""


def readable(message: str) -> str:
    """A message without the original's internal way to write types: `Array<Bytes>` for `Array(CompoundType { … })`."""

    def named(found: re.Match[str]) -> str:
        layers, depth, inner = int(found[2]), int(found[3]), found[4]
        for level in range(depth):
            inner = f"{'Map' if layers >> level & 1 else 'Array'}<{inner}>"
        return f"{found[1]}<{inner}>"

    return _DEBUGGED.sub(named, message)


def verdict(text: str) -> Verdict:
    """What the original says; of a message on several lines (a regex error) the last line."""
    error = octorules_wirefilter.parse_expression(text).get("error")
    if error is None:
        return None
    found = _ERROR.search(error)
    assert found is not None, error
    line, column = int(found[1]), int(found[2])
    source = text.split("\n")[line - 1].encode()
    return line, len(source[: column - 1].decode(errors="ignore")) + 1, readable(found[3].split("\n")[-1])


def _type(name: str) -> Type:
    if name in _SCALARS:
        return _SCALARS[name]
    kind, _, item = name.partition("_")
    if kind == "MAP" and item.startswith("STRING_"):  # a map from strings, which all maps are
        item = item.removeprefix("STRING_")
    return (array if kind == "ARRAY" else map_of)(_type(item))


def fields() -> dict[str, Type]:
    """The fields that the original knows, with its types."""
    listed = {f["name"]: _type(f["type"]) for f in octorules_wirefilter.get_schema_info()["fields"]}
    return listed | {"http.request.uri.path": BYTES}  # known, though its list leaves it out


def _field_only(info: FunctionInfo, *kinds: Type) -> FunctionInfo:
    """The function with these types for its first parameter, which takes no literal."""
    first = replace(info.params[0], no_literal=True, types=kinds or info.params[0].types)
    return replace(info, params=(first, *info.params[1:]))


def functions() -> dict[str, FunctionInfo]:
    """The functions that `expression_maker.py` uses, with the original's signatures instead of the documented ones."""
    known = catalogue.FUNCTIONS
    pair = known["starts_with"]
    literal_second = replace(pair, params=(pair.params[0], replace(pair.params[1], literal_only=True)))
    substring = known["substring"]
    start, end = (replace(p, literal_only=True, optional=False) for p in substring.params[1:])
    one: tuple[ParamInfo, ...] = known["url_decode"].params[:1]
    return {
        "concat": known["concat"],
        "starts_with": pair,
        "ends_with": known["ends_with"],
        "contains": pair,
        "wildcard": literal_second,
        "lower": _field_only(known["lower"]),
        "upper": _field_only(known["upper"]),
        "decode_base64": _field_only(known["decode_base64"]),
        "url_decode": replace(known["url_decode"], params=one),
        "len": _field_only(known["len"], BYTES),
        "to_string": _field_only(known["to_string"], INT),
        "substring": replace(substring, params=(substring.params[0], start, end)),
    }
