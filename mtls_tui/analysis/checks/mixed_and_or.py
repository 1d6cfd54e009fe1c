"""`and` beside `or` without parentheses."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import Context
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.lang import ast
from mtls_tui.lang.tree import walk


def find(context: Context) -> Iterator[Hit]:
    """Groups inside a group of another operator, where only the order of binding says what belongs together."""
    for rule in context.rules:
        for _, node in walk(rule.expression.root):
            if not isinstance(node, ast.Logical):
                continue
            for item in node.items:
                if isinstance(item, ast.Logical) and not item.parens and item.operator != node.operator:
                    message = f"`{item.operator}` binds tighter than `{node.operator}`: this belongs together"
                    span = item.span
                    shown = rule.expression.text[span.start : span.end] if span else ""
                    yield Hit(rule, item, message, "put parentheses around it", fix=f"({shown})" if shown else None)


CHECK = Check(
    "mixed-and-or",
    "info",
    "`and` and `or` are mixed without parentheses",
    "`a or b and c` means `a or (b and c)`. Parentheses make that plain to every reader; the rule stays the same.",
    'http.host eq "a.example.com" or http.host eq "b.example.com" and not ssl',
    'http.host eq "a.example.com" or (http.host eq "b.example.com" and not ssl)',
    find,
)
