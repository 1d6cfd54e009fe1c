"""Rules that ask whether a certificate is valid and never whether it is revoked."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import Context, blocks
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import REVOKED, VERIFIED


def find(context: Context) -> Iterator[Hit]:
    """Blocking rules that read `cert_verified` while no rule for the same hosts reads `cert_revoked`.

    A warning where a host of the rule has revocation lists: there they are kept up and change nothing.
    """
    revoking = {id(context.enabled[position]) for position in context.revoking_positions}
    for clause in context.clauses:
        node = clause.node
        if not isinstance(node, ast.Test) or node.value != ast.Field(VERIFIED) or not clause.negated:
            continue
        rule = clause.rule
        if rule.enabled and blocks(rule) and not context.beside_reads(rule, REVOKED):
            yield Hit(
                rule,
                node,
                "a revoked certificate counts as verified, and no rule asks whether it is revoked",
                f"write `(not {VERIFIED} or {REVOKED})`",
                severity="warning" if id(rule) in revoking else None,
                fix=f"({VERIFIED} and not {REVOKED})",
            )


CHECK = Check(
    "revoked-accepted",
    "info",
    "A revoked certificate is let in",
    "`cert_verified` stays true for a certificate that was revoked after it was issued; only `cert_revoked` tells. "
    "Where no revocation list is in use this makes no difference, so it is for your information; it is a warning where "
    "a host that the rule may look at has one (`crls`).",
    'http.host eq "api.example.com" and not cf.tls_client_auth.cert_verified',
    'http.host eq "api.example.com" and (not cf.tls_client_auth.cert_verified or cf.tls_client_auth.cert_revoked)',
    find,
)
