"""Keys within what floats: lists, the editor over a part, forms, pages."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mtls_tui.tui.builder import part_actions
from mtls_tui.tui.builder.choices import shown_offers, source_offers
from mtls_tui.tui.findings import actions as findings_actions
from mtls_tui.tui.registry.lists import list_actions
from mtls_tui.tui.registry.register import ACTIONS, Refusal, Result, action, go_on
from mtls_tui.tui.state import textbuffer
from mtls_tui.tui.state.content import says_other
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.overlays import Form, FormField, Page, PartEditor, Picker
from mtls_tui.tui.state.textbuffer import Buffer

if TYPE_CHECKING:
    from mtls_tui.tui.action_ids import ActionId

STEP = 8


def picker_of(document: Document) -> Picker:
    """The open list."""
    assert isinstance(document.overlay, Picker)
    return document.overlay


def closed(document: Document) -> Document:
    """With nothing floating."""
    return replace(document, overlay=None, notice=None)


# --- lists --------------------------------------------------------------------------------------------------------


@action("picker.choose", "Choose", where="picker", keys="enter tab", footer="choose")
def _choose(document: Document) -> Result:
    picker = picker_of(document)
    item = picker.chosen
    typed = picker.query.text.strip()
    if item is None and picker.free and typed:
        return go_on(document, picker.then, key=typed, **picker.arguments)
    if item is None:
        return document
    if item.why_not:
        return Refusal(item.why_not)
    return go_on(document, picker.then, key=item.key, **picker.arguments)


@action("overlay.choose", "Choose with the mouse", hidden=True)
def _choose_at(document: Document, index: int) -> Result:
    if isinstance(document.overlay, Page):
        return _page_choose(replace(document, overlay=replace(document.overlay, index=index)))
    return _choose(replace(document, overlay=replace(picker_of(document), index=index)))


@action("picker.close", "Close", where="picker", keys="escape", footer="close")
def _picker_close(document: Document) -> Result:
    return closed(document)


def _stepped(document: Document, step: int) -> Document:
    picker = picker_of(document)
    last = max(0, len(picker.shown) - 1)
    return replace(document, overlay=replace(picker, index=max(0, min(picker.index + step, last))))


list_actions("picker", _stepped, page=STEP, up="up", down="down ctrl+n", first="", last="")


@action("picker.key", "A key in a list", hidden=True)
def _picker_key(document: Document, key: str, character: str | None = None) -> Result:
    picker = picker_of(document)
    query = textbuffer.press(picker.query, key, character)
    if query is None:
        return document
    index = picker.index if query.text == picker.query.text else 0
    return replace(document, overlay=replace(picker, query=query, index=index))


@action("picker.paste", "Paste into a list's search", hidden=True)
def _picker_paste(document: Document, text: str) -> Result:
    picker = picker_of(document)
    return replace(document, overlay=replace(picker, query=textbuffer.insert(picker.query, text), index=0))


# --- the editor over a part -----------------------------------------------------------------------------------------


def editor_of(document: Document) -> PartEditor:
    """The open editor."""
    assert isinstance(document.overlay, PartEditor)
    return document.overlay


@action("editor.done", "Done", where="editor", keys="enter", footer="done")
def _done(document: Document) -> Result:
    """Take the value and close."""
    editor = editor_of(document)
    if editor.index >= 0:
        return _offer(document, editor.index)
    if editor.kind == "set":
        line = editor.buffer.lines[editor.buffer.place[0]]
        if (line.strip() and editor.buffer.cursor < len(editor.buffer.text)) or line.strip():
            return part_actions.typed(document, editor, textbuffer.insert(editor.buffer, "\n"))
    return _finish(document)


@action("editor.finish", "Done with all items", where="editor", keys="tab ctrl+d ctrl+s", hidden=True)
def _finish(document: Document) -> Result:
    """Take the value and close."""
    editor = editor_of(document)
    if editor.error:
        return Refusal(f"{editor.error}; Esc goes back to the value before")
    done = closed(document)
    row = done.row
    return done if row is None else done.with_view(part=min(done.view.part, max(0, len(row.editable) - 1)))


@action("editor.cancel", "Undo", where="editor", keys="escape", footer="undo")
def _cancel(document: Document) -> Result:
    """Close and restore the value."""
    editor = editor_of(document)
    if editor.index >= 0:
        return replace(document, overlay=replace(editor, index=-1))
    there = replace(document, content=editor.before.content, view=editor.before.view, overlay=None, notice=None)
    there = replace(there, past=editor.before_past, future=editor.before_future)
    return there.with_notice("taken back") if says_other(document.content, there.content) else there


@action("editor.raw", "Raw or quoted", where="editor", keys="f2", footer="raw")
def _raw(document: Document) -> Result:
    """Write the string raw (r"…") or with quotes."""
    editor = editor_of(document)
    if editor.kind not in {"string", "regex", "wildcard"}:
        return Refusal("only strings can be written raw")
    changed = replace(editor, raw=not editor.raw, buffer=replace(editor.buffer, text=editor.buffer.text + "\0"))
    return part_actions.typed(document, changed, editor.buffer)


@action("editor.key", "A key in the editor", hidden=True)
def _editor_key(document: Document, key: str, character: str | None = None) -> Result:
    editor = editor_of(document)
    offers = shown_offers(document, editor)
    if key in {"down", "up"} and offers:
        last_line = editor.buffer.place[0] == len(editor.buffer.lines) - 1
        if editor.index >= 0 or (key == "down" and last_line):
            index = editor.index + (1 if key == "down" else -1)
            return replace(document, overlay=replace(editor, index=max(-1, min(index, len(offers) - 1))))
    buffer = textbuffer.press(editor.buffer, key, character)
    return document if buffer is None else part_actions.typed(document, editor, buffer)


@action("editor.paste", "Paste into the editor", hidden=True)
def _editor_paste(document: Document, text: str) -> Result:
    editor = editor_of(document)
    if editor.kind == "set":
        text = "\n".join(part.strip(" \t\"'") for part in text.replace(",", "\n").split("\n") if part.strip())
    return part_actions.typed(document, editor, textbuffer.insert(editor.buffer, text))


@action("editor.offer", "Take an offered value", hidden=True)
def _offer(document: Document, index: int) -> Result:
    editor = editor_of(document)
    offers = shown_offers(document, editor)
    if not offers:
        return document
    text = offers[min(index, len(offers) - 1)].key
    if editor.kind == "source":
        start, end, _ = source_offers(document, editor.buffer.text, editor.buffer.cursor)
        return part_actions.typed(document, editor, textbuffer.put(editor.buffer, start, end, text))
    if editor.kind != "set":
        return _finish(part_actions.typed(document, editor, Buffer.of(text)))
    lines = editor.buffer.lines
    lines[editor.buffer.place[0]] = text
    kept = [line for line in lines if line.strip()]
    return part_actions.typed(document, editor, Buffer.of("\n".join(kept) + "\n", multiline=True))


# --- forms --------------------------------------------------------------------------------------------------------


def form_of(document: Document) -> Form:
    """The open form."""
    assert isinstance(document.overlay, Form)
    return document.overlay


@action("form.submit", "Done", where="form", keys="enter", footer="done")
def _submit(document: Document) -> Result:
    form = form_of(document)
    result = go_on(document, form.then, **form.arguments, **form.values())
    if isinstance(result, Refusal):
        return replace(document, overlay=replace(form, error=result.reason))
    return result


@action("form.next", "Next field", where="form", keys="tab down", footer="next")
def _form_next(document: Document) -> Result:
    form = form_of(document)
    return replace(document, overlay=replace(form, index=(form.index + 1) % len(form.fields)))


@action("form.previous", "Field before", where="form", keys="shift+tab up", hidden=True)
def _form_previous(document: Document) -> Result:
    form = form_of(document)
    return replace(document, overlay=replace(form, index=(form.index - 1) % len(form.fields)))


@action("form.close", "Close", where="form", keys="escape", footer="close")
def _form_close(document: Document) -> Result:
    form = form_of(document)
    if form.before is None or form.before is document.content:
        return closed(document)
    past = document.past[:-1] if document.past and document.past[-1].merge == _merge_key(form) else document.past
    return replace(closed(document), content=form.before, past=past)


def _merge_key(form: Form) -> str:
    return f"form:{id(form.before)}"


@action("form.click", "Go to a field with the mouse", hidden=True)
def _form_click(document: Document, index: int) -> Result:
    form = form_of(document)
    if form.index == index and form.fields[index].choices:
        return _form_key(document, "right", None)
    return replace(document, overlay=replace(form, index=index))


@action("form.key", "A key in a form", hidden=True)
def _form_key(document: Document, key: str, character: str | None = None) -> Result:
    form = form_of(document)
    field = form.fields[form.index]
    if field.choices:
        if key not in {"left", "right", "space"}:
            return document
        step = -1 if key == "left" else 1
        place = field.choices.index(field.buffer.text) if field.buffer.text in field.choices else 0
        return _with_field(
            document, form, replace(field, buffer=Buffer.of(field.choices[(place + step) % len(field.choices)]))
        )
    buffer = textbuffer.press(field.buffer, key, character)
    return document if buffer is None else _with_field(document, form, replace(field, buffer=buffer))


@action("form.paste", "Paste into a form", hidden=True)
def _form_paste(document: Document, text: str) -> Result:
    form = form_of(document)
    field = form.fields[form.index]
    if field.choices:
        return document
    return _with_field(document, form, replace(field, buffer=textbuffer.insert(field.buffer, text)))


def _with_field(document: Document, form: Form, field: FormField) -> Document:
    fields = (*form.fields[: form.index], field, *form.fields[form.index + 1 :])
    changed = replace(form, fields=fields, error="")
    if form.before is None:
        return replace(document, overlay=changed)
    # What is typed is tried at once, so that the verdict follows; what is wrong yet is only told.
    result = go_on(document, form.then, **form.arguments, **changed.values())
    if isinstance(result, Document) and result.content is not document.content:
        applied = document.with_content(result.content, "request changed", _merge_key(form))
        return replace(applied, overlay=changed)
    error = result.reason if isinstance(result, Refusal) else ""
    return replace(document, overlay=replace(changed, error=error))


# --- pages --------------------------------------------------------------------------------------------------------


def page_of(document: Document) -> Page:
    """The open page."""
    assert isinstance(document.overlay, Page)
    return document.overlay


@action("page.close", "Close", where="page", keys="escape q f1", footer="close")
def _page_close(document: Document) -> Result:
    return closed(document)


@action("page.choose", "Choose", where="page", keys="enter", footer="choose")
def _page_choose(document: Document) -> Result:
    page = page_of(document)
    if page.name == "findings":
        return findings_actions.go(document)
    if not page.choices:
        return closed(document)
    choice = page.choices[min(page.index, len(page.choices) - 1)]
    if choice.why_not:
        return Refusal(choice.why_not)
    return go_on(document, choice.then, **page.arguments, **dict(choice.arguments))


def _paged(document: Document, step: int) -> Document:
    page = page_of(document)
    if page.name == "findings":
        return findings_actions.stepped(document, step)
    if page.choices and abs(step) == 1:
        return replace(document, overlay=replace(page, index=max(0, min(page.index + step, len(page.choices) - 1))))
    return replace(document, overlay=replace(page, top=max(0, min(page.top + step, len(page.lines) - 1))))


list_actions("page", _paged, page=STEP, page_down="pagedown space", first="", last="")


@action("overlay.error", "Say what went wrong", hidden=True)
def _error(document: Document, text: str) -> Result:
    """Show an error in the open form, else as a notice."""
    if isinstance(document.overlay, Form):
        return replace(document, overlay=replace(document.overlay, error=text))
    return document.with_notice(text, "bad")


@action("overlay.first", "Say that what floats comes first", hidden=True)
def _first(document: Document, wanted: ActionId) -> Result:
    """Refuse a key of the screen below until what floats is closed."""
    return Refusal(f"{ACTIONS[wanted].title}: close this first (Esc)")
