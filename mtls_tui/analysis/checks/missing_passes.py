"""`ne` on what may be missing."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import Context, blocks
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.lang import ast
from mtls_tui.lang.formatter import format_node
from mtls_tui.lang.tree import Node, walk


def find(context: Context) -> Iterator[Hit]:
    """Blocking rules with `map["key"][0] ne …` that say nothing else about the map."""
    for clause in context.clauses:
        node, rule = clause.node, clause.rule
        if not isinstance(node, ast.Comparison) or node.operator != "ne" or clause.negated or not blocks(rule):
            continue
        root = _indexed(node.left)
        if root is None:
            continue
        inner = {id(part) for _, part in walk(node)}
        if any(part == root and id(part) not in inner for _, part in walk(rule.expression.root)):
            continue
        yield Hit(
            rule,
            node,
            "a request that has no such value is not blocked: with a missing value even `ne` is false",
            "write `not … eq …`",
            fix=f"not {format_node(node.left)} eq {format_node(node.right)}",
        )


def _indexed(value: Node) -> Node | None:
    """The map or array that a value is taken out of, without `[*]`; None when it is not such a value."""
    if isinstance(value, ast.Call) and value.arguments:
        return _indexed(value.arguments[0])
    if not isinstance(value, ast.Index) or value.key is None:
        return None
    root: Node = value
    while isinstance(root, ast.Index):
        if root.key is None:
            return None
        root = root.base
    return root


CHECK = Check(
    "missing-passes",
    "warning",
    "A request without the value is not blocked",
    "Every comparison with a missing value is false, `ne` too: a rule that blocks all but one value of a header lets a "
    "request without the header pass.",
    'http.request.headers["x-token"][0] ne "secret"',
    'not http.request.headers["x-token"][0] eq "secret"',
    find,
)
