"""Ranges of the rule's text: of the row under the cursor, and of the error."""

from __future__ import annotations

from mtls_tui.lang.ast import Expression
from mtls_tui.lang.diagnostics import Diagnostic
from mtls_tui.lang.tree import extent, node_at
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.rows import BuilderRow, rows_of


def effective_row(document: Document) -> tuple[Expression, BuilderRow] | None:
    """The cursor's row in the expression without muted clauses; None when it isn't in there."""
    edited, row = document.edited_rule, document.row
    if edited is None or row is None or edited.full is None or edited.effective is None or row.muted:
        return None
    if not edited.muted:
        return edited.full, row
    index = document.row_index
    same = [one for one in document.rows if not one.muted]
    rows = rows_of(edited.effective)
    if row.kind == "clause":
        place = sum(1 for one in document.rows[:index] if one.kind == "clause" and not one.muted)
        clauses = [one for one in rows if one.kind == "clause"]
        return (edited.effective, clauses[place]) if place < len(clauses) else None
    place = same.index(row)
    return (edited.effective, rows[place]) if len(rows) == len(same) and place < len(rows) else None


def marked_range(document: Document) -> tuple[int, int]:
    """The range of the text that the cursor's row stands for; empty when there is none."""
    found = effective_row(document)
    if found is None:
        return 0, 0
    expression, row = found
    if not row.path and row.kind != "clause":
        return 0, 0
    span = extent(node_at(expression, row.path))
    return span.start, span.end


def error_of(document: Document) -> Diagnostic | None:
    """What is wrong with the selected rule's expression: it doesn't parse, or (once evaluated) names and types."""
    edited, results = document.edited_rule, document.results
    if edited is None:
        return None
    if edited.broken is not None:
        return edited.error
    if results is None or results.rule != document.view.rule or results.diagnostic is None:
        return None
    return results.diagnostic if results.diagnostic.span.start <= len(edited.text) else None
