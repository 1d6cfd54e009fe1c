"""The query compared with its question mark."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.checks.case_never import compared
from mtls_tui.analysis.context import Context, field_name, text
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.lang.formatter import quote

QUERIES = frozenset({"http.request.uri.query", "raw.http.request.uri.query"})


def find(context: Context) -> Iterator[Hit]:
    """Literals that begin with `?` where the query is compared."""
    for clause in context.clauses:
        for subject, found in compared(clause.node):
            for literal in found if field_name(subject) in QUERIES else ():
                if not literal.value.startswith(b"?"):
                    continue
                rest, node = literal.value[1:], clause.node
                inside = getattr(node, "operator", "") == "contains"
                shown = text(rest)
                hint = f'write `starts_with({field_name(subject)}, "{shown}")`' if inside else f"write `{shown}`"
                yield Hit(
                    clause.rule,
                    literal,
                    f"the query begins after the `?`: `{text(literal.value)}` is not in it",
                    hint if rest else f'to ask for a query write `{field_name(subject)} ne ""`',
                    fix=quote(rest) if rest and not inside else None,
                )


CHECK = Check(
    "query-mark",
    "warning",
    "A query is compared with its question mark",
    "The query of `/a?id=1` is `id=1`. Only a second question mark would be part of it. The first one is in "
    "`http.request.uri`.",
    'starts_with(http.request.uri.query, "?id=")',
    'starts_with(http.request.uri.query, "id=")',
    find,
)
