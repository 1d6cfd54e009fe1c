"""Editing one part of a row: which field, which operator, what value; and adding rows. Opens the floating editors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mtls_tui.lang import clause, edit
from mtls_tui.lang.ast import (
    Address,
    Always,
    Call,
    Expression,
    Integer,
    ListName,
    LogicalOperator,
    Pattern,
    Set,
    String,
)
from mtls_tui.lang.catalogue import BUILDER, FIELDS, BuilderOperator
from mtls_tui.lang.describe import describe
from mtls_tui.lang.diagnostics import Diagnostic
from mtls_tui.lang.tree import Path, node_at, source
from mtls_tui.tui.builder import choices, values
from mtls_tui.tui.builder.cursor_actions import no_rows, part_in_column
from mtls_tui.tui.builder.row_actions import applied, current, joined_by
from mtls_tui.tui.registry.register import Refusal, Result, action, go_on
from mtls_tui.tui.state import edited_rule
from mtls_tui.tui.state.content import edited_rule_of
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.overlays import PartEditor, Picker, standing
from mtls_tui.tui.state.rows import BuilderRow, Part, field_label
from mtls_tui.tui.state.textbuffer import Buffer
from mtls_tui.tui.state.view_state import Step

if TYPE_CHECKING:
    from mtls_tui.tui.action_ids import ActionId


@action("part.edit", "Edit", where="builder", keys="enter", footer="edit", enabled=no_rows)
def _edit(document: Document) -> Result:
    """Edit the part of the row under the cursor: field, operator or value."""
    _, row = current(document)
    part = document.part
    if row.kind == "close" or part is None:
        return go_on(document, "group.join")
    match part.sort:
        case "not":
            return _drop_not(document, part)
        case "join":
            return _toggle_join(document, row, part)
        case "field":
            return go_on(document, "part.field")
        case "operator":
            return go_on(document, "part.operator")
        case "constant":
            return _toggle_constant(document, part)
        case "value":
            return _open_value(document, part)
        case _:
            return _open_source(document, part)


def _drop_not(document: Document, part: Part) -> Result:
    expression, _ = current(document)
    return applied(document, edit.negate(expression, part.path), "`not` removed", path=document.view.path, part=0)


def _toggle_join(document: Document, row: BuilderRow, part: Part) -> Result:
    expression, _ = current(document)
    result = edit.toggle_join(expression, part.path, xor=True)
    return applied(document, result, joined_by(result), path=row.path)


def _toggle_constant(document: Document, part: Part) -> Result:
    expression, row = current(document)
    node = node_at(expression, part.path)
    text = "false" if isinstance(node, Always) and node.value else "true"
    return applied(
        document, edit.replace_row(expression, part.path, text), f"constant changed to {text}", path=row.path
    )


# --- field and operator -------------------------------------------------------------------------------------------


@action("part.field", "Choose the field", where="builder", keys="f", enabled=no_rows)
def _field(document: Document) -> Result:
    """Choose the field that this row looks at."""
    _, row = current(document)
    if row.kind != "clause":
        return Refusal("a group has no field")
    part = document.part
    if part is None or part.sort != "field":
        part = next((one for one in row.parts if one.sort == "field"), None)
    path = part.path if part else row.core
    items, index = standing(choices.fields(document), choices.field_at(document.expression, path))
    return replace(
        document,
        overlay=Picker("Field", items, "part.set_field", {"path": path}, index=index, anchor="row"),
    )


@action("part.set_field", "Set the field", hidden=True)
def _set_field(document: Document, key: str, path: Path) -> Result:
    expression, row = current(document)
    document = replace(document, overlay=None)
    old = choices.field_at(expression, path)
    if key == old:
        return document
    first = next((one for one in row.parts if one.sort == "field"), None)
    loss = ""
    fits = old in FIELDS and key in FIELDS and FIELDS[old].type == FIELDS[key].type
    if fits or (first is not None and first.path != path):
        # What is around the field stays; only its name changes.
        result = edit.replace_part(expression, path, key)
    else:
        result = clause.change_field(expression, row.path, key)
        loss = ": its type is different, so the row starts over"
    return applied(document, result, f"field changed to {field_label(key)}{loss}", path=row.path)


@action("part.operator", "Choose the operator", where="builder", keys="=", enabled=no_rows)
def _operator(document: Document) -> Result:
    """Choose how field and value are compared."""
    _, row = current(document)
    if row.kind != "clause":
        return Refusal("a group has a join, not an operator (&)")
    items = choices.operators(document, row)
    if not items:
        return Refusal("this row has no operator: it is true or false by itself (! negates it)")
    items, index = standing(items, operator_words(row))
    return replace(document, overlay=Picker("Operator", items, "part.set_operator", index=index, anchor="row"))


def operator_words(row: BuilderRow) -> str:
    """The operator of a row as the builder shows it."""
    return next((part.text for part in row.parts if part.sort == "operator"), "")


@action("part.set_operator", "Set the operator", hidden=True)
def _set_operator(document: Document, key: str) -> Result:
    expression, row = current(document)
    document = replace(document, overlay=None)
    if key == operator_words(row):
        return document
    choice = BUILDER[key]
    right: str | None = None
    if choice.form == "list":
        names = choices.lists(document, row)
        kept = describe(node_at(expression, row.path))  # type: ignore[arg-type]
        old = node_at(expression, row.path + kept.value_path) if kept.value_path is not None else None
        if isinstance(old, ListName):
            right = f"${old.name}"
        elif names:
            right = f"${names[0].key}"
        else:
            return Refusal("this file has no list that fits: add one to the rule file first")
    result = clause.change_operator(expression, row.path, choice, right)
    done = applied(document, result, f"operator changed to {key}{_left_out(expression, row.path, choice)}")
    if isinstance(done, Refusal) or done.row is None:
        return done
    return done.with_view(part=part_in_column(done.row, "operator"))


def _left_out(expression: Expression, path: Path, choice: BuilderOperator) -> str:
    """What an operator of a single value leaves out of a set, as the end of a sentence; "" when it is nothing."""
    described = describe(node_at(expression, path))  # type: ignore[arg-type]
    value = node_at(expression, path + described.value_path) if described.value_path is not None else None
    count = len(value.items) if isinstance(value, Set) and choice.form != "set" else 0
    if choice.form == "list":
        return f" in place of {count} value{'s' if count > 1 else ''}" if count else ""
    return f" with the first of {count} values" if count > 1 else ""


# --- value --------------------------------------------------------------------------------------------------------


@action("part.value", "Edit the value", where="builder", keys="v", enabled=no_rows)
def _value(document: Document) -> Result:
    """Edit the right side of this row."""
    _, row = current(document)
    for place, part in enumerate(row.editable):
        if part.sort == "value" and part.column == "right":
            return _open_value(document.with_view(part=place), part)
    for place, part in enumerate(row.editable):
        if part.sort == "value":
            return _open_value(document.with_view(part=place), part)
    return Refusal("this row has no value: it is true or false by itself (! negates it)")


@action("part.source", "Edit as text", where="builder", keys="e", enabled=no_rows)
def _source(document: Document) -> Result:
    """Edit this part of the row in the language itself."""
    part = document.part
    return Refusal("there is nothing to edit here") if part is None else _open_source(document, part)


@action("row.source", "Edit the row as text", where="builder", keys="E", enabled=no_rows)
def _row_source(document: Document) -> Result:
    """Edit the whole row, or group, in the language itself."""
    _, row = current(document)
    return _opened(document, row.path, "source", None, select=False)


def _open_value(document: Document, part: Part) -> Result:
    expression, _ = current(document)
    node = node_at(expression, part.path)
    match node:
        case Set():
            return _opened(document, part.path, "set", None)
        case ListName():
            row = document.row
            items, index = standing(choices.lists(document, row), node.name, f"${node.name}")
            arguments = {"path": part.path}
            picker = Picker("List", items, "part.set_list", arguments, index=index, anchor="row", free="use the name")
            return replace(document, overlay=picker)
        case Pattern():
            kind = "regex" if _operator_of(expression, part.path) == "matches" else "wildcard"
            return _opened(document, part.path, kind, values.plain_text(node))
        case String():
            return _opened(document, part.path, "string", values.plain_text(node))
        case Integer():
            return _opened(document, part.path, "integer", values.plain_text(node))
        case Address():
            return _opened(document, part.path, "address", values.plain_text(node))
        case _:
            return _open_source(document, part)


def _operator_of(expression: Expression, path: Path) -> str:
    return str(getattr(node_at(expression, path[:-1]), "operator", ""))


def _open_source(document: Document, part: Part) -> Result:
    expression, row = current(document)
    path = part.path
    if part.sort in {"operator", "join", "not", "constant"}:
        path = row.core
    if part.sort == "function":
        node = node_at(expression, path)
        assert isinstance(node, Call)
    return _opened(document, path, "source", None, select=False)


def _opened(document: Document, path: Path, kind: str, text: str | None, *, select: bool = True) -> Result:
    expression, _ = current(document)
    node = node_at(expression, path)
    raw = values.is_raw(node)
    if kind == "set":
        assert isinstance(node, Set)
        text = "\n".join(values.item_text(item) for item in node.items)
        text = f"{text}\n" if text else ""
        buffer = Buffer.of(text, multiline=True)
    else:
        if text is None:
            kind, text, select = "source", source(expression, path), False
        buffer = Buffer.of(text, multiline=kind == "source" and "\n" in text, select=select)
    editor = PartEditor(
        path=path,
        kind=kind,  # type: ignore[arg-type]
        buffer=buffer,
        before=Step(document.content, document.view, ""),
        before_past=document.past,
        before_future=document.future,
        id=f"value:{len(document.past)}:{path}",
        offers=choices.values_for(document, path, kind),
        raw=raw,
    )
    return replace(document.with_view(focus="builder"), overlay=editor)


@action("part.set_list", "Set the list", hidden=True)
def _set_list(document: Document, key: str, path: Path) -> Result:
    expression, row = current(document)
    document = replace(document, overlay=None)
    name = key.lstrip("$")
    return applied(document, edit.replace_part(expression, path, f"${name}"), "list changed", path=row.path)


def typed(document: Document, editor: PartEditor, buffer: Buffer) -> Document:
    """The document after the text in the floating editor changed: applied at once when it is a value."""
    opened = replace(document, overlay=replace(editor, buffer=buffer, error="", index=-1))
    if buffer.text == editor.buffer.text:
        return opened
    edited = edited_rule_of(document.content, document.view.rule)
    if edited.full is None:
        return opened
    result = value_edit(edited.full, editor, buffer.text)
    if isinstance(result, edit.Refusal):
        return replace(opened, overlay=replace(editor, buffer=buffer, error=result.reason, index=-1))
    done = applied(
        opened, result, "typing in a value", merge=editor.id, path=document.view.path, part=document.view.part
    )
    if isinstance(done, Refusal):
        return replace(opened, overlay=replace(editor, buffer=buffer, error=done.reason))
    return done


def value_edit(expression: Expression, editor: PartEditor, text: str) -> edit.EditResult:
    """The edit that replaces the editor's part by a typed text."""
    node = node_at(expression, editor.path)
    if editor.kind == "set":
        fallback = choices.sort_of_left(expression, editor.path)
        assert isinstance(node, Set)
        return values.edit_set(expression, editor.path, text.split("\n"), values.set_kind(node, fallback))
    literal = values.single_literal(text, editor.kind, editor.raw)
    if isinstance(literal, values.Wrong):
        return edit.Refusal(literal.reason)
    if editor.kind == "source" and hasattr(node, "parens"):
        return edit.replace_row(expression, editor.path, literal)
    return edit.replace_part(expression, editor.path, literal)


# --- adding -------------------------------------------------------------------------------------------------------


@action("row.add", "Add a clause", where="builder", keys="a", footer="add", enabled=no_rows)
def _add(document: Document) -> Result:
    """Add a row below this one, joined like its group."""
    return _pick_new(document, "")


@action("row.add_or", "Add with or", where="builder", keys="o", footer="or-group", enabled=no_rows)
def _add_or(document: Document) -> Result:
    """Add a row that is joined by `or`; where the group says `and`, the two become a group of their own."""
    return _pick_new(document, "or")


@action("row.add_and", "Add with and", where="builder", keys="A", enabled=no_rows)
def _add_and(document: Document) -> Result:
    """Add a row that is joined by `and`; where the group says `or`, the two become a group of their own."""
    return _pick_new(document, "and")


def _pick_new(document: Document, join: str) -> Result:
    items = choices.fields(document)
    return replace(
        document,
        overlay=Picker("Add a clause", items, "row.insert", {"join": join}, anchor="row", free="add as an expression"),
    )


@action("row.insert", "Insert a clause", hidden=True)
def _insert(document: Document, key: str, join: str = "") -> Result:
    expression, row = current(document)
    if key not in FIELDS and isinstance(wrong := edited_rule.read(key), Diagnostic):
        return Refusal(f"`{key}` can't be added: {wrong.message}")
    document = replace(document, overlay=None)
    text = choices.new_clause(document, key) if key in FIELDS else key
    operator: LogicalOperator | None = "or" if join == "or" else "and" if join == "and" else None
    if row.kind == "open" and operator is None:
        result = edit.insert(expression, row.core, 0, text)
    else:
        result = edit.add_after(expression, row.path, text, operator)
    done = applied(document, result, "row added", part=0)
    if isinstance(done, Refusal) or key not in FIELDS or done.row is None:
        return done
    new = done.row
    following: ActionId = "part.value"
    named = [i for i, part in enumerate(new.editable) if part.sort == "index" and part.text.startswith('["')]
    if named:
        done, following = done.with_view(part=named[0]), "part.source"
    elif not any(part.sort == "value" for part in new.parts):
        return done
    opened = go_on(done, following)
    if isinstance(opened, Refusal):
        return done
    if not isinstance(opened, Document) or not isinstance(opened.overlay, PartEditor):
        return opened
    # Esc in the editor that opens takes the whole row back: half a row would change the rule.
    before = Step(document.content, document.view, "")
    editor = replace(opened.overlay, before=before, before_past=document.past, before_future=document.future)
    return replace(opened, overlay=editor)
