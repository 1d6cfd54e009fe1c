"""Single clauses that say nothing: true of every request."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import Context
from mtls_tui.analysis.finding import Check, Hit


def find(context: Context) -> Iterator[Hit]:
    """Empty texts to contain or begin with, `wildcard "*"`, the whole of all addresses; nothing that may be missing."""
    for clause in context.clauses:
        node = clause.node
        if not clause.inner and not context.possible((node, False)):
            message = "every request satisfies this clause"
            if clause.negated:
                message += ": under `not` it holds for none"
            yield Hit(clause.rule, node, message, "take it out, or write what was meant")


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
