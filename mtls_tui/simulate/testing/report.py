"""The outcome of rule tests and their coverage, for the terminal and as plain data."""

from __future__ import annotations

from typing import Any

from mtls_tui.engine.trace import Step, plain
from mtls_tui.lang import ast
from mtls_tui.lang.formatter import format_node
from mtls_tui.lang.tree import Path
from mtls_tui.simulate.report import expression_tree
from mtls_tui.simulate.requests.message import to_json, url_of
from mtls_tui.simulate.simulation import Simulation
from mtls_tui.simulate.style import Style, columns, padded, safe
from mtls_tui.simulate.testing.coverage import ClauseCoverage, Coverage, Goal, RuleCoverage
from mtls_tui.simulate.testing.suggest import Suggestions, toml
from mtls_tui.simulate.testing.suite import TestReport, TestResult
from mtls_tui.simulate.tree_lines import TreeLine, tree_lines
from mtls_tui.simulate.wording import certificate_line, headline


def summary(report: TestReport, style: Style) -> str:
    """The last line: how many passed, how many failed, how long it took."""
    total = len(report.results)
    if not total:
        why = f"none of {report.chosen_of} tests fits the filter" if report.chosen_of else "the file has no tests"
        return style(f"✗ {why}", "bold", "red")
    took = f"in {report.seconds:.2f} s"
    if report.failed:
        return style(f"✗ {len(report.failed)} of {total} tests failed {took}", "bold", "red")
    return style(f"✓ {total} test{'' if total == 1 else 's'} passed {took}", "bold", "green")


def failure(result: TestResult, name: str, style: Style) -> str:
    """A failed test with what was expected and the explanation of what came instead."""
    lines = [style(f"✗ {safe(result.test.name)}", "bold", "red") + style(f"  {safe(name)}:{result.line}", "dim")]
    if result.error:
        lines.append(style.wrapped(safe(result.error), "    "))
        return "\n".join(lines)
    lines.extend(style.wrapped(safe(text), "      ", "    ") for text in result.failures)
    simulation = result.simulation()
    if simulation is not None:
        lines.append("")
        lines.extend(f"    {line}".rstrip() for line in explanation(simulation, style).splitlines())
    return "\n".join(lines)


def explanation(simulation: Simulation, style: Style) -> str:
    """In a few lines: request, verdict, certificate, and the tree of the rules that matter."""
    http = simulation.http
    lines = [
        f"{safe(http.method)} {safe(url_of(http), 200)}",
        headline(simulation),
        f"certificate: {certificate_line(simulation)}",
    ]
    views = [simulation.deciding] if simulation.deciding else simulation.rules[:3]
    for view in views:
        if view is not None and view.course not in ("not reached", "disabled"):
            lines.append(style(f"rule {view.position} {safe(view.rule.ref)}: {view.course}", "bold"))
            lines.append(expression_tree(view.trace, style))
    return "\n".join(lines)


def coverage_text(coverage: Coverage, style: Style) -> str:
    """Every rule's expression with what the tests have shown of each clause, and the percentage."""
    parts = [_rule(rule, style) for rule in coverage.rules.values()]
    percent = coverage.percent
    goals = f"{coverage.met} of {coverage.total}: each clause decides while true and while false"
    total = f"Coverage {percent:.1f} %  ({goals})"
    color = "green" if not coverage.missing else "yellow"
    return "\n\n".join([*parts, style(total, "bold", color)])


def _rule(rule: RuleCoverage, style: Style) -> str:
    complete = rule.met == rule.total
    tests = f"{rule.tests} test{'' if rule.tests == 1 else 's'}"
    head = f"{safe(rule.rule.ref)}  {rule.met} of {rule.total}"
    note = f"  evaluated by {tests}, ended {rule.ended}"
    title = style(head, "bold", "green" if complete else "yellow") + style(note, "dim")
    if rule.rule.shadow:
        title += style("  (shadow)", "dim")
    if not rule.clauses:
        return title
    rows = [(row, row.rail + row.text) for row in tree_lines(rule.rule.expression.root, _source)]
    stop = min(max(columns(text) for _, text in rows), max(30, style.width - 36))
    lines = [title, "  " + " " * stop + style("   seen             decides", "dim")]
    for row, whole in rows:
        text = whole if columns(whole) <= stop else whole[: stop - 1] + "…"
        clause = rule.clauses.get(row.inner)
        if clause is None:  # a group, or `true`
            lines.append(f"  {text}")
            continue
        seen, decided = _both(clause.seen, clause, row, style), _both(clause.decided, clause, row, style)
        lines.append(f"  {padded(text, stop)}   {seen}   {decided}")
    return "\n".join(lines)


def _both(values: set[bool], clause: ClauseCoverage, row: TreeLine, style: Style) -> str:
    """Marks for true and false. A row speaks with its `not`, and so do its marks."""
    parts = []
    for shown in (True, False):
        value = shown is not row.negated
        mark, color = ("✓", "green") if value in values else ("✗", "red")
        if value not in clause.possible:
            mark, color = "–", "dim"
        parts.append(style(f"{mark} {'true' if shown else 'false'}", color))
    return " ".join(parts)


def _source(node: ast.Expr, _path: Path) -> str:
    return safe(format_node(node))


def data(report: TestReport, coverage: Coverage | None) -> dict[str, Any]:
    """The report for JSON."""
    out: dict[str, Any] = {
        "file": report.name,
        "ok": report.ok,
        "tests": len(report.results),
        "tests_in_file": report.chosen_of,
        "passed": len(report.results) - len(report.failed),
        "failed": len(report.failed),
        "seconds": round(report.seconds, 4),
        "results": [_result(result) for result in report.results],
    }
    if coverage is not None:
        out["coverage"] = coverage_data(coverage)
    return out


def coverage_data(coverage: Coverage) -> dict[str, Any]:
    """Coverage for JSON."""
    return {
        "percent": round(coverage.percent, 2),
        "met": coverage.met,
        "total": coverage.total,
        "rules": [
            {
                "ref": rule.rule.ref,
                "met": rule.met,
                "total": rule.total,
                "tests": rule.tests,
                "ended": rule.ended,
                "matched": True in rule.outcomes,
                "not_matched": False in rule.outcomes,
                "clauses": [
                    {
                        "path": list(clause.path),
                        "text": clause.text,
                        "possible": sorted(clause.possible, reverse=True),
                        "seen": sorted(clause.seen, reverse=True),
                        "decided": sorted(clause.decided, reverse=True),
                    }
                    for clause in rule.clauses.values()
                ],
            }
            for rule in coverage.rules.values()
        ],
    }


def suggestion_data(found: Suggestions, before: float, coverage: Coverage) -> dict[str, Any]:
    """Suggested tests for JSON; `coverage` already counts what they show."""

    def goal(goal: Goal) -> dict[str, Any]:
        clause = coverage.rules[goal.ref].clauses.get(goal.path)
        return {
            "rule": goal.ref,
            "path": list(goal.path),
            "clause": clause.text if clause else None,
            "value": goal.value,
        }

    return {
        "coverage_before": round(before, 2),
        "coverage_after": round(coverage.percent, 2),
        "suggestions": [
            {
                "name": suggestion.test.name,
                "toml": toml([suggestion.test]),
                "action": suggestion.decision.action,
                "shows": [goal(item) for item in sorted(suggestion.goals, key=lambda g: (g.ref, g.path, g.value))],
            }
            for suggestion in found.found
        ],
        "not_found": [goal(item) for item in found.unmet],
    }


def _result(result: TestResult) -> dict[str, Any]:
    out: dict[str, Any] = {
        "name": result.test.name,
        "number": result.number,
        "line": result.line,
        "passed": result.passed,
        "failures": list(result.failures),
        "error": result.error,
        "seconds": round(result.seconds, 6),
    }
    decision = result.decision
    if decision is not None:
        out["action"] = decision.action
        out["rule"] = decision.ended_by
    if not result.passed and (simulation := result.simulation()) is not None:
        out["request"] = to_json(simulation.http)
        out["explanation"] = explanation(simulation, Style())
        deciding = simulation.deciding
        out["reasons"] = [_reason(step) for step in deciding.trace.reasons] if deciding else []
    return out


def _reason(step: Step) -> dict[str, Any]:
    return {"text": step.text, "value": step.value if isinstance(step.value, bool) else None, "seen": plain(step.seen)}
