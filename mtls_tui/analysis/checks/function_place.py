"""Functions that Cloudflare does not offer in rules that decide about requests."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import Context
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import FUNCTIONS
from mtls_tui.lang.tree import walk

HERE = "custom rules"
"""What Cloudflare calls them."""


def find(context: Context) -> Iterator[Hit]:
    """Calls that are documented for other kinds of rules only; for rules that go to Cloudflare."""
    if context.target != "cloudflare":
        return
    for rule in context.rules:
        for _, node in walk(rule.expression.root):
            function = FUNCTIONS.get(node.name) if isinstance(node, ast.Call) else None
            places = function.limits.get("available_in", (HERE,)) if function is not None else (HERE,)
            if HERE not in places:
                assert isinstance(node, ast.Call)
                message = f"Cloudflare has `{node.name}` in {', '.join(places)} only, not in {HERE}"
                yield Hit(rule, node, message, "compare without it")


CHECK = Check(
    "function-place",
    "warning",
    "Cloudflare has this function in other rules only",
    "Reported for rules that are checked for Cloudflare, by what its documentation says of the function; the bundled "
    "engine computes it everywhere.",
    'to_string(cf.edge.server_port) eq "443"',
    "cf.edge.server_port eq 443",
    find,
)
