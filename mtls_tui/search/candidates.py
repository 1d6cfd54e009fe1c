"""Values worth trying so that a clause turns true or false: guesses from its literals. What they do is tried out.

Nothing here decides anything: a guess counts only once the engine has evaluated it.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import permutations
from typing import Any

from mtls_tui.engine.fields_of import canonical_field
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import CERTIFICATE, FIELDS, RequestPart
from mtls_tui.lang.tree import walk
from mtls_tui.lang.types import Type
from mtls_tui.search.regex_sample import sample
from mtls_tui.search.scenario import Knob, Turn

MOST = 48
"""Guesses for one clause."""
MOST_JOINED = 5
"""Literals of one clause up to which they are also tried one after the other."""
LONGEST = 8192
"""Bytes of a value made up to satisfy a clause about length."""

_STATE_FIELDS = tuple(f"{CERTIFICATE}cert_{name}" for name in ("presented", "verified", "revoked"))
_KNOBS: dict[tuple[RequestPart, ...], str] = {
    ("host",): "host",
    ("method",): "method",
    ("path",): "path",
    ("query",): "query",
    ("path", "query"): "target",
    ("headers",): "header",
    ("client",): "ip",
    ("scheme",): "scheme",
    ("http_version",): "http_version",
    ("time",): "time",
    ("body",): "body",
}
"""What is turned for a field, by the parts of the request that it follows from. Others are set as fields."""
_LISTED: dict[str, str] = {"query": "argument", "header": "header"}
"""What is turned, by name, for a field that is an array or a map."""
_AS_FIELDS = ("http.request.timestamp.msec", "http.request.body.truncated")
_OTHERS: dict[str, tuple[Any, ...]] = {
    "host": ("other.example",),
    "path": ("/", "/other"),
    "query": ("", "other=1"),
    "method": ("GET", "POST"),
    "http_version": ("HTTP/2", "HTTP/1.1", "HTTP/3", "HTTP/1.0"),
    "scheme": ("https", "http"),
    "ip": ("198.51.100.7", "2001:db8::7"),
    "header": (None, b"other"),
    "cookie": (None, "other"),
    "argument": (None, "other"),
    "body": (b"", b"other"),
}
"""Harmless values that are hardly ever in a rule: they turn a clause over when its own literals can't."""


def turns_for(
    clause: ast.Expr, lists: Mapping[str, Any] | None = None, hosts: Sequence[str] = ()
) -> tuple[Turn, ...]:  # fmt: skip
    """Single turns that may change the clause's truth, best first. `hosts` are names worth trying as the host."""
    found: dict[tuple[str, str, str], Turn] = {}
    for turn in _turns(clause, lists or {}, hosts):
        found.setdefault(turn.key, turn)
        if len(found) >= MOST:
            break
    return tuple(found.values())


def _turns(clause: ast.Expr, lists: Mapping[str, Any], hosts: Sequence[str]) -> Iterator[Turn]:
    found = [node for _, node in walk(clause)]
    # The key of an index says where to look, not what to find there.
    keys = {id(node.key) for node in found if isinstance(node, ast.Index)}
    nodes = [node for node in found if id(node) not in keys]
    fields = list(dict.fromkeys(canonical_field(node.name) for node in nodes if isinstance(node, ast.Field)))
    if any(name in _STATE_FIELDS for name in fields):
        for state in ("verified", "none", "unverified", "revoked"):
            yield Turn(Knob("certificate"), state)
    if "http.host" in fields:
        yield from (Turn(Knob("host"), name) for name in hosts[:8])
    texts = list(_texts(nodes, lists))
    numbers = list(_numbers(nodes, lists))
    addresses = list(_addresses(nodes, lists))
    for name in fields:
        if name not in _STATE_FIELDS:
            yield from _for_field(name, nodes, texts, numbers, addresses)


def knob_of(name: str) -> Knob | None:
    """What to turn so that a field, by its canonical name, changes; None for a name that is not a field.

    For arguments, cookies and headers that are asked for by name the knob has no name.
    """
    info = FIELDS.get(name)
    if info is None:
        return None
    kind = _KNOBS.get(info.parts, "field")
    listed = info.type.item is not None
    if kind == "field" or name in _AS_FIELDS or (kind == "body" and listed):
        return Knob("field", name)
    if info.header:
        return Knob("cookie") if listed and info.header == "cookie" else Knob("header", info.header)
    return Knob(_LISTED[kind] if listed else kind)


def _for_field(
    name: str, nodes: list[Any], texts: list[bytes], numbers: list[int], addresses: list[str]
) -> Iterator[Turn]:
    knob = knob_of(name)
    made = [*texts, *_long(numbers), *_variants(texts)]
    kind = knob.kind if knob is not None else ""
    if knob is None:
        return
    if kind == "path" and name.endswith(".extension"):
        yield from (Turn(knob, f"/file.{_text(text)}") for text in texts)
        yield from (Turn(knob, path) for path in ("/", "/file.other"))
    elif kind == "path":
        yield from (Turn(knob, path) for path in _paths(texts, numbers))
        if name.startswith("raw."):
            yield Turn(knob, "/%6Fther")  # normalised, it is another one
    elif kind == "query":
        yield from (Turn(knob, text) for text in _ordered(texts, numbers, _OTHERS["query"]))
    elif kind == "target":
        yield from (Turn(knob, path) for path in _paths(texts, numbers))
    elif kind in ("argument", "cookie"):
        yield from _named(kind, name, nodes, [_text(text) for text in made])
    elif kind == "header" and not knob.name:
        yield from _named("header", name, nodes, made)
    elif kind == "ip":
        yield from (Turn(knob, address) for address in (*addresses, *_OTHERS["ip"]))
    elif kind == "time":
        yield from (Turn(knob, value) for n in numbers for value in (n, n + 1, n - 1) if 0 <= value < 4_000_000_000)
    elif kind == "scheme":
        yield from (Turn(knob, scheme) for scheme in _OTHERS["scheme"])
    elif kind in ("header", "body"):
        more = list(_bodies(nodes, texts)) if kind == "body" else []
        yield from (Turn(knob, value) for value in (*texts, *more, *_OTHERS[kind]))
        yield from (Turn(knob, value) for value in (*_long(numbers), *_variants(texts)))
    elif kind != "field":
        yield from (Turn(knob, text) for text in _ordered(texts, numbers, _OTHERS[kind]) if text)
    else:
        keys = [node.key.value for node in nodes if isinstance(node, ast.Index) and isinstance(node.key, ast.String)]
        values = _values(FIELDS[name].type, [*_bodies(nodes, texts), *texts], numbers, addresses, keys or texts)
        yield from (Turn(knob, value) for value in values)


def _values(
    kind: Type, texts: list[bytes], numbers: list[int], addresses: list[str], keys: list[bytes]
) -> Iterator[Any]:  # fmt: skip
    match kind.name:
        case "Bool":
            yield from (True, False)
        case "Int":
            yield from numbers
            yield from (n + 1 for n in numbers)
            yield from (n - 1 for n in numbers)
            yield 0
        case "Ip":
            yield from (ipaddress.ip_address(address) for address in (*addresses, *_OTHERS["ip"]))
        case "Array" if kind.item is not None:
            yield from ([item] for item in _values(kind.item, texts, numbers, addresses, keys))
            yield []
        case "Map" if kind.item is not None:
            for key in keys:
                yield from ({key: item} for item in _values(kind.item, texts, numbers, addresses, keys))
            yield {}
        case _:
            yield from (*texts, b"other", b"", *_long(numbers), *_variants(texts))


def _named(kind: str, field: str, nodes: list[Any], values: list[Any]) -> Iterator[Turn]:
    """Turns for a header, cookie or argument: by the keys that the clause asks for, or by names among its literals."""
    keys = [node.key.value for node in nodes if isinstance(node, ast.Index) and isinstance(node.key, ast.String)]
    other = b"other" if kind == "header" else "other"
    by_key = bool(keys)
    if not keys:
        keys = [text for text in _literals(nodes) if re.fullmatch(rb"[A-Za-z0-9_\-]{1,64}", text)]
    for raw in keys:
        name = raw.decode("latin-1")
        if kind == "header":
            name = name.lower()
        if kind == "header" and not re.fullmatch(r"[!#$%&'*+\-.^_`|~0-9a-z]+", name):
            continue
        if field.endswith(".names") or not by_key:
            yield Turn(Knob(kind, name), other)
        yield from (Turn(Knob(kind, name), value) for value in values)
        yield Turn(Knob(kind, name), None)
        yield Turn(Knob(kind, name), other)
    if field.endswith(".values") or not keys:
        neutral = "x-other" if kind == "header" else "other"
        yield from (Turn(Knob(kind, neutral), value) for value in (*values, other))


def _paths(texts: list[bytes], numbers: list[int]) -> Iterator[str]:
    for text in _ordered(texts, numbers, _OTHERS["path"]):
        if text.startswith("/"):
            yield text
        else:
            yield f"/{text}"
            yield f"/other/{text}"


def _ordered(texts: list[bytes], numbers: list[int], others: tuple[str, ...]) -> Iterator[str]:
    """The literals, then harmless values, then made-up ones: what is told to people should look ordinary."""
    yield from (_text(text) for text in texts)
    yield from others
    yield from (_text(text) for text in (*_long(numbers), *_variants(texts)))


def _long(numbers: list[int]) -> Iterator[bytes]:
    """Texts as long as the numbers say, for clauses about `len`."""
    for number in numbers:
        for length in (number, number + 1, number - 1):
            if 0 < length <= LONGEST:
                yield b"/" + b"a" * (length - 1)


def _variants(texts: list[bytes]) -> Iterator[bytes]:
    """Texts near the literals, for prefixes, suffixes and orderings."""
    for text in texts:
        if len(text) < LONGEST:
            yield text + b"x"
            yield b"x" + text
    if len(texts) <= MOST_JOINED:
        yield from (first + second for first, second in permutations(texts, 2) if len(first + second) < LONGEST)
        if len(texts) > 2:
            yield b"".join(texts)


def _bodies(nodes: list[Any], texts: list[bytes]) -> Iterator[bytes]:
    """Bodies for `lookup_json_string(body, "key") eq "value"` and its kin."""
    for node in nodes:
        if isinstance(node, ast.Call) and node.name.startswith("lookup_json"):
            keys = [arg.value for arg in node.arguments[1:] if isinstance(arg, ast.String | ast.Integer)]
            for text in texts:
                value: Any = _text(text)
                for key in reversed(keys):
                    value = {_text(key): value} if isinstance(key, bytes) else [value] * (key + 1)
                yield json.dumps(value).encode()


def _literals(nodes: list[Any]) -> Iterator[bytes]:
    for node in nodes:
        if isinstance(node, ast.String):
            yield node.value


def _texts(nodes: list[Any], lists: Mapping[str, Any]) -> Iterator[bytes]:
    for node in nodes:
        match node:
            case ast.String():
                yield node.value
            case ast.Comparison(operator="matches", right=ast.Pattern() as pattern):
                text = sample(pattern.value)
                if text is not None:
                    yield text
            case ast.Comparison(right=ast.Pattern() as pattern):
                yield from _wildcards(pattern.value)
            case ast.ListName():
                for item in list(lists.get(node.name, ()))[:4]:
                    if isinstance(item, str | bytes):
                        raw = item.encode() if isinstance(item, str) else item
                        yield b"a" + raw[1:] if raw.startswith(b"*.") else raw


def _wildcards(pattern: bytes) -> Iterator[bytes]:
    stars = re.split(rb"(?<!\\)\*", pattern)
    for filler in (b"", b"x"):
        yield re.sub(rb"\\([*\\])", rb"\1", filler.join(stars))


def _numbers(nodes: list[Any], lists: Mapping[str, Any]) -> Iterator[int]:
    for node in nodes:
        match node:
            case ast.Integer():
                yield node.value
            case ast.ListName():
                yield from (item for item in list(lists.get(node.name, ()))[:4] if isinstance(item, int))


def _addresses(nodes: list[Any], lists: Mapping[str, Any]) -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.Address():
                yield str(node.value)
                # A neighbour, for ranges and orderings.
                yield from _neighbours(node.value)
            case ast.Network():
                yield _inside(node.value)
                yield from _neighbours(node.value.broadcast_address)
            case ast.ListName():
                for item in list(lists.get(node.name, ()))[:4]:
                    try:
                        yield _inside(ipaddress.ip_network(str(item), strict=False))
                    except ValueError:
                        continue


def _inside(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> str:
    """An address that a host of the network could have."""
    return str(network.network_address + (1 if network.num_addresses > 2 else 0))


def _neighbours(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Iterator[str]:
    for step in (1, -1):
        try:
            yield str(address + step)
        except ipaddress.AddressValueError:
            continue


@lru_cache(maxsize=4096)
def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
