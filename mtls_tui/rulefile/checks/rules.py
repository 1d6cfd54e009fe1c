"""Whether the rules of a rule file make sense: refs, responses, expressions and the lists they name."""

from __future__ import annotations

from mtls_tui.lang.ast import Expression
from mtls_tui.rulefile.checks.report import ProblemReport
from mtls_tui.rulefile.checks.texts import check_text


def check_rules(report: ProblemReport) -> tuple[Expression | None, ...]:
    """The expressions of all rules, parsed; None for one that has a problem, which the report then has."""
    seen: dict[str, int] = {}
    parsed: list[Expression | None] = []
    for index, rule in enumerate(report.rulefile.rules):
        path = ("rules", index)
        if rule.ref in seen:
            first = report.rulefile.line_of("rules", seen[rule.ref], "ref")
            report.add("duplicate", (*path, "ref"), f"`{rule.ref}` is already a rule (line {first})", "rename one")
        elif not rule.ref.isprintable():
            report.add("value", (*path, "ref"), "a ref holds printable characters only", "rename it")
        seen.setdefault(rule.ref, index)
        if rule.response is not None:
            if rule.action != "block":
                report.add(
                    "contradiction",
                    (*path, "response"),
                    f"a rule with action `{rule.action}` gives no response of its own",
                    'remove `response`, or write action = "block"',
                )
            if len(rule.response.body.encode()) > 2048:
                report.add("value", (*path, "response"), "the body has more than 2,048 bytes", "shorten it")
        parsed.append(check_text(report, (*path, "expression"), rule.expression))
    return tuple(parsed)
