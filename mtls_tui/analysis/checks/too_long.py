"""Expressions that Cloudflare would not take."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import Context
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.lang.formatter import format_node

MAX_LENGTH = 4096


def find(context: Context) -> Iterator[Hit]:
    """Expressions of more than 4,096 characters."""
    for rule in context.rules:
        length = len(rule.expression.text or format_node(rule.expression.root))
        if length > MAX_LENGTH:
            yield Hit(
                rule,
                None,
                f"the expression has {length} characters, {length - MAX_LENGTH} more than the {MAX_LENGTH} allowed",
                "put long sets into a list (`in $name`), or split the rule",
            )


CHECK = Check(
    "too-long",
    "error",
    "An expression is too long",
    "An expression has at most 4,096 characters, at Cloudflare and here.",
    "ip.src in {192.0.2.1 192.0.2.2 …}",
    "ip.src in $office",
    find,
)
