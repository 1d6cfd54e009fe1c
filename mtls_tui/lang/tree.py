"""Walking a syntax tree: children, paths, positions, and moving nodes to another place in a text.

A path is the tuple of child indexes from the root: items of a group, the item under `not`, left and right of a
comparison, arguments of a call, base (and quoted key) of an index, items of a set. `()` is the root.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from mtls_tui.lang import ast

Node: TypeAlias = ast.Expr | ast.Value | ast.Literal | ast.Network | ast.Range | ast.Pattern | ast.Set | ast.ListName
Path: TypeAlias = tuple[int, ...]

EXPRESSIONS = (ast.Always, ast.Test, ast.Comparison, ast.Not, ast.Logical)
"""The node classes that are true or false, and so may carry parentheses."""


def is_expression(node: Node) -> bool:
    """Whether the node is true or false (rather than a value or a literal)."""
    return isinstance(node, EXPRESSIONS)


def children(node: Node) -> tuple[Node, ...]:
    """The parts of a node, in the order of the text."""
    match node:
        case ast.Comparison(left=left, right=right):
            return (left, right)
        case ast.Logical(items=items):
            return items
        case ast.Not(item=item):
            return (item,)
        case ast.Test(value=value):
            return (value,)
        case ast.Call(arguments=arguments):
            return arguments
        case ast.Index(base=base, key=key):
            return (base, key) if isinstance(key, ast.String) else (base,)
        case ast.Set(items=elements):
            return elements
        case ast.Range(first=first, last=last):
            return (first, last)
        case _:
            return ()


def node_at(expression: ast.Expression, path: Path) -> Node:
    """The node that a path leads to. Raises LookupError if it leads nowhere."""
    node: Node = expression.root
    for index in path:
        parts = children(node)
        if not 0 <= index < len(parts):
            raise LookupError(f"no part {index} at {path}")
        node = parts[index]
    return node


def walk(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Every node below and including this one, with its path, parents first."""
    yield path, node
    for index, part in enumerate(children(node)):
        yield from walk(part, (*path, index))


def path_of(expression: ast.Expression, wanted: Node) -> Path:
    """The path of this very node (by identity). Raises LookupError if it is not in the tree."""
    for path, node in walk(expression.root):
        if node is wanted:
            return path
    raise LookupError("the node is not in this expression")


def extent(node: Node) -> ast.Span:
    """Where a node stands in its text, its own parentheses included; the node must come from a text."""
    outer = node.outer if isinstance(node, EXPRESSIONS) else None
    span = outer or node.span
    if span is None:
        raise ValueError("the node comes from no text")
    return span


def path_at(expression: ast.Expression, offset: int) -> Path:
    """The path of the innermost node that holds a character offset of the text (its end included)."""
    path: Path = ()
    node: Node = expression.root
    while True:
        for index, part in enumerate(children(node)):
            span = extent(part)
            if span.start <= offset <= span.end:
                path, node = (*path, index), part
                break
        else:
            return path


def clause_path(expression: ast.Expression, path: Path) -> Path:
    """The path of the nearest node at or above `path` that is true or false: the row that a part belongs to."""
    while not is_expression(node_at(expression, path)):
        path = path[:-1]
    return path


def source(expression: ast.Expression, path: Path) -> str:
    """The text of a node exactly as written, its own parentheses included."""
    span = extent(node_at(expression, path))
    return expression.text[span.start : span.end]


def _moved(span: ast.Span | None, delta: int) -> ast.Span | None:
    return None if span is None else ast.Span(span.start + delta, span.end + delta)


def shifted(node: Node, delta: int) -> Node:
    """The same tree for a text in which it stands `delta` characters further on."""
    if delta == 0:
        return node
    span = _moved(node.span, delta)
    match node:
        case ast.Comparison():
            return ast.Comparison(
                shifted(node.left, delta),  # type: ignore[arg-type]
                node.operator,
                shifted(node.right, delta),  # type: ignore[arg-type]
                node.symbol,
                span,
                node.parens,
                _moved(node.outer, delta),
            )
        case ast.Logical():
            items = tuple(shifted(item, delta) for item in node.items)
            outer = _moved(node.outer, delta)
            return ast.Logical(node.operator, items, node.symbols, span, node.parens, outer)  # type: ignore[arg-type]
        case ast.Not():
            item = shifted(node.item, delta)
            return ast.Not(item, node.symbol, span, node.parens, _moved(node.outer, delta))  # type: ignore[arg-type]
        case ast.Test():
            value = shifted(node.value, delta)
            return ast.Test(value, span, node.parens, _moved(node.outer, delta))  # type: ignore[arg-type]
        case ast.Always():
            return ast.Always(node.value, span, node.parens, _moved(node.outer, delta))
        case ast.Field(name=name):
            return ast.Field(name, span)
        case ast.String():
            return ast.String(node.value, node.text, span)
        case ast.Integer():
            return ast.Integer(node.value, node.text, span)
        case ast.Address():
            return ast.Address(node.value, node.text, span)
        case ast.Network():
            return ast.Network(node.value, node.text, span)
        case ast.Pattern():
            return ast.Pattern(node.value, node.text, span)
        case ast.ListName(name=name):
            return ast.ListName(name, span)
        case ast.Set():
            return ast.Set(tuple(shifted(item, delta) for item in node.items), span)  # type: ignore[misc]
        case ast.Range():
            return ast.Range(shifted(node.first, delta), shifted(node.last, delta), span)  # type: ignore[arg-type]
        case ast.Call():
            return ast.Call(node.name, tuple(shifted(argument, delta) for argument in node.arguments), span)  # type: ignore[misc]
        case ast.Index():
            key = shifted(node.key, delta) if isinstance(node.key, ast.String) else node.key
            return ast.Index(shifted(node.base, delta), key, span)  # type: ignore[arg-type]
