"""Texts in a case that `lower` or `upper` takes away."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import Context, field_name, literals, text
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.lang import ast
from mtls_tui.lang.formatter import format_node, quote

LOWER_FIELDS = frozenset({"http.request.uri.path.extension", "raw.http.request.uri.path.extension"})
"""Fields that the engine itself puts into lower case; the host has a check of its own."""
TEXT_OPERATORS = frozenset({"eq", "ne", "in", "contains"})


def find(context: Context) -> Iterator[Hit]:
    """Literals with capitals beside `lower(…)`, or with small letters beside `upper(…)`."""
    for clause in context.clauses:
        node = clause.node
        for subject, found in compared(node):
            case = _case(subject)
            if case is None:
                continue
            for literal in found:
                right = literal.value.lower() if case == "lower" else literal.value.upper()
                if right != literal.value:
                    shown = format_node(subject)
                    letters = "no capital letters" if case == "lower" else "no small letters"
                    yield Hit(
                        clause.rule,
                        literal,
                        f"`{shown}` has {letters}: `{text(literal.value)}` is never in it",
                        f"write `{text(right)}`",
                        fix=quote(right) if literal.text.startswith('"') else None,
                    )


def compared(node: ast.Comparison | ast.Test) -> Iterator[tuple[ast.Value, list[ast.String]]]:
    """What a clause looks at, with the plain texts that it looks for there, as a whole or as a part."""
    if isinstance(node, ast.Comparison):
        if node.operator in TEXT_OPERATORS:
            yield node.left, list(literals(node.right))
    elif isinstance(node.value, ast.Call) and node.value.name in ("starts_with", "ends_with"):
        first, second = node.value.arguments
        if isinstance(second, ast.String) and isinstance(first, ast.Field | ast.Index | ast.Call):
            yield first, [second]


def _case(subject: ast.Value) -> str | None:
    if isinstance(subject, ast.Call) and subject.name in ("lower", "upper"):
        # what `host-as-path` says of the host needs no second finding
        return None if subject.name == "lower" and field_name(subject) == "http.host" else subject.name
    return "lower" if field_name(subject) in LOWER_FIELDS else None


CHECK = Check(
    "case-never",
    "warning",
    "A text is looked for in a case that can't be there",
    "`lower(x)` has no capital letters and `upper(x)` no small ones. Comparisons are exact, so the clause never holds. "
    "An extension comes in lower case.",
    'upper(http.request.uri.path) eq "/Admin" or lower(http.user_agent) contains "Bot"',
    'upper(http.request.uri.path) eq "/ADMIN" or lower(http.user_agent) contains "bot"',
    find,
)
