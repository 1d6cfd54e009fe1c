"""Where in a request a clause looks, and what could stand there instead: the ground for changes that flip a verdict.

Candidates are guesses, made from the literals of the clauses and from what is ordinary for a field; whoever uses them
tries them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, TypeAlias

from mtls_tui.engine.fields_of import canonical_field, walk
from mtls_tui.engine.regex import PatternError, wildcard_pieces
from mtls_tui.engine.sets import Addresses, Integers, ListError, Lists, of_list
from mtls_tui.engine.trace import Absent
from mtls_tui.engine.types_of import CLASSES, type_of
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import FIELDS
from mtls_tui.lang.types import Fields, FieldValue, Type
from mtls_tui.search.regex_sample import sample

MISSING = Absent.MISSING
Candidate: TypeAlias = "FieldValue | Absent"
_PER_SET = 4
"""Items of a set or list that are tried."""
_MAX_TEXT = 4096
_INT_BOUNDS = range(-(1 << 63), 1 << 63)


@dataclass(frozen=True, slots=True)
class Place:
    """A field, or with `key` one entry of a field that is a map."""

    name: str
    key: bytes | None = None

    @property
    def type(self) -> Type:
        """The type of what stands there."""
        kind = type_of(ast.Field(self.name))
        return kind.item if self.key is not None and kind.item is not None else kind

    def read(self, fields: Fields) -> Candidate:
        """What stands there now, defaults left out."""
        value: Any = fields.get(self.name)
        if self.key is not None and value is not None:
            value = value.get(self.key)
        return MISSING if value is None else value

    def put(self, fields: Fields, value: Candidate) -> Fields:
        """The fields with another value there."""
        changed = dict(fields)
        new: Any = value
        if self.key is not None:
            current: Any = changed.get(self.name)
            inner: dict[bytes, Any] = dict(current or {})
            if value is MISSING:
                inner.pop(self.key, None)
            else:
                inner[self.key] = value
            new = inner
        if new is MISSING:
            changed.pop(self.name, None)
        else:
            changed[self.name] = new
        return changed


def places_of(clause: ast.Expr) -> list[Place]:
    """The places that a clause looks at, in the order of the text."""
    found: dict[Place, None] = {}
    covered: set[int] = set()
    for node in walk(clause):
        if isinstance(node, ast.Index) and isinstance(node.base, ast.Field) and isinstance(node.key, ast.String):
            covered.add(id(node.base))
            found[Place(canonical_field(node.base.name), node.key.value)] = None
        elif isinstance(node, ast.Call) and node.name == "has_key":
            first, *rest = node.arguments
            if isinstance(first, ast.Field) and isinstance(rest[0], ast.String):
                covered.add(id(first))
                found[Place(canonical_field(first.name), rest[0].value)] = None
        elif isinstance(node, ast.Field) and id(node) not in covered:
            found[Place(canonical_field(node.name))] = None
    return list(found)


def candidates(clause: ast.Expr, place: Place, fields: Fields, lists: Lists) -> list[Candidate]:
    """What could stand at a place of a clause, the most telling first."""
    found = _Literals(clause, lists)
    seen = [p.read(fields) for p in places_of(clause)]
    kind = place.type
    values: list[Candidate] = []
    if kind.name == "Array" and kind.item is not None:
        depth = 1 + max((n.key for n in walk(clause) if isinstance(n, ast.Index) and isinstance(n.key, int)), default=0)
        plain = kind.item.name not in ("Array", "Map")
        items: list[Any] = list(_scalars(kind.item, found, place, seen)) if plain else []
        values += [[item] * min(depth, 64) for item in items]
        current = place.read(fields)
        if isinstance(current, list):
            values += [[*current, item] for item in items]
            values += [[each for each in current if each != item] for item in items]
        values += [[]]
    elif kind.name != "Map":
        values += _scalars(kind, found, place, seen)
    if place.key is not None or (kind.name not in ("Map", "Array") and FIELDS[place.name].default is None):
        values.append(MISSING)
    return values


class _Literals:
    """The literals of a clause by kind."""

    def __init__(self, clause: ast.Expr, lists: Lists) -> None:
        self.texts: list[bytes] = []
        self.outside: list[bytes] = []
        self.numbers: list[int] = []
        self.addresses: list[IPv4Address | IPv6Address] = []
        self.patterns: list[bytes] = []
        self.lookups: list[list[bytes | int]] = []
        keys = {id(node.arguments[1]) for node in walk(clause) if isinstance(node, ast.Call) and node.name == "has_key"}
        for node in walk(clause):
            if id(node) in keys:
                continue
            match node:
                case ast.Call(name=name) if name.startswith("lookup_json"):
                    self.lookups.append([a.value for a in node.arguments if isinstance(a, ast.String | ast.Integer)])
                case ast.Set():
                    for item in node.items[:_PER_SET]:
                        self._item(item)
                    self._item_last(node)
                case ast.ListName():
                    self._list(node.name, lists)
                case ast.Comparison(operator="wildcard" | "strict wildcard", right=ast.Pattern(value=value)):
                    self._wildcard(value)
                case ast.Comparison(operator="matches", right=ast.Pattern(value=value)):
                    text = sample(value)
                    if text is not None:
                        self.texts.append(text)
                case ast.String() | ast.Integer() | ast.Address():
                    self._item(node)

    def _item(self, item: ast.String | ast.Integer | ast.Address | ast.Network | ast.Range) -> None:
        match item:
            case ast.String():
                self.texts.append(item.value)
            case ast.Integer():
                self.numbers.append(item.value)
            case ast.Address():
                self.addresses.append(item.value)
            case ast.Network():
                self._network(item.value)
            case ast.Range():
                self._item(item.first)
                self._item(item.last)

    def _item_last(self, node: ast.Set) -> None:
        """The ends of a set of numbers: what stands just outside."""
        numbers = [i.value for i in node.items if isinstance(i, ast.Integer)]
        numbers += [i.last.value for i in node.items if isinstance(i, ast.Range) and isinstance(i.last, ast.Integer)]
        if numbers:
            self.numbers.append(max(numbers))

    def _network(self, network: IPv4Network | IPv6Network) -> None:
        self.addresses.append(network.network_address)
        self.addresses.append(network.broadcast_address)

    def _list(self, name: str, lists: Lists) -> None:
        for kind in ("Ip", "Int", "Bytes"):
            try:
                listed = of_list(name, kind, lists)
            except ListError:
                continue
            if isinstance(listed, Addresses):
                for family in (4, 6):
                    for first, last in list(listed.intervals(family))[:_PER_SET]:
                        make = IPv4Address if family == 4 else IPv6Address
                        self.addresses += [make(first), make(last)]
            elif not isinstance(listed, Integers):
                self.numbers += [item for item in lists[name] if isinstance(item, int)][:_PER_SET]
        for item in list(lists.get(name, ()))[:_PER_SET]:
            if isinstance(item, str | bytes):
                text = item.encode() if isinstance(item, str) else item
                self.texts.append(b"www" + text[1:] if text.startswith(b"*.") else text)

    def _wildcard(self, pattern: bytes) -> None:
        try:
            pieces = wildcard_pieces(pattern)
        except PatternError:
            return
        self.texts += [b"x".join(pieces), b"".join(pieces)]


def _scalars(kind: Type, found: _Literals, place: Place, seen: list[Candidate]) -> Iterator[Candidate]:
    make: Callable[[], Iterable[Candidate]] | None = {
        "Bool": lambda: (True, False),
        "Int": lambda: _numbers(found),
        "Ip": lambda: _addresses(found),
        "Bytes": lambda: _texts(found, place, seen),
    }.get(kind.name)
    if make is not None:
        yield from make()
    yield from (value for value in seen if isinstance(value, CLASSES[kind.name]))


def _numbers(found: _Literals) -> Iterator[int]:
    for number in found.numbers:
        yield from (value for value in (number, number + 1, number - 1) if value in _INT_BOUNDS)
    yield from (0, 1)
    for text in found.texts:
        if text.isdigit() and len(text) < 19:
            yield int(text)


def _addresses(found: _Literals) -> Iterator[IPv4Address | IPv6Address]:
    for address in found.addresses:
        yield address
        for step in (1, -1):
            number = int(address) + step
            if 0 <= number < 1 << address.max_prefixlen:
                yield type(address)(number)
    for text in found.texts:
        try:
            yield ip_address(text.decode("latin-1"))
        except ValueError:
            continue
    yield from (IPv4Address("192.0.2.1"), IPv4Address("198.51.100.7"), IPv6Address("2001:db8::1"))


def _texts(found: _Literals, place: Place, seen: list[Candidate]) -> Iterator[bytes]:
    yield from found.texts
    current = next((value for value in seen if isinstance(value, bytes)), b"")
    for number in found.numbers:
        for length in (number, number + 1, number - 1):
            if 0 <= length <= _MAX_TEXT:
                yield current[:length].ljust(length, b"x")
        yield b"%d" % number
    yield from _example(place)
    yield from (b"x", b"")
    for text in found.texts:
        yield from (text + b"x", b"x" + text, b"x" + text + b"x", text.lower(), text.upper(), text[:-1])
        yield base64.b64encode(text)
    yield from (str(address).encode() for address in found.addresses)
    yield from (b"true", b"false")
    for lookup in found.lookups:
        yield from (_json(lookup, text.decode("latin-1")) for text in found.texts[-2:])
        yield from (_json(lookup, number) for number in found.numbers[-2:])
    if current:
        yield from (current + b"x", current[:-1])


def joined(clauses: Iterable[ast.Expr], lists: Lists) -> list[bytes]:
    """Texts made of the literals of several clauses: what begins as one wants and ends as another."""
    texts = list(dict.fromkeys(text for clause in clauses for text in _Literals(clause, lists).texts))[:_PER_SET]
    pairs = [(first, last) for first in texts for last in texts if first != last]
    return [first + between + last for between in (b"", b"x", b" ") for first, last in pairs]


def _example(place: Place) -> Iterator[bytes]:
    info = FIELDS.get(place.name)
    if info is None or place.key is not None:
        return
    yield from (text.encode() for text in info.enum[:_PER_SET])
    if info.example.startswith('"'):
        yield info.example[1:-1].encode()


def _json(path: list[bytes | int], leaf: str | int) -> bytes:
    value: Any = leaf
    for key in reversed(path):
        value = {key.decode("latin-1"): value} if isinstance(key, bytes) else [*[0] * min(key, 64), value]
    return json.dumps(value).encode()
