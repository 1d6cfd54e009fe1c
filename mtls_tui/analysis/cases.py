"""The cases of what a clause looks at: values that between them show every difference that the clauses can make.

Addresses and numbers have a case at every border, texts one for each literal and one for all other texts, the
certificate its four states, a host under a wildcard only the names that the wildcard stands for.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Any, TypeAlias

from mtls_tui.analysis.context import PRESENTED, REVOKED, VERIFIED
from mtls_tui.engine import hostnames
from mtls_tui.engine.fields import EXTRACTORS
from mtls_tui.engine.fields_of import canonical_field
from mtls_tui.engine.sets import Addresses, ListError, Lists, of_list
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import FIELDS, FUNCTIONS, ParamInfo
from mtls_tui.search.places import Place, candidates, joined

Truth: TypeAlias = bool | None
MAX_CASES = 400
"""Cases of one variable; more make the question too hard."""
MAX_MADE_NAMES = 100
"""Host names that are made for one question about a wildcard, besides those that the clauses name."""
OTHER = object()
"""The case of a text that no clause names."""
MISSING = object()
"""The case of a value that is not there."""
STAND_INS = {"Bytes": "http.user_agent", "Int": "cf.edge.server_port", "Ip": "ip.src"}
"""A plain field of each type, to try a value on."""
WHOLE = frozenset({"eq", "ne", "in"})
"""Operators that a text which no clause names settles."""
_ORDER = frozenset({"eq", "ne", "in", "lt", "le", "gt", "ge"})


class TooHard(Exception):  # noqa: N818 - an answer, not a fault
    """The search is larger than its limits: neither found nor proved."""


@dataclass(slots=True)
class Variable:
    """Something with cases. `truths[case][atom]` is what an atom is in a case; an atom left out is free there."""

    name: str
    cases: list[Any]
    truths: list[dict[ast.Expr, bool]] = field(default_factory=list)


class HostNames:
    """The names that a wildcard (`*.example.com`) stands for: those that no other host stands for more closely."""

    def __init__(self, wildcard: str, others: Iterable[str] = ()) -> None:
        self.wildcard = wildcard
        self.suffix = wildcard[1:].encode()
        """With the dot: `.example.com`."""
        self._hosts = {name: name for name in (*others, wildcard)}
        self._narrower = tuple(
            name[1:].encode()
            for name in self._hosts
            if name.startswith("*.") and name != wildcard and name.endswith(wildcard[1:])
        )

    def covers(self, name: bytes) -> bool:
        """Whether a request can have this name in `http.host` and is a request to this host, as a policy decides it."""
        if not name.isascii():
            return False
        text = name.decode()
        return hostnames.normalise(text) == text and hostnames.most_specific(text, self._hosts) == self.wildcard

    def other_than(self, taken: Container[bytes]) -> bytes:
        """One of the names, not among those taken."""
        return next(
            name
            for label in ("www", *(f"www{number}" for number in range(2, 10_000)))
            if (name := label.encode() + self.suffix) not in taken and self.covers(name)
        )

    def made_for(self, found: Sequence[ast.Expr], lists: Lists) -> Iterator[bytes]:
        """Names that some clauses may tell apart, made from their literals and patterns; each once."""
        seen: set[bytes] = set()
        texts = [text for atom in found for text in candidates(atom, Place("http.host"), {}, lists)]
        for text in (*texts, *joined(found, lists)):
            if not isinstance(text, bytes):
                continue
            text = text.lower()
            for name in (text, text + self.suffix, text.strip(b".") + self.suffix, text + b"x" + self.suffix,
                         b"x" + text, b"x." + text.strip(b".") + self.suffix):  # fmt: skip
                if name not in seen and self.covers(name):
                    seen.add(name)
                    yield name

    def truth(self, atom: ast.Expr, lists: Lists) -> Truth:
        """What a clause is for every name that no clause names; None when it depends on the name."""
        if isinstance(atom, ast.Comparison) and isinstance(atom.right, ast.ListName) and is_host(atom.left):
            ends = [self._ends(item[1:]) for item in names_of_list(atom.right, lists) if item.startswith(b"*.")]
            return True if True in ends else None if None in ends else False
        if isinstance(atom, ast.Test) and isinstance(atom.value, ast.Call) and atom.value.name == "ends_with":
            name, tail = atom.value.arguments
            return self._ends(tail.value) if isinstance(tail, ast.String) and is_host(name) else None
        if not isinstance(atom, ast.Comparison) or not is_host(atom.left):
            return None
        if atom.operator in ("wildcard", "strict wildcard") and isinstance(atom.right, ast.Pattern):
            pattern = atom.right.value
            if pattern.startswith(b"*") and not set(pattern[1:]) & set(b"*\\"):
                return self._ends(pattern[1:].lower() if atom.operator == "wildcard" else pattern[1:])
        if atom.operator in WHOLE and isinstance(atom.right, ast.String | ast.Set):
            return atom.operator == "ne"
        return None

    def _ends(self, tail: bytes) -> Truth:
        """Whether the names end so."""
        if self.suffix.endswith(tail):
            return True
        if not tail.endswith(self.suffix) or any(tail.endswith(narrower) for narrower in self._narrower):
            return False
        return None


def is_certificate(atom: ast.Expr) -> bool:
    """Whether a clause is one of the three facts about the certificate."""
    return (
        isinstance(atom, ast.Test)
        and isinstance(atom.value, ast.Field)
        and atom.value.name in (PRESENTED, VERIFIED, REVOKED)
    )


def certificate_variable(name: str, found: Sequence[ast.Expr], known: Mapping[str, Any]) -> Variable:
    """None, not valid, valid, revoked: verified implies presented, revoked implies verified."""
    cases, truths = [], []
    for state in ((False, False, False), (True, False, False), (True, True, False), (True, True, True)):
        facts = dict(zip((PRESENTED, VERIFIED, REVOKED), state, strict=True))
        if all(known.get(fact, value) == value for fact, value in facts.items()):
            cases.append(state)
            truths.append({atom: facts[atom.value.name] for atom in found})  # type: ignore[union-attr]
    return Variable(name, cases, truths)


def subject_of(atom: ast.Expr) -> ast.Value | None:
    """What a clause looks at, when it looks at one value and compares it with literals."""
    if isinstance(atom, ast.Test):
        value = atom.value
        if isinstance(value, ast.Field):
            return value
        if isinstance(value, ast.Call) and value.name in ("starts_with", "ends_with"):
            first, second = value.arguments
            if (
                isinstance(second, ast.String)
                and isinstance(first, ast.Field | ast.Index | ast.Call)
                and _single(first)
            ):
                return first
        return None
    assert isinstance(atom, ast.Comparison)
    dynamic = isinstance(atom.right, ast.Field | ast.Index | ast.Call)
    if dynamic or atom.operator == "bitwise_and" or not _single(atom.left):
        return None
    if isinstance(atom.right, ast.ListName) and not (_is_address(atom.left) or is_host(atom.left)):
        return None
    return atom.left


def _is_address(value: ast.Value) -> bool:
    info = FIELDS.get(value.name) if isinstance(value, ast.Field) else None
    return info is not None and info.type.name == "Ip"


def is_host(value: ast.Argument) -> bool:
    """Whether it is the host's name, lower-cased or not: names are in lower case anyway."""
    if isinstance(value, ast.Call) and value.name == "lower":
        value = value.arguments[0]
    return value == ast.Field("http.host")


def _single(value: Any) -> bool:
    """Whether a value is one value: no literal, and no `[*]` in it."""
    if isinstance(value, ast.Field):
        return True
    if isinstance(value, ast.Index):
        return value.key is not None and _single(value.base)
    if isinstance(value, ast.Call):
        return all(
            isinstance(part, ast.String | ast.Integer | ast.Address) or _single(part) for part in value.arguments
        )
    return False


def kind_of(found: Sequence[ast.Expr]) -> str:
    """The type (Bytes, Int or Ip) of what some clauses look at, by what they compare it with."""
    for atom in found:
        if isinstance(atom, ast.Test):
            return "Bytes"
        assert isinstance(atom, ast.Comparison)
        right: Any = atom.right
        if isinstance(right, ast.Set):
            right = right.items[0] if right.items else None
        if isinstance(right, ast.String | ast.Pattern):
            return "Bytes"
        if isinstance(right, ast.Integer) or (isinstance(right, ast.Range) and isinstance(right.first, ast.Integer)):
            return "Int"
        if right is not None and not isinstance(right, ast.ListName):
            return "Ip"
    left = found[0].left  # type: ignore[union-attr]
    info = FIELDS.get(left.name) if isinstance(left, ast.Field) else None
    return info.type.name if info and info.type.name in STAND_INS else "Bytes"


def cases_of(kind: str, found: Sequence[ast.Expr], lists: Lists) -> Iterator[Any]:
    """Values that between them show every difference that the clauses can make (for strings: but `OTHER`)."""
    seen: set[Any] = set()
    for value in _raw_cases(kind, found, lists):
        if value not in seen:
            seen.add(value)
            if len(seen) > MAX_CASES:
                raise TooHard
            yield value


def _raw_cases(kind: str, found: Sequence[ast.Expr], lists: Lists) -> Iterator[Any]:
    if kind == "Ip":
        yield from (IPv4Address(0), IPv6Address(0))
    if kind == "Int":
        yield 0
    for atom in found:
        if not isinstance(atom, ast.Comparison):
            continue
        right: Any = atom.right
        items = right.items if isinstance(right, ast.Set) else (right,)
        if kind == "Bytes" and isinstance(right, ast.ListName):
            yield from (name for name in names_of_list(right, lists) if not name.startswith(b"*."))
            continue
        for item in items:
            if kind == "Bytes":
                if isinstance(item, ast.String):
                    yield item.value
                    if atom.operator in _ORDER - WHOLE:
                        yield from (b"", item.value + b"\0")
            elif kind == "Int":
                yield from _around(item)
            else:
                yield from _addresses_around(item, lists)


def names_of_list(node: ast.ListName, lists: Lists) -> list[bytes]:
    """The items of a list of host names."""
    if node.name not in lists:
        raise TooHard
    return [
        item.encode() if isinstance(item, str) else item for item in lists[node.name] if isinstance(item, str | bytes)
    ]


def _around(item: Any) -> Iterator[int]:
    ends: tuple[Any, ...] = (item.first.value, item.last.value) if isinstance(item, ast.Range) else (item.value,)
    for end in ends:
        yield from (value for value in (end - 1, end, end + 1) if -(1 << 63) <= value < 1 << 63)


def _addresses_around(item: Any, lists: Lists) -> Iterator[IPv4Address | IPv6Address]:
    pairs: list[tuple[int, int, int]] = []
    match item:
        case ast.Address(value=value):
            pairs.append((value.version, int(value), int(value)))
        case ast.Network(value=network):
            pairs.append((network.version, int(network.network_address), int(network.broadcast_address)))
        case ast.Range(first=first, last=last):
            pairs.append((first.value.version, int(first.value), int(last.value)))  # type: ignore[union-attr]
        case ast.ListName(name=name):
            try:
                listed = of_list(name, "Ip", lists)
            except ListError:
                raise TooHard from None
            if isinstance(listed, Addresses):
                pairs += [(version, *pair) for version in (4, 6) for pair in listed.intervals(version)]
    for version, low, high in pairs:
        make: type[IPv4Address] | type[IPv6Address] = IPv4Address if version == 4 else IPv6Address
        top = (1 << (32 if version == 4 else 128)) - 1
        yield from (make(number) for number in (low - 1, low, high, high + 1) if 0 <= number <= top)


def may_be_missing(value: ast.Value) -> bool:
    """Whether some request has no such value.

    Always there are single fields that follow from any HTTP request or have a default, and what a function that the
    catalogue calls total makes of arguments that are always there. An element of an array or map may be missing.
    """
    return not _always_there(value)


def _always_there(part: ast.Argument) -> bool:
    match part:
        case ast.String() | ast.Integer() | ast.Address():
            return True
        case ast.Field(name=name):
            info = FIELDS.get(canonical_field(name))
            return info is not None and (
                info.default is not None or (info.name in EXTRACTORS and info.type.item is None)
            )
        case ast.Call(name=name, arguments=arguments):
            function = FUNCTIONS.get(name)
            if function is None or not function.total:
                return False
            if function.accepts_missing:
                return any(map(_always_there, arguments))
            return all(
                _always_there(argument) and _keeps_range(argument, function.param(place))
                for place, argument in enumerate(arguments)
            )
        case _:
            return False


def _keeps_range(argument: ast.Argument, param: ParamInfo | None) -> bool:
    """Whether an argument is one that the function surely takes: `cidr` has no result for a prefix of 200 bits."""
    if param is None:
        return False
    if param.range is not None:
        low, high = param.range
        return isinstance(argument, ast.Integer) and low <= argument.value <= high
    return not param.non_empty or (isinstance(argument, ast.String) and bool(argument.value))
