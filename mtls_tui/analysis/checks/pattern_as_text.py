"""Signs of regular expressions and wildcards where plain text is compared."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mtls_tui.analysis.checks.case_never import compared
from mtls_tui.analysis.context import Context, field_name, text
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.lang import ast

STARRED = frozenset(
    {
        "http.request.uri",
        "http.request.uri.path",
        "http.request.full_uri",
        "raw.http.request.uri",
        "raw.http.request.uri.path",
        "raw.http.request.full_uri",
    }
)
"""Fields in which a star is hardly ever a star. The host has a check of its own."""
TEXTS = STARRED | {"http.host", "http.user_agent", "http.referer"}
_REGEX = re.compile(rb"^\^|[^$]\$$|\.\*|\.\+|\\[dws.]|\[[a-z0-9]-[a-z0-9]|\(\?|\([\w/-]+\|[\w/|-]+\)", re.IGNORECASE)

_STAR = re.compile(rb"(?<=.)\*$|^\*(?=.)|/\*|\*/|\*\.")
"""A star where wildcards have one; a star amid odd bytes is a star."""


def find(context: Context) -> Iterator[Hit]:
    """Literals with `^`, `$`, `.*`, `[a-z]` or the like, and paths with a star, compared as plain text."""
    for clause in context.clauses:
        for subject, found in compared(clause.node):
            name = field_name(subject)
            for literal in found if name in TEXTS else ():
                shown = text(literal.value)
                if _REGEX.search(literal.value):
                    hint = f'write `{name} matches r"…"` for a regular expression'
                    yield Hit(clause.rule, literal, f"`{shown}` is compared as it stands, not as a pattern", hint)
                elif name in STARRED and _STAR.search(literal.value) and b"\\" not in literal.value:
                    message = f"a star means nothing here: only a text with a real `*` is `{shown}`"
                    yield Hit(clause.rule, literal, message, _wildcard(clause.node, name, shown))


def _wildcard(node: ast.Comparison | ast.Test, name: str, shown: str) -> str:
    stem = shown.removesuffix("*")
    if isinstance(node, ast.Comparison) and node.operator == "contains":
        return f'write `{name} contains "{stem}"`' if "*" not in stem else f'write `{name} wildcard "*{shown}*"`'
    if isinstance(node, ast.Test):
        return "leave the star out" if "*" not in stem else f'write `{name} wildcard "{shown}"`'
    return f'write `{name} wildcard "{shown}"`, or `strict wildcard` where case matters'


CHECK = Check(
    "pattern-as-text",
    "warning",
    "A pattern is compared as plain text",
    "`eq`, `in`, `contains`, `starts_with` and `ends_with` know no patterns: `*`, `^` and `.*` stand for themselves "
    "there, so the clause hardly ever holds.",
    'http.request.uri.path eq "/api/*" or http.request.uri.path contains "^/admin"',
    'http.request.uri.path wildcard "/api/*" or starts_with(http.request.uri.path, "/admin")',
    find,
)
