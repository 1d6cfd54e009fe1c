"""What Cloudflare has on some plans only."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import Context
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.lang import ast, type_of
from mtls_tui.lang.catalogue import FIELDS, FUNCTIONS, OPERATORS
from mtls_tui.lang.tree import walk
from mtls_tui.lang.types import IP

RULES = (("Free", 5), ("Pro", 20), ("Business", 100), ("Enterprise", 1000))
"""Custom rules of a zone, by plan."""


def find(context: Context) -> Iterator[Hit]:
    """Fields, functions, operators, lists and actions that not every plan has; only for rules for Cloudflare."""
    if context.target != "cloudflare":
        return
    enough = next((plan for plan, most in RULES if len(context.rules) <= most), "")
    if enough != RULES[0][0]:
        need = f"need the {enough} plan" if enough else "are more than any plan has in a zone"
        yield Hit(
            None,
            None,
            f"{len(context.rules)} rules {need}",
            "join rules by `or`; 5 are on every plan, 20 on Pro, 100 on Business, 1,000 on Enterprise",
        )
    for rule in context.rules:
        if rule.action == "log":
            yield Hit(rule, None, "the action log needs the Enterprise plan", "")
        if rule.response is not None:
            yield Hit(rule, None, "a response of its own needs a Cloudflare plan: Pro or above", "")
        seen = set()
        for _, node in walk(rule.expression.root):
            name, plan = "", ""
            if isinstance(node, ast.Field) and node.name in FIELDS:
                name, plan = node.name, FIELDS[node.name].plan
            elif isinstance(node, ast.Call) and node.name in FUNCTIONS:
                name, plan = node.name, FUNCTIONS[node.name].limits.get("plan", "")
            elif isinstance(node, ast.Comparison) and isinstance(node.right, ast.ListName):
                name, plan = f"${node.right.name}", "" if type_of(node.left) == IP else "Enterprise"
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
