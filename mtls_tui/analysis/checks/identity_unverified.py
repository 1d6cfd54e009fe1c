"""Rules that trust what a certificate says without asking whether it is valid."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import Context, blocks, field_name
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import CERTIFICATE, VERIFIED

CLAIMS = frozenset(
    f"{CERTIFICATE}cert_{name}"
    for name in (
        *("serial", "issuer_serial", "ski", "issuer_ski", "not_before", "not_after"),
        *(f"{who}_dn{form}" for who in ("issuer", "subject") for form in ("", "_rfc2253", "_legacy")),
    )
)
"""What anyone can write into a certificate of their own; fingerprints are not among it."""


def find(context: Context) -> Iterator[Hit]:
    """Clauses about such a field in a deciding rule while no rule for the same hosts reads `cert_verified`."""
    seen = set()
    for clause in context.clauses:
        rule, node = clause.rule, clause.node
        name = field_name(node.left) if isinstance(node, ast.Comparison) else ""
        if name not in CLAIMS or not rule.enabled or not (blocks(rule) or rule.action == "skip"):
            continue
        if (rule.ref, name) in seen or context.beside_reads(rule, VERIFIED):
            continue
        seen.add((rule.ref, name))
        yield Hit(
            rule,
            node,
            f"anyone can make a certificate with this in `{name}`, and no rule asks whether it is valid",
            f"add `{VERIFIED}`, or compare the SHA-256 fingerprint",
        )


CHECK = Check(
    "identity-unverified",
    "warning",
    "Names and serial numbers are trusted unseen",
    "Subject, issuer, serial number and key identifiers are whatever the maker of a certificate wrote. They mean "
    "something only once the signature has been checked: that is `cert_verified`.",
    'http.host eq "api.example.com" and not cf.tls_client_auth.cert_subject_dn eq "CN=device-1"',
    'http.host eq "api.example.com" and not (cf.tls_client_auth.cert_verified and '
    'cf.tls_client_auth.cert_subject_dn eq "CN=device-1")',
    find,
)
