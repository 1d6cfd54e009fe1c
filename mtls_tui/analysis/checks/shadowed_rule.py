"""Rules that are never reached, since an earlier one takes all that they match."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.checks.constant import implies
from mtls_tui.analysis.context import Context, blocks, host_literals
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.engine.fields_of import fields_of
from mtls_tui.engine.model import Rule
from mtls_tui.lang import ast

MAX_PAIRS = 4000
"""Pairs of rules that are compared; beyond them only equal expressions are found."""


def find(context: Context) -> Iterator[Hit]:
    """Enabled rules whose every match an earlier blocking or skipping rule also matches."""
    earlier = _Earlier()
    pairs = 0
    for position, rule in enumerate(context.enabled):
        root = rule.expression.root
        cover = earlier.same.get(root)
        if cover is None:
            for place in earlier.candidates(rule):
                pairs += 1
                if pairs > MAX_PAIRS:
                    break
                if implies(rule, context.enabled[place], context):
                    cover = place
                    break
        if cover is not None and not isinstance(root, ast.Always):
            other = context.enabled[cover]
            how = "says the same" if other.expression.root == root else "matches all that this one matches"
            message = f"never reached: rule `{other.ref}` comes first and {how}"
            yield Hit(rule, None, message, "take it out, move it up, or narrow the other one")
        if (blocks(rule) or rule.action == "skip") and not rule.shadow:
            earlier.add(position, rule)


class _Earlier:
    """The deciding rules so far, by the hosts that they are limited to."""

    def __init__(self) -> None:
        self.same: dict[ast.Expr, int] = {}
        self.by_host: dict[str, list[int]] = {}
        self.anywhere: list[int] = []
        self.fields: dict[int, frozenset[str]] = {}

    def add(self, position: int, rule: Rule) -> None:
        self.same.setdefault(rule.expression.root, position)
        self.fields[position] = fields_of(rule.expression.root)
        names = host_literals(rule)
        if names is None:
            self.anywhere.append(position)
        for name in names or ():
            self.by_host.setdefault(name, []).append(position)

    def candidates(self, rule: Rule) -> Iterator[int]:
        """Those that may match all that a rule matches: for the same hosts, and by a field that it reads."""
        names, fields = host_literals(rule), fields_of(rule.expression.root)
        if names is not None and not names:
            return  # it never matches: another check says so
        some = next(iter(names)) if names else None
        for place in sorted((*self.by_host.get(some, ()), *self.anywhere)) if some is not None else self.anywhere:
            theirs = self.fields[place]
            if not theirs or theirs & fields:
                yield place


CHECK = Check(
    "shadowed-rule",
    "warning",
    "A rule is never reached",
    "A rule that blocks or skips ends the evaluation. A later rule that matches nothing else never gets a turn.",
    '# 1 block: http.host eq "api.example.com"\n# 2 log:   http.host eq "api.example.com" and ssl',
    '# 1 log:   http.host eq "api.example.com" and ssl\n# 2 block: http.host eq "api.example.com"',
    find,
)
