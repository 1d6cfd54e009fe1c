"""Header names with capital letters, under which nothing is found."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import Context, text
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.engine.fields_of import canonical_field
from mtls_tui.lang import ast
from mtls_tui.lang.formatter import quote
from mtls_tui.lang.tree import walk

MAPS = frozenset({"http.request.headers", "http.response.headers", "raw.http.response.headers"})


def find(context: Context) -> Iterator[Hit]:
    """Keys of header maps that are not in lower case."""
    for rule in context.rules:
        for _, node in walk(rule.expression.root):
            key: object = None
            if isinstance(node, ast.Index) and isinstance(node.base, ast.Field):
                key = node.key if canonical_field(node.base.name) in MAPS else None
            elif isinstance(node, ast.Call) and node.name == "has_key" and isinstance(node.arguments[0], ast.Field):
                key = node.arguments[1] if canonical_field(node.arguments[0].name) in MAPS else None
            if isinstance(key, ast.String) and key.value != key.value.lower():
                name = text(key.value)
                yield Hit(
                    rule,
                    key,
                    f"header names are in lower case here: nothing is ever under `{name}`",
                    f"write `{name.lower()}`",
                    fix=quote(key.value.lower()),
                )


CHECK = Check(
    "header-case",
    "warning",
    "A header name has capital letters",
    "The map of headers has its names in lower case, and keys are compared letter by letter: the header "
    "is never found.",
    'any(http.request.headers["X-Api-Key"][*] eq "secret")',
    'any(http.request.headers["x-api-key"][*] eq "secret")',
    find,
)
