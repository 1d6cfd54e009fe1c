"""Rules that are never reached, since an earlier one takes all that they match."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.checks.constant import implies
from mtls_tui.analysis.context import Context, blocks, host_literals
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.engine.walk import fields_of
from mtls_tui.lang import ast

MAX_PAIRS = 4000
"""Pairs of rules that are compared; the pairs beyond are only looked at for equal expressions."""


def find(context: Context) -> Iterator[Hit]:
    """Enabled rules whose every match an earlier blocking or skipping rule matches, too."""
    earlier: list[tuple[int, frozenset[str], frozenset[str] | None]] = []
    same: dict[ast.Expr, int] = {}
    pairs = 0
    for position, rule in enumerate(context.enabled):
        root = rule.expression.root
        fields, hosts = fields_of(root), host_literals(rule)
        cover = same.get(root)
        if cover is None:
            for place, theirs, names in earlier:
                apart = hosts is not None and names is not None and not hosts <= names
                if apart or (theirs and not theirs & fields) or pairs >= MAX_PAIRS:
                    continue
                pairs += 1
                if implies(rule, context.enabled[place], context):
                    cover = place
                    break
        if cover is not None and not isinstance(root, ast.Always):
            other = context.enabled[cover]
            how = "says the same" if other.expression.root == root else "matches all that this one matches"
            message = f"never reached: rule `{other.ref}` comes first and {how}"
            yield Hit(rule, None, message, "take it out, move it up, or narrow the other one")
        if (blocks(rule) or rule.action == "skip") and not rule.shadow:
            earlier.append((position, fields, hosts))
            same.setdefault(root, position)


CHECK = Check(
    "shadowed-rule",
    "warning",
    "A rule is never reached",
    "A rule that blocks or skips ends the evaluation. A later rule that matches nothing else never gets a turn.",
    '# 1 block: http.host eq "api.example.com"\n# 2 log:   http.host eq "api.example.com" and ssl',
    '# 1 log:   http.host eq "api.example.com" and ssl\n# 2 block: http.host eq "api.example.com"',
    find,
)
