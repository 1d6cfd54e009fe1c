"""Moving between panes, rows and parts of a row, and jumping to any row."""

from __future__ import annotations

from mtls_tui.tui.registry.parts import PANES, Pane
from mtls_tui.tui.registry.register import Refusal, Result, action
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.overlays import Item, Picker
from mtls_tui.tui.state.rows import BuilderRow

PAGE = 10


def no_rows(document: Document) -> str:
    """Why no row can be acted on; empty when a row is selected."""
    if document.rule is None:
        return "no rule is selected"
    if not document.rows:
        return "the expression does not parse: edit it as text (t)"
    return ""


def on_row(document: Document, index: int, part: int | None = None) -> Document:
    """With the cursor on the row of this index."""
    rows = document.rows
    if not rows:
        return document
    row = rows[max(0, min(index, len(rows) - 1))]
    count = len(row.editable)
    wanted = document.view.part if part is None else part
    return document.with_view(path=row.path, closing=row.kind == "close", part=max(0, min(wanted, max(count - 1, 0))))


@action("pane.next", "Next pane", keys="tab")
def _next_pane(document: Document) -> Result:
    """Move to the next part of the screen."""
    return focused(document, 1)


@action("pane.previous", "Previous pane", keys="shift+tab")
def _previous_pane(document: Document) -> Result:
    """Move to the previous part of the screen."""
    return focused(document, -1)


def focused(document: Document, step: int) -> Result:
    """With the focus on the next or previous pane; the text editor counts as one while it is open."""
    panes = [name for name, pane in _focusable().items() if pane.why_closed is None or not pane.why_closed(document)]
    place = panes.index(document.view.focus)
    return _focus(document, panes[(place + step) % len(panes)])


def _focusable() -> dict[str, Pane]:
    return {pane.context.name: pane for pane in PANES.values() if pane.context is not None}


@action("pane.focus", "Go to a pane", hidden=True)
def _focus(document: Document, pane: str) -> Result:
    found = _focusable()[pane]
    reason = found.why_closed(document) if found.why_closed is not None else ""
    if reason:
        return Refusal(reason)
    return document.with_view(focus=pane, tab=found.tab or document.view.tab)


@action("row.up", "Row up", where="builder", keys="up k", enabled=no_rows)
def _up(document: Document) -> Result:
    return on_row(document, document.row_index - 1, _same_column(document, document.row_index - 1))


@action("row.down", "Row down", where="builder", keys="down j", enabled=no_rows)
def _down(document: Document) -> Result:
    return on_row(document, document.row_index + 1, _same_column(document, document.row_index + 1))


def _same_column(document: Document, index: int) -> int:
    """The part of another row that stands in the same column as the cursor."""
    rows, part = document.rows, document.part
    if not 0 <= index < len(rows) or part is None:
        return document.view.part
    return part_in_column(rows[index], part.column)


def part_in_column(row: BuilderRow, column: str) -> int:
    """The first part of a row in a column, or its last part."""
    parts = row.editable
    for place, part in enumerate(parts):
        if part.column == column and part.sort != "not":
            return place
    return max(0, len(parts) - 1)


@action("part.left", "Part to the left", where="builder", keys="left h", enabled=no_rows)
def _left(document: Document) -> Result:
    """Go to the part of the row on the left."""
    return document.with_view(part=max(0, document.view.part - 1))


@action("part.right", "Part to the right", where="builder", keys="right l", enabled=no_rows)
def _right(document: Document) -> Result:
    """Go to the part of the row on the right."""
    row = document.row
    last = max(0, len(row.editable) - 1) if row else 0
    return document.with_view(part=min(last, document.view.part + 1))


@action("row.first", "First row", where="builder", keys="home g", enabled=no_rows)
def _first(document: Document) -> Result:
    return on_row(document, 0)


@action("row.last", "Last row", where="builder", keys="end G", enabled=no_rows)
def _last(document: Document) -> Result:
    return on_row(document, len(document.rows) - 1)


@action("row.page_up", "A page of rows up", where="builder", keys="pageup", enabled=no_rows)
def _page_up(document: Document) -> Result:
    return on_row(document, document.row_index - PAGE)


@action("row.page_down", "A page of rows down", where="builder", keys="pagedown", enabled=no_rows)
def _page_down(document: Document) -> Result:
    return on_row(document, document.row_index + PAGE)


@action("row.find", "Find a row", where="builder", keys="/", enabled=no_rows)
def _find(document: Document) -> Result:
    """Search the rows of this rule and jump to one."""
    from dataclasses import replace

    items = tuple(
        Item(str(index), row.text, detail=f"row {index + 1}", tag="muted" if row.muted else "")
        for index, row in enumerate(document.rows)
        if row.kind != "close"
    )
    return replace(document, overlay=Picker("Find a row", items, "row.go"))


@action("row.go", "Go to a row", hidden=True)
def _go(document: Document, key: str = "", index: int = 0, part: int | None = None) -> Result:
    """Go to the row of this index (`key` is it as text), and to a part of it."""
    from dataclasses import replace

    place = int(key) if key else index
    return on_row(replace(document.with_view(focus="builder"), overlay=None), place, part)
