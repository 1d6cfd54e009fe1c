"""The lists of two sides in one mapping, so that a clause that names a list means one thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mtls_tui.engine.fields_of import lists_of
from mtls_tui.engine.sets import Lists
from mtls_tui.lang import ast
from mtls_tui.lang.tree import EXPRESSIONS

_MARK = "'"
"""No name of a list ends with this."""


def joined_lists(sides: Sequence[Lists]) -> tuple[Lists, frozenset[str]]:
    """The lists of one or two sides in one mapping, and the names whose items changed: the later ones get a mark."""
    if len(sides) < 2:
        return (sides[0] if sides else {}), frozenset()
    before, after = sides
    if before is after:
        return before, frozenset()
    changed = frozenset(name for name in before.keys() & after.keys() if list(before[name]) != list(after[name]))
    marked = {(f"{name}{_MARK}" if name in changed else name): items for name, items in after.items()}
    return {**before, **marked}, changed


def renamed(node: ast.Expr, names: frozenset[str]) -> ast.Expr:
    """The expression with the mark on the lists of these names."""
    return _marked(node, names) if names and names & lists_of(node) else node


def _marked(node: ast.Expr, names: frozenset[str]) -> ast.Expr:
    match node:
        case ast.Logical():
            return replace(node, items=tuple(_marked(item, names) for item in node.items))
        case ast.Not():
            return replace(node, item=_marked(node.item, names))
        case ast.Comparison(right=ast.ListName(name=name)) if name in names:
            return replace(node, right=ast.ListName(f"{name}{_MARK}"))
        case ast.Test(value=ast.Call(arguments=arguments) as call) if any(
            isinstance(a, EXPRESSIONS) for a in arguments
        ):
            inside = tuple(_marked(a, names) if isinstance(a, EXPRESSIONS) else a for a in arguments)
            return replace(node, value=replace(call, arguments=inside))
        case _:
            return node
