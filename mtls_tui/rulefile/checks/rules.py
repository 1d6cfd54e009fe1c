"""Whether the rules of a rule file make sense: refs, responses, expressions and the lists they name."""

from __future__ import annotations

from mtls_tui.lang.ast import Expression, ListName
from mtls_tui.lang.diagnostics import Diagnostic, render
from mtls_tui.rulefile import expressions
from mtls_tui.rulefile.checks.report import Report
from mtls_tui.rulefile.errors import Problem, nearest
from mtls_tui.rulefile.model import RuleFile
from mtls_tui.rulefile.places import KeyPath


def check_rules(report: Report) -> tuple[Expression | None, ...]:
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
        expression, diagnostic = expressions.parse(rule.expression)
        if diagnostic:
            report.problems.append(expression_problem(report.rulefile, index, diagnostic))
        else:
            _list_names(report, index, rule.expression)
        parsed.append(expression)
    return tuple(parsed)


def expression_problem(rulefile: RuleFile, index: int, diagnostic: Diagnostic) -> Problem:
    """A diagnostic of rule `index`'s expression as a problem at its line within the file."""
    text = rulefile.rules[index].expression
    line, column = position_in_file(rulefile, ("rules", index, "expression"), diagnostic.line, diagnostic.column)
    return Problem(
        code=diagnostic.code,
        message=diagnostic.message,
        file=rulefile.name,
        line=line,
        column=column,
        key=f"rules[{index}].expression",
        cure=diagnostic.hint,
        detail=render(diagnostic, text),
        diagnostic=diagnostic,
    )


def position_in_file(rulefile: RuleFile, path: KeyPath, line: int, column: int) -> tuple[int, int]:
    """Line and column in the file of a place within a text value.

    Exact for literal strings, the form that rule files use; in a string with escapes the line is right as long as
    the escapes make no line breaks, and the column counts the value's characters.
    """
    places = rulefile.places
    place = places.values.get(path) if places else None
    if not places or not place:
        return 0, 0
    text = places.text
    start = place.start
    if text.startswith(("'''", '"""'), start):
        start += 3
        # TOML trims a line break right after the opening quotes.
        start += 2 if text.startswith("\r\n", start) else 1 if text.startswith("\n", start) else 0
    else:
        start += 1
    first_line, first_column = places.position(start)
    return first_line + line - 1, column + first_column - 1 if line == 1 else column


def _list_names(report: Report, index: int, text: str) -> None:
    kinds = {"Ip": "ip", "Bytes": "hostname", "Int": "asn"}
    for node in expressions.list_uses(text):
        assert isinstance(node.right, ListName)
        name, entry = node.right.name, report.rulefile.lists.get(node.right.name)
        if entry is None:
            cure = f"add [lists.{name}]"
            if report.rulefile.lists:
                cure = f"{nearest(name, report.rulefile.lists)} or {cure}"
            if "." in name:
                cure = f'Cloudflare\'s managed lists are not known here: add [lists."{name}"] with items of your own'
            _at_node(report, index, node.right, "unknown-list", f"unknown list `${name}`", cure)
            continue
        wanted = kinds.get(expressions.type_name(node.left))
        if wanted and wanted != entry.kind:
            message = f"`${name}` is a list of kind {entry.kind}, but the field takes one of kind {wanted}"
            _at_node(report, index, node.right, "list-kind", message, "use another list or field")


def _at_node(report: Report, index: int, node: ListName, code: str, message: str, cure: str) -> None:
    text = report.rulefile.rules[index].expression
    span = node.span
    assert span is not None
    line = text.count("\n", 0, span.start) + 1
    column = span.start - (text.rfind("\n", 0, span.start) + 1) + 1
    diagnostic = Diagnostic(code, message, line, column, span, cure)
    report.problems.append(expression_problem(report.rulefile, index, diagnostic))
