"""Running all checks over a set of rules."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mtls_tui import lang
from mtls_tui.analysis.checks import CHECKS
from mtls_tui.analysis.context import Context, Target
from mtls_tui.analysis.finding import Check, Finding, Hit
from mtls_tui.engine.model import Rule
from mtls_tui.engine.sets import Lists
from mtls_tui.lang.ast import Comparison, Expression, Test
from mtls_tui.lang.tree import extent, walk

CONSTANT = frozenset({"never-matches", "clause-always"})
BETTER = frozenset(
    {
        "path-as-host", "host-as-path", "value-never", "number-never", "case-never", "extension-dot", "pattern-as-text",
        "query-mark", "substring-empty", "header-case", "vacuous-all", "list-field",
    }
)  # fmt: skip
"""Checks that say what is wrong in a clause that never or always holds."""


def lint(
    rules: Sequence[Rule],
    hosts: Sequence[tuple[str, bool]] = (),
    lists: Lists | None = None,
    *,
    target: Target = "engine",
    ignore: Collection[str] = (),
    revoking: Collection[str] = (),
) -> list[Finding]:
    """What in these rules probably doesn't say what was meant, in the order of the rules.

    `hosts` are (name, whether mTLS is on); without any, checks about hosts are left out. `target` is where the rules
    run: the bundled engine, or Cloudflare. `ignore` are codes that are not wanted. `revoking` are the hosts with
    revocation lists. Disabled rules are looked at for
    what is wrong in themselves only. Never raises on rules that parse.
    """
    context = Context(tuple(rules), tuple(hosts), dict(lists or {}), target, tuple(revoking))
    place = {id(rule): index for index, rule in enumerate(rules)}
    found = [
        (-1 if hit.rule is None else place[id(hit.rule)], hit, check)
        for check in CHECKS
        if check.code not in ignore or check.code in BETTER
        for hit in check.find(context)
    ]
    findings = [(position, _finding(hit, check)) for position, hit, check in _without_echoes(found)
                if check.code not in ignore]  # fmt: skip
    findings.sort(key=lambda entry: (entry[0], entry[1].span.start if entry[1].span else -1))
    return list(dict.fromkeys(finding for _, finding in findings))


def _without_echoes(found: Sequence[tuple[int, Hit, Check]]) -> list[tuple[int, Hit, Check]]:
    """Without what is said of one clause being constant where another check says better what is wrong in it."""
    nodes = {(position, id(hit.node)) for position, hit, check in found if check.code in BETTER}
    return [
        (position, hit, check)
        for position, hit, check in found
        if check.code not in CONSTANT
        or not isinstance(hit.node, Comparison | Test)
        or not any((position, id(part)) in nodes for _, part in walk(hit.node))
    ]


def _finding(hit: Hit, check: Check) -> Finding:
    severity = hit.severity or check.severity
    if hit.rule is None:
        return Finding(check.code, severity, hit.message, hit.hint, host=hit.host)
    span = extent(hit.node) if hit.node is not None and hit.node.span is not None else None
    line = column = 1
    if span is not None:
        before = hit.rule.expression.text[: span.start]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return Finding(check.code, severity, hit.message, hit.hint, hit.rule.ref, span, line, column, hit.host, hit.fix)


def fixed(expression: Expression, finding: Finding) -> Expression | None:
    """The expression with a finding's fix put in; None when it has none, or the result would not be an expression."""
    if finding.fix is None or finding.span is None or not expression.text:
        return None
    text = expression.text[: finding.span.start] + finding.fix + expression.text[finding.span.end :]
    try:
        return lang.parse(text)
    except lang.ParseError:
        return None
