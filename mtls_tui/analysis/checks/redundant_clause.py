"""Clauses of a group that another clause of it covers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mtls_tui.analysis.context import Context
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.lang import ast
from mtls_tui.lang.formatter import format_node
from mtls_tui.lang.tree import walk

MAX_ITEMS = 200
"""Clauses of a group that are compared with each other."""


MAX_SHOWN = 100
"""Characters of a clause in a message."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A clause that looks for a text: `how` is whole, begin, end or part."""

    subject: ast.Value
    how: str
    text: bytes


def find(context: Context) -> Iterator[Hit]:
    """In an `or`, what a wider clause says already; in an `and`, what a narrower one implies; the same clause twice."""
    for rule in context.rules:
        for _, node in walk(rule.expression.root):
            if isinstance(node, ast.Logical) and node.operator != "xor" and len(node.items) <= MAX_ITEMS:
                for item, other in _covered(node):
                    mine, shown = _shown(item), _shown(other)
                    if item == other:
                        message = f"`{mine}` stands here twice"
                    elif node.operator == "or":
                        message = f"`{mine}` adds nothing: `{shown}` holds whenever it does"
                    else:
                        message = f"`{mine}` limits nothing: `{shown}` holds only when it does"
                    yield Hit(rule, item, message, "take it out, or write what was meant")


def _shown(item: ast.Expr) -> str:
    written = format_node(replace(item, parens=0))
    return written if len(written) <= MAX_SHOWN else f"{written[: MAX_SHOWN - 1]}…"


def _covered(group: ast.Logical) -> Iterator[tuple[ast.Expr, ast.Expr]]:
    """Items that another one makes idle, with it; of two equal ones the later."""
    parts = [_part(item) for item in group.items]
    for place, item in enumerate(group.items):
        for other_place, other in enumerate(group.items):
            if place == other_place or (item == other and place < other_place):
                continue
            narrow, wide = (place, other_place) if group.operator == "or" else (other_place, place)
            if item == other or _implies(parts[narrow], parts[wide]):
                yield item, other
                break


def _part(item: ast.Expr) -> _Part | None:
    match item:
        case ast.Comparison(left=left, operator="contains", right=ast.String(value=value)):
            return _Part(left, "part", value)
        case ast.Comparison(left=left, operator="eq", right=ast.String(value=value)):
            return _Part(left, "whole", value)
        case ast.Test(value=ast.Call(name="starts_with" | "ends_with" as name, arguments=(first, second))):
            if isinstance(second, ast.String) and isinstance(first, ast.Field | ast.Index | ast.Call):
                return _Part(first, "begin" if name == "starts_with" else "end", second.value)
    return None


def _implies(narrow: _Part | None, wide: _Part | None) -> bool:
    """Whether every text that one finds is found by the other."""
    if narrow is None or wide is None or narrow == wide or narrow.subject != wide.subject:
        return False
    match wide.how:
        case "part":
            return wide.text in narrow.text
        case "begin":
            return narrow.how in ("whole", "begin") and narrow.text.startswith(wide.text)
        case "end":
            return narrow.how in ("whole", "end") and narrow.text.endswith(wide.text)
    return False


CHECK = Check(
    "redundant-clause",
    "info",
    "A clause does nothing beside another one",
    "Whatever contains `/a/b` contains `/a`. Often one of the two was meant to be something else.",
    'http.request.uri.path contains "/a" or http.request.uri.path contains "/a/b"',
    'http.request.uri.path contains "/a" or http.request.uri.path contains "/b"',
    find,
)
