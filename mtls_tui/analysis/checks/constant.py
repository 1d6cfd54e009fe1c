"""Groups and rules that match nothing, or everything."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import Context, atoms
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.lang import ast


def find_never(context: Context) -> Iterator[Hit]:
    """The outermost groups, and the clauses, that no request can satisfy."""
    for rule in context.rules:
        for node in _constant(rule.expression.root, context, True):
            if _is_clause(node):
                yield Hit(rule, node, "no request can satisfy this: the value is never such", "compare it with another")
            else:
                message = "no request can satisfy this: its parts exclude each other"
                yield Hit(rule, node, message, "one of them is too much")


def find_always(context: Context) -> Iterator[Hit]:
    """The outermost groups that every request satisfies; of single clauses another check tells."""
    for rule in context.rules:
        for node in _constant(rule.expression.root, context, False):
            if not _is_clause(node):
                message = "every request satisfies this: its parts leave nothing out"
                yield Hit(rule, node, message, "was `and` meant for `or`?")


def _constant(node: ast.Expr, context: Context, wanted: bool) -> Iterator[ast.Expr]:
    """The outermost nodes that are never `wanted`, clauses in place of groups that are so by one of them alone."""
    if isinstance(node, ast.Always):
        return
    if not context.possible((node, wanted)) and (
        _is_clause(node) or all(context.possible((atom, truth)) for atom in atoms(node) for truth in (True, False))
    ):
        yield node
        return
    if isinstance(node, ast.Not):
        yield from _constant(node.item, context, wanted)
    elif isinstance(node, ast.Logical):
        for item in node.items:
            yield from _constant(item, context, wanted)


def _is_clause(node: ast.Expr) -> bool:
    return isinstance(node, ast.Comparison | ast.Test)


NEVER = Check(
    "never-matches",
    "warning",
    "A rule, or a part of it, matches no request",
    "Two parts that exclude each other are joined by `and`, such as two host names, or a certificate that is "
    "verified and "
    "not presented.",
    'http.host eq "a.example.com" and http.host eq "b.example.com"',
    'http.host in {"a.example.com" "b.example.com"}',
    find_never,
)

ALWAYS = Check(
    "always-matches",
    "warning",
    "A rule, or a part of it, matches every request",
    "Parts that together leave nothing out are joined by `or`: whatever the host is, it differs from one of "
    "two names. (To "
    "match everything on purpose write `true`.)",
    'http.host ne "a.example.com" or http.host ne "b.example.com"',
    'not http.host in {"a.example.com" "b.example.com"}',
    find_always,
)
