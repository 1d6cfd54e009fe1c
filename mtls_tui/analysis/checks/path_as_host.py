"""The path compared with what can't be a path, such as a host name."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import Context, compared_strings, field_name, text
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.lang import ast

PATHS = ("http.request.uri.path", "http.request.uri", "raw.http.request.uri.path", "raw.http.request.uri")


def find(context: Context) -> Iterator[Hit]:
    """String literals without a leading slash that a path is compared with, or should start with."""
    for clause, literal in compared_strings(context, PATHS):
        yield from _judge(clause.rule, literal)
    for clause in context.clauses:
        node = clause.node
        if isinstance(node, ast.Test) and isinstance(node.value, ast.Call) and node.value.name == "starts_with":
            first, second = node.value.arguments
            if isinstance(second, ast.String) and second.value and field_name(first) in PATHS:
                yield from _judge(clause.rule, second)


def _judge(rule: object, literal: ast.String) -> Iterator[Hit]:
    if literal.value.startswith(b"/") or literal.value == b"*":
        return
    shown = text(literal.value)
    hint = f"write `/{shown}`"
    if "." in shown and "/" not in shown:
        hint = f'to compare the host write `http.host eq "{shown}"`'
    yield Hit(rule, literal, f"a path begins with `/`: it is never `{shown}`", hint)  # type: ignore[arg-type]


CHECK = Check(
    "path-as-host",
    "warning",
    "A path is compared with a host name",
    "The path of a request always begins with `/`, so the comparison never holds, and a rule that was to "
    "enforce mTLS for a "
    "host enforces nothing.",
    'http.request.uri.path eq "api.example.com" and not cf.tls_client_auth.cert_verified',
    'http.host eq "api.example.com" and not cf.tls_client_auth.cert_verified',
    find,
)
