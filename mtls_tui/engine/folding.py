"""What is left of an expression once the values of some subjects are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mtls_tui.engine.guards import GuardedField, subject_of
from mtls_tui.lang import ast


def fold(node: ast.Expr, known: Mapping[GuardedField, Any]) -> ast.Expr:
    """An expression of the same truth for every request in which the subjects have these values."""
    match node:
        case ast.Comparison():
            return _comparison(node, known)
        case ast.Not():
            inner = fold(node.item, known)
            if isinstance(inner, ast.Always):
                return ast.Always(not inner.value)
            return node if inner is node.item else ast.Not(inner)
        case ast.Logical(operator="and" | "or"):
            return _logical(node, known)
    return node


def _logical(node: ast.Logical, known: Mapping[GuardedField, Any]) -> ast.Expr:
    decides = node.operator == "or"
    items = []
    for item in node.items:
        folded = fold(item, known)
        if not isinstance(folded, ast.Always):
            items.append(folded)
        elif folded.value is decides:
            return folded
    if len(items) > 1:
        return ast.Logical(node.operator, tuple(items))
    return items[0] if items else ast.Always(not decides)


def _comparison(node: ast.Comparison, known: Mapping[GuardedField, Any]) -> ast.Expr:
    subject = subject_of(node.left)
    if subject is None or subject not in known:
        return node
    value = known[subject]
    right = node.right
    if isinstance(right, ast.String | ast.Integer) and node.operator in ("eq", "ne"):
        return ast.Always((value == right.value) is (node.operator == "eq"))
    if isinstance(right, ast.Set) and all(isinstance(item, ast.String | ast.Integer) for item in right.items):
        return ast.Always(any(value == item.value for item in right.items))  # type: ignore[union-attr]
    return node
