"""What Cloudflare has on some plans only."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import Context
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import FIELDS, FUNCTIONS, OPERATORS
from mtls_tui.lang.tree import walk


def find(context: Context) -> Iterator[Hit]:
    """Fields, functions, operators and actions that not every plan has; only for rules that go to Cloudflare."""
    if context.target != "cloudflare":
        return
    for rule in context.rules:
        if rule.action == "log":
            yield Hit(rule, None, "the action log needs the Enterprise plan", "")
        seen = set()
        for _, node in walk(rule.expression.root):
            name, plan = "", ""
            if isinstance(node, ast.Field) and node.name in FIELDS:
                name, plan = node.name, FIELDS[node.name].plan
            elif isinstance(node, ast.Call) and node.name in FUNCTIONS:
                name, plan = node.name, FUNCTIONS[node.name].limits.get("plan", "")
            elif isinstance(node, ast.Comparison):
                name, plan = node.operator, OPERATORS[node.operator].plan
            if plan and name not in seen:
                seen.add(name)
                yield Hit(rule, node, f"`{name}` needs a Cloudflare plan: {plan}", "")


CHECK = Check(
    "plan",
    "info",
    "Not every Cloudflare plan has this",
    "Reported for rules that are checked for Cloudflare; the bundled engine knows no plans.",
    r'http.host matches r"^api\.example\.com$"',
    'http.host eq "api.example.com"',
    find,
)
