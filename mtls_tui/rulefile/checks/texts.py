"""Checks of texts in the Rules language, wherever they stand: that they parse, and that their lists are there."""

from __future__ import annotations

from mtls_tui.lang.ast import Expression, ListName
from mtls_tui.lang.diagnostics import Diagnostic, render
from mtls_tui.rulefile import expressions
from mtls_tui.rulefile.checks.report import ProblemReport
from mtls_tui.rulefile.errors import Problem, nearest
from mtls_tui.rulefile.model import RuleFile
from mtls_tui.rulefile.places import KeyPath, key_name

_KINDS = {"Ip": "ip", "Bytes": "hostname", "Int": "asn"}


def check_text(report: ProblemReport, path: KeyPath, text: str) -> Expression | None:
    """The expression of the text at a path; None if it does not parse, which the report then says."""
    expression, diagnostic = expressions.parse(text)
    if diagnostic:
        report.problems.append(expression_problem(report.rulefile, path, text, diagnostic))
    else:
        _list_names(report, path, text)
    return expression


def expression_problem(rulefile: RuleFile, path: KeyPath, text: str, diagnostic: Diagnostic) -> Problem:
    """A diagnostic of the text at a path as a problem at its line within the file."""
    line, column = position_in_file(rulefile, path, diagnostic.line, diagnostic.column)
    return Problem(
        code=diagnostic.code,
        message=diagnostic.message,
        file=rulefile.name,
        line=line,
        column=column,
        key=key_name(path),
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


def _list_names(report: ProblemReport, path: KeyPath, text: str) -> None:
    for node in expressions.list_uses(text):
        assert isinstance(node.right, ListName)
        name, entry = node.right.name, report.rulefile.lists.get(node.right.name)
        if entry is None:
            cure = f"add [lists.{name}]"
            if report.rulefile.lists:
                cure = f"{nearest(name, report.rulefile.lists)} or {cure}"
            if "." in name:
                cure = f'Cloudflare\'s managed lists are not known here: add [lists."{name}"] with items of your own'
            _at_node(report, path, text, node.right, "unknown-list", f"unknown list `${name}`", cure)
            continue
        wanted = _KINDS.get(expressions.type_name(node.left))
        if wanted and wanted != entry.kind:
            message = f"`${name}` is a list of kind {entry.kind}, but the field takes one of kind {wanted}"
            _at_node(report, path, text, node.right, "list-kind", message, "use another list or field")


def _at_node(
    report: ProblemReport, path: KeyPath, text: str, node: ListName, code: str, message: str, cure: str
) -> None:
    span = node.span
    assert span is not None
    line = text.count("\n", 0, span.start) + 1
    column = span.start - (text.rfind("\n", 0, span.start) + 1) + 1
    diagnostic = Diagnostic(code, message, line, column, span, cure)
    report.problems.append(expression_problem(report.rulefile, path, text, diagnostic))
