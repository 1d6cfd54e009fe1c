"""Substrings that end before they begin."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import Context
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.lang import ast
from mtls_tui.lang.formatter import format_node
from mtls_tui.lang.tree import walk


def find(context: Context) -> Iterator[Hit]:
    """Calls of `substring` that are empty whatever the text."""
    for rule in context.rules:
        for _, node in walk(rule.expression.root):
            match node:
                case ast.Call(name="substring", arguments=(_, ast.Integer(value=start), ast.Integer(value=end))):
                    if (start >= 0) is (end >= 0) and end <= start:
                        message = f"`{format_node(node)}` is always empty: it ends where it begins, or before"
                        yield Hit(rule, node, message, "the second number is the end, not the length")


CHECK = Check(
    "substring-empty",
    "warning",
    "A substring is always empty",
    "`substring` takes start and end, not start and length; it ends before the byte at the second number.",
    'substring(http.request.uri.path, 10, 5) eq "admin"',
    'substring(http.request.uri.path, 10, 15) eq "admin"',
    find,
)
