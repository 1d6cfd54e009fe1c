"""What a clause compares with, as the set of values for which it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from mtls_tui.engine.sets import Addresses, Hostnames, Integers, ListError, Lists, of_list
from mtls_tui.engine.types_of import type_of
from mtls_tui.lang import ast
from mtls_tui.lang.types import BYTES, INT, IP
from mtls_tui.theory import intervals
from mtls_tui.theory.errors import OpaqueError
from mtls_tui.theory.intervals import Intervals
from mtls_tui.theory.languages import BYTES as OCTETS
from mtls_tui.theory.languages import Algebra, Language, symbols_of
from mtls_tui.theory.numbers import ADDRESSES, INTEGERS, V6, numbered
from mtls_tui.theory.patterns import searched, wildcard


@dataclass(frozen=True, slots=True)
class Texts:
    """A set of texts, with what is missing or without it."""

    members: Language
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Numbers:
    """A set of numbers or addresses, with what is missing or without it."""

    members: Intervals
    missing: bool = False


Target: TypeAlias = Texts | Numbers


def target_of(algebra: Algebra, lists: Lists, left: ast.Value, node: ast.Comparison) -> Target:
    """The values of the left side for which a comparison holds. Raises OpaqueError where that is no such set."""
    kind = type_of(left)
    if kind == BYTES:
        return Texts(texts_of(algebra, lists, node))
    if kind == INT:
        return Numbers(_numbers_of(lists, node))
    if kind == IP:
        return Numbers(_addresses_of(lists, node))
    raise OpaqueError("a comparison of this type")


def texts_of(algebra: Algebra, lists: Lists, node: ast.Comparison) -> Language:
    """The texts for which a comparison of texts holds. Raises OpaqueError."""
    right = node.right
    match node.operator, right:
        case "eq", ast.String(value=text):
            return algebra.word(text)
        case "ne", ast.String(value=text):
            return algebra.texts_other_than(algebra.word(text))
        case "lt", ast.String(value=text):
            return algebra.below(text)
        case "le", ast.String(value=text):
            return algebra.either((algebra.below(text), algebra.word(text)))
        case "ge", ast.String(value=text):
            return algebra.texts_other_than(algebra.below(text))
        case "gt", ast.String(value=text):
            return algebra.texts_other_than(algebra.either((algebra.below(text), algebra.word(text))))
        case "contains", ast.String(value=text):
            return algebra.containing(text)
        case "in", ast.Set(items=items):
            return algebra.words([item.value for item in items if isinstance(item, ast.String)])
        case "in", ast.ListName(name=name):
            return _hosts(algebra, lists, name)
        case "matches", ast.Pattern(value=pattern):
            return searched(algebra, pattern)
        case ("wildcard" | "strict wildcard") as operator, ast.Pattern(value=pattern):
            return wildcard(algebra, pattern, strict=operator != "wildcard")
    raise OpaqueError(f"`{node.operator}`")


def _hosts(algebra: Algebra, lists: Lists, name: str) -> Language:
    members = _list(lists, name, "Bytes")
    if not isinstance(members, Hostnames):
        raise OpaqueError("a list")
    label = algebra.star(algebra.one_of(OCTETS & ~symbols_of(b".")))
    labels = algebra.both((label, algebra.lengths(1)))
    below = algebra.then(labels, algebra.word(b"."))
    ends = [algebra.then(below, algebra.star(below), algebra.word(end)) for end in members.suffixes]
    return algebra.either((algebra.words(members.names), *ends))


def _list(lists: Lists, name: str, kind: str) -> Any:
    try:
        return of_list(name, kind, lists)
    except ListError:
        raise OpaqueError(f"a list that is not there (${name})") from None


def _numbers_of(lists: Lists, node: ast.Comparison) -> Intervals:
    low, high = INTEGERS[0]
    match node.operator, node.right:
        case "bitwise_and", ast.Integer(value=mask) if node.left == ast.Field("cf.edge.server_port"):
            return intervals.united((port, port) for port in range(100_000) if port & mask)
        case "in", ast.Set(items=items):
            return intervals.united(bounds(item) for item in items)
        case "in", ast.ListName(name=name):
            members = _list(lists, name, "Int")
            if isinstance(members, Integers):
                raise OpaqueError("a list")
            return intervals.united((value, value) for value in members)
        case operator, ast.Integer(value=value):
            found = {
                "eq": ((value, value),), "ne": ((low, value - 1), (value + 1, high)), "lt": ((low, value - 1),),
                "le": ((low, value),), "gt": ((value + 1, high),), "ge": ((value, high),),
            }.get(operator)  # fmt: skip
            if found is not None:
                return intervals.united(found)
    raise OpaqueError(f"`{'&' if node.operator == 'bitwise_and' else node.operator}`")


def _addresses_of(lists: Lists, node: ast.Comparison) -> Intervals:
    match node.operator, node.right:
        case "in", ast.Set(items=items):
            return intervals.united(bounds(item) for item in items)
        case "in", ast.ListName(name=name):
            members = _list(lists, name, "Ip")
            if not isinstance(members, Addresses):
                raise OpaqueError("a list")
            return intervals.united(
                (first + shift, last + shift)
                for version, shift in ((4, 0), (6, V6))
                for first, last in members.intervals(version)
            )
        case ("eq" | "ne") as operator, ast.Address() as right:
            one = intervals.united((bounds(right),))
            return one if operator == "eq" else intervals.without(ADDRESSES, one)
    raise OpaqueError(f"`{node.operator}` of addresses")


def bounds(item: Any) -> tuple[int, int]:
    """First and last number of a literal."""
    match item:
        case ast.Integer(value=value):
            return value, value
        case ast.Address(value=address):
            number = numbered(address)
            return number, number
        case ast.Network(value=network):
            return numbered(network.network_address), numbered(network.broadcast_address)
        case ast.Range(first=first, last=last):
            return bounds(first)[0], bounds(last)[1]
    raise AssertionError(item)
