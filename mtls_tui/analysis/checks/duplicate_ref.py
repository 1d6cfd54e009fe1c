"""Two rules of one name."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import Context
from mtls_tui.analysis.finding import Check, Hit


def find(context: Context) -> Iterator[Hit]:
    """Rules whose ref an earlier rule has."""
    seen = set()
    for rule in context.rules:
        if rule.ref in seen:
            yield Hit(rule, None, f"another rule has the ref `{rule.ref}`", "give each rule a ref of its own")
        seen.add(rule.ref)


CHECK = Check(
    "duplicate-ref",
    "error",
    "Two rules have one ref",
    "The ref names a rule in logs, tests and at Cloudflare. With two of one name nobody can tell them apart.",
    'ref = "mtls"  # twice',
    'ref = "mtls-api" and ref = "mtls-pay"',
    find,
)
