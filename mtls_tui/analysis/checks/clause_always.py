"""Single clauses that say nothing: true of every request, or of none."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from mtls_tui.analysis.cases import may_be_missing
from mtls_tui.analysis.context import Context
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.lang import ast

_ANYTHING = frozenset({b"", b".*", b"^", b"$", b"^.*", b".*$", b"(?s)^.*$", b"(?s).*"})
"""Regular expressions that are found in every text."""


def find(context: Context) -> Iterator[Hit]:
    """Empty texts to contain or begin with, `wildcard "*"`, the whole of all addresses; nothing that may be missing."""
    for clause in context.clauses:
        node = clause.node
        subject = _subject(node)
        if subject is not None and not may_be_missing(subject) and _always(node):
            message = "every request satisfies this clause"
            if clause.negated:
                message += ": under `not` it holds for none"
            yield Hit(clause.rule, node, message, "take it out, or write what was meant")


def _subject(node: ast.Comparison | ast.Test) -> ast.Value | None:
    if isinstance(node, ast.Comparison):
        return node.left
    if isinstance(node.value, ast.Call) and node.value.name in ("starts_with", "ends_with"):
        first = node.value.arguments[0]
        return first if isinstance(first, ast.Field | ast.Index | ast.Call) else None
    return None


def _always(node: ast.Comparison | ast.Test) -> bool:
    """Whether the clause is true of every value that is there."""
    match node:
        case ast.Test(value=ast.Call(arguments=(_, ast.String(value=b"")))):
            return True
        case ast.Comparison(operator="contains" | "ge", right=ast.String(value=b"")):
            return True
        case ast.Comparison(operator="wildcard" | "strict wildcard", right=ast.Pattern(value=pattern)):
            return pattern == b"*"
        case ast.Comparison(operator="matches", right=ast.Pattern(value=pattern)):
            return pattern in _ANYTHING
        case ast.Comparison(operator="in", right=ast.Set(items=items)):
            networks = [item.value for item in items if isinstance(item, ast.Network)]
            four = collapse_addresses(one for one in networks if isinstance(one, IPv4Network))
            six = collapse_addresses(one for one in networks if isinstance(one, IPv6Network))
            return [str(one) for one in (*four, *six)] == ["0.0.0.0/0", "::/0"]
    return False


CHECK = Check(
    "clause-always",
    "warning",
    "A clause is true of every request",
    "Every text contains the empty text and fits `*`; every address is in `{0.0.0.0/0 ::/0}`. Such a clause limits "
    "nothing.",
    'http.request.uri.path contains "" or ip.src in {0.0.0.0/0 ::/0}',
    'http.request.uri.path contains "/admin" or ip.src in {192.0.2.0/24}',
    find,
)
