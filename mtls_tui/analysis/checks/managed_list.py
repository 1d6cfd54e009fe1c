"""Managed lists that Cloudflare does not have."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import Context
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.engine.fields_of import canonical_field
from mtls_tui.lang import ast
from mtls_tui.lang.completion import MANAGED_LISTS


def find(context: Context) -> Iterator[Hit]:
    """Names under `cf.` that no managed list has, and managed lists beside anything but an address."""
    if context.target != "cloudflare":
        return
    for clause in context.clauses:
        node = clause.node
        if not isinstance(node, ast.Comparison) or not isinstance(node.right, ast.ListName):
            continue
        name = node.right.name
        if not name.startswith("cf."):
            continue
        if name not in MANAGED_LISTS:
            known = ", ".join(f"${one}" for one in MANAGED_LISTS)
            yield Hit(clause.rule, node.right, f"Cloudflare has no managed list `${name}`", f"it has {known}")
        elif not (isinstance(node.left, ast.Field) and canonical_field(node.left.name) == "ip.src"):
            message = f"`${name}` is a list of addresses: compare `ip.src` with it"
            yield Hit(clause.rule, node.left, message, f"write `ip.src in ${name}`")


CHECK = Check(
    "managed-list",
    "warning",
    "A managed list is not one of Cloudflare's",
    "Lists whose names begin with `cf.` are Cloudflare's own, and all of them hold addresses. Reported for rules that "
    "are checked for Cloudflare.",
    "ip.src in $cf.blocklist",
    "ip.src in $cf.botnetcc",
    find,
)
