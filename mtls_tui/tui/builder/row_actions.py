"""Editing rows and groups of the builder: each action is one edit of the tree that leaves the rest as written."""

from __future__ import annotations

from dataclasses import replace

from mtls_tui.lang import edit
from mtls_tui.lang.ast import Expression, Logical, LogicalOperator
from mtls_tui.lang.tree import Path, node_at
from mtls_tui.tui.builder.cursor_actions import no_rows
from mtls_tui.tui.registry.register import Refusal, Result, action, go_on
from mtls_tui.tui.state import edited_rule
from mtls_tui.tui.state.content import with_edited_rule
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.edited_rule import EditedRule
from mtls_tui.tui.state.rows import BuilderRow, row_at, rows_of


def current(document: Document) -> tuple[Expression, BuilderRow]:
    """The expression and the row under the cursor; the action's `enabled` has made sure of both."""
    expression, row = document.expression, document.row
    assert expression is not None and row is not None
    return expression, row


def applied(
    document: Document,
    result: edit.EditResult,
    title: str,
    *,
    merge: str = "",
    part: int | None = None,
    path: Path | None = None,
    moved: Path | None = None,
    losing: bool = False,
) -> Document | Refusal:
    """The document after an edit of the expression; the cursor goes where the edit was done.

    `moved` is the old path of a row that the edit carried elsewhere: if it was muted, it stays so. An edit that would
    bring a muted row back as a side effect is refused, unless it removes rows (`losing`).
    """
    if isinstance(result, edit.Refusal):
        return result
    edited = document.edited_rule
    assert edited is not None and edited.full is not None
    before, after = edited.full, result.expression
    carried = moved is not None and moved in edited.muted
    muted, gone = edited_rule.relocated(before, after, edited.muted - {moved} if moved is not None else edited.muted)
    if gone and not losing:
        return Refusal("this would bring a muted row back into the rule: do that first (space), or delete the row")
    if carried:
        muted = edited_rule.normal(after, muted | {result.path})
    content = with_edited_rule(document.content, document.view.rule, EditedRule(after, muted))
    rows = rows_of(after, muted)
    on = rows[row_at(rows, result.path if path is None else path)]
    view: dict[str, object] = {"path": on.path, "closing": False}
    if part is not None:
        view["part"] = part
    return document.with_content(content, title, merge, **view)


def _kind(row: BuilderRow) -> str:
    return "row" if row.kind == "clause" else "group"


def joined_by(result: edit.EditResult) -> str:
    """How the edited group is joined now, in words: this changes what the rule means."""
    node = node_at(result.expression, result.path) if isinstance(result, edit.Edit) else None
    return f"joined by `{node.operator}` now" if isinstance(node, Logical) else "join changed"


@action("row.not", "Negate", where="builder", keys="!", footer="not", enabled=no_rows)
def _negate(document: Document) -> Result:
    """Put `not` before this row or group, or take it away."""
    expression, row = current(document)
    return applied(document, edit.negate(expression, row.path), _negation(row))


def _negation(row: BuilderRow) -> str:
    taken = row.negated or any(part.sort == "not" and part.path == row.path for part in row.parts)
    return "`not` removed" if taken else "row negated" if row.kind == "clause" else "group negated"


@action("row.delete", "Delete", where="builder", keys="d delete", footer="delete", enabled=no_rows)
def _delete(document: Document) -> Result:
    """Delete this row, or this group with all that is in it."""
    expression, row = current(document)
    return applied(document, edit.remove(expression, row.path), f"{_kind(row)} deleted", losing=True)


@action("row.clone", "Clone", where="builder", keys="y", enabled=no_rows)
def _clone(document: Document) -> Result:
    """Insert a copy of this row or group below it."""
    expression, row = current(document)
    return applied(document, edit.duplicate(expression, row.path), f"{_kind(row)} cloned")


@action("row.mute", "Mute", where="builder", keys="space", footer="mute", enabled=no_rows)
def _mute(document: Document) -> Result:
    """Keep this row in the builder but leave it out of the rule; press again to bring it back."""
    _, row = current(document)
    edited = document.edited_rule
    assert edited is not None
    result = edited_rule.mute(edited, row.path)
    if isinstance(result, Refusal):
        return result
    muted = row.path in result.muted or len(result.muted) > len(edited.muted)
    title = f"{_kind(row)} muted: the rule is without it" if muted else f"{_kind(row)} in the rule again"
    return document.with_content(with_edited_rule(document.content, document.view.rule, result), title)


@action("row.move_up", "Move up", where="builder", keys="K shift+up", enabled=no_rows)
def _move_up(document: Document) -> Result:
    """Move this row up, into and out of groups."""
    expression, row = current(document)
    return applied(document, edit.move_up(expression, row.path), "row moved up", moved=row.path)


@action("row.move_down", "Move down", where="builder", keys="J shift+down", enabled=no_rows)
def _move_down(document: Document) -> Result:
    """Move this row down, into and out of groups."""
    expression, row = current(document)
    return applied(document, edit.move_down(expression, row.path), "row moved down", moved=row.path)


@action("row.wrap", "Wrap in a group", where="builder", keys="w (", footer="wrap", enabled=no_rows)
def _wrap(document: Document) -> Result:
    """Put this row and the one below it into a group of their own."""
    expression, row = current(document)
    parent = node_at(expression, row.path[:-1]) if row.path else None
    if not isinstance(parent, Logical):
        return Refusal("a group needs two rows: add one first")
    index = row.path[-1]
    if len(parent.items) == 2:
        return Refusal("these two rows are a group already")
    first = index if index + 1 < len(parent.items) else index - 1
    result = edit.wrap(expression, (*row.path[:-1], first), 2)
    # A group joined as its parent is would say nothing: give it the other join.
    if isinstance(result, edit.Edit):
        other: LogicalOperator = "or" if parent.operator == "and" else "and"
        joined = edit.set_join(result.expression, result.path, other)
        result = joined if isinstance(joined, edit.Edit) else result
        return applied(
            document, result, f"rows wrapped in a group, {joined_by(result)}", part=0, path=(*row.path[:-1], first)
        )
    return applied(document, result, "rows wrapped in a group", part=0)


@action("row.unwrap", "Unwrap the group", where="builder", keys="W )", enabled=no_rows)
def _unwrap(document: Document) -> Result:
    """Dissolve this group (or the one around this row) into the one around it."""
    expression, row = current(document)
    path = row.core
    if row.kind == "clause":
        if not row.path:
            return Refusal("there is no group to unwrap")
        path = row.path[:-1]
    return applied(document, edit.unwrap(expression, path), "group unwrapped", part=0)


@action("group.join", "Change the join", where="builder", keys="& |", footer="and/or", enabled=no_rows)
def _join(document: Document) -> Result:
    """Cycle how this group's rows are joined: and, or, xor."""
    expression, row = current(document)
    path = row.core
    if row.kind == "clause":
        if not row.path:
            return Refusal("there is one row only: add a second one to join them")
        path = row.path[:-1]
    result = edit.toggle_join(expression, path, xor=True)
    return applied(document, result, joined_by(result), path=row.path)


@action("row.click", "Select a part with the mouse", hidden=True)
def _click(document: Document, index: int, part: int) -> Result:
    """Move the cursor to the clicked part; a click on the selected part edits it."""
    from mtls_tui.tui.builder.cursor_actions import on_row

    moved = on_row(replace(document.with_view(focus="builder"), overlay=None), index, part)
    same = document.view.focus == "builder" and document.row_index == index and document.view.part == part
    return go_on(moved, "part.edit") if same and document.overlay is None else moved
