"""Rules that are content with any certificate at all."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import Context, blocks
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import PRESENTED, VERIFIED


def find(context: Context) -> Iterator[Hit]:
    """Blocking rules that read `cert_presented` while no rule for the same hosts reads `cert_verified`."""
    for clause in context.clauses:
        rule, node = clause.rule, clause.node
        if not isinstance(node, ast.Test) or node.value != ast.Field(PRESENTED) or not clause.negated:
            continue
        if rule.enabled and blocks(rule) and not context.beside_reads(rule, VERIFIED):
            yield Hit(
                rule,
                node,
                "any certificate satisfies this, one that the client made itself too",
                f"ask for `{VERIFIED}`",
                fix=VERIFIED,
            )


CHECK = Check(
    "presented-only",
    "warning",
    "Any certificate is enough",
    "`cert_presented` is true for every certificate that a client sends, expired, foreign or self-signed. "
    "Nobody is kept "
    "out by it who can run one command.",
    'http.host eq "api.example.com" and not cf.tls_client_auth.cert_presented',
    'http.host eq "api.example.com" and not cf.tls_client_auth.cert_verified',
    find,
)
