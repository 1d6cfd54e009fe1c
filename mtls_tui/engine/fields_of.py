"""Which fields, lists and functions an expression mentions. Knows the tree's shape, evaluates nothing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TypeAlias

from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import FIELDS
from mtls_tui.lang.types import FieldValue

Node: TypeAlias = ast.Expr | ast.Value | ast.Literal | ast.Pattern | ast.Set | ast.ListName | ast.Network | ast.Range


@cache
def canonical_field(name: str) -> str:
    """The name under which a field's value is found: a deprecated name leads to its successor."""
    info = FIELDS.get(name)
    return name if info is None else info.canonical


@cache
def default_of(name: str) -> FieldValue | None:
    """What an absent field is worth, None meaning missing. Takes canonical names."""
    info = FIELDS.get(name)
    return None if info is None else info.default


@cache
def names_of(name: str) -> tuple[str, ...]:
    """All names under which a field's value may be given, the canonical one first."""
    info = FIELDS.get(canonical_field(name))
    return (name,) if info is None else (info.name, *info.aliases)


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below, in the order of the text. Keys of indexes and items of sets are not among them."""
    match node:
        case ast.Logical():
            return node.items
        case ast.Not():
            return (node.item,)
        case ast.Comparison():
            return (node.left, node.right)
        case ast.Test():
            return (node.value,)
        case ast.Index():
            return (node.base,)
        case ast.Call():
            return node.arguments
    return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, parents before children, left to right."""
    stack: list[Node] = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(children(current)))


def fields_of(node: Node) -> frozenset[str]:
    """Canonical names of the fields that a node reads."""
    return frozenset(canonical_field(item.name) for item in walk(node) if isinstance(item, ast.Field))


def lists_of(node: Node) -> frozenset[str]:
    """Names of the lists that a node refers to, without the dollar."""
    return frozenset(item.name for item in walk(node) if isinstance(item, ast.ListName))


def is_mapped(value: Node) -> bool:
    """Whether a value stands for several: its own chain of indexes has `[*]` (inside an argument does not count)."""
    while isinstance(value, ast.Index):
        if value.key is None:
            return True
        value = value.base
    return False
