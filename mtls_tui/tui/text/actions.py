"""The expression as text, edited in place: typing, completion, format, and back to the builder."""

from __future__ import annotations

from dataclasses import replace

from mtls_tui.lang.ast import Expression
from mtls_tui.lang.diagnostics import Diagnostic
from mtls_tui.lang.tree import Path
from mtls_tui.tui.registry.register import Done, Refusal, Result, action
from mtls_tui.tui.state import edited_rule, textbuffer
from mtls_tui.tui.state.content import edited_rule_of, with_edited_rule
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.edited_rule import EditedRule, parsed
from mtls_tui.tui.state.textbuffer import Buffer
from mtls_tui.tui.text.effects import EditOutside
from mtls_tui.tui.text.ranges import marked_range


def editing(document: Document) -> str:
    """The reason why nothing is being edited as text; "" if something is."""
    return "" if document.view.text is not None else "the expression is not being edited as text (t)"


@action("text.open", "Edit as text", keys="ctrl+t t", footer="text")
def _open(document: Document) -> Result:
    """Edit the whole expression in the language itself, in place."""
    if document.view.text is not None:
        return document.with_view(focus="text", tab="expression")
    edited = document.edited_rule
    if edited is None:
        return Refusal("no rule is selected")
    if edited.muted:
        return Refusal("some rows are muted, and text can't show them: bring them back (space) or delete them first")
    start, _ = marked_range(document)
    buffer = Buffer(edited.text, start, None, multiline=True)
    return document.with_view(text=buffer, focus="text", tab="expression", completing=False)


@action("text.close", "Back to the builder", where="text", keys="escape ctrl+t", footer="builder")
def _close(document: Document) -> Result:
    """Close the text editor; the builder shows what was written."""
    if document.view.completing:
        return document.with_view(completing=False)
    buffer, edited = document.view.text, document.edited_rule
    path: Path = ()
    if buffer is not None and edited is not None and edited.full is not None and edited.broken is None:
        from mtls_tui.lang.tree import clause_path, path_at

        offset = min(buffer.cursor, len(edited.full.text))
        path = clause_path(edited.full, path_at(edited.full, offset))
        from mtls_tui.tui.state.rows import row_at, rows_of

        rows = rows_of(edited.full, edited.muted)
        path = rows[row_at(rows, path)].path
    closed = document.with_view(text=None, focus="builder", path=path, part=0, closing=False, completing=False)
    if edited is not None and edited.broken is not None and not edited.unread:
        return closed.with_notice("the expression does not parse: the rule can't be exported until it does", "bad")
    return closed


def typed(document: Document, buffer: Buffer) -> Document:
    """The document after the text changed: it is parsed at once; invalid text is kept with its error."""
    old = document.view.text
    moved = document.with_view(text=buffer)
    if old is not None and old.text == buffer.text:
        return replace(moved, view=replace(moved.view, completing=False))
    edited = document.edited_rule
    if edited is None:
        return moved
    before = edited.full.text if edited.full is not None else ""
    merge = f"text:{document.view.rule}:{_burst(old.text if old else before, buffer)}"
    content = with_edited_rule(document.content, document.view.rule, parsed(buffer.text, edited, at_once=False))
    completing = _completes(buffer)
    return moved.with_content(
        content, "typing in the expression", merge, text=buffer, completing=completing, completion=0
    )


def _burst(old: str, buffer: Buffer) -> str:
    """The part of the merge key that joins typing word by word: the start of the word."""
    if abs(len(buffer.text) - len(old)) > 1:
        return f"paste{len(buffer.text)}"
    start = buffer.cursor
    while start > 0 and not buffer.text[start - 1].isspace():
        start -= 1
    return str(start)


def _completes(buffer: Buffer) -> bool:
    """True if the list of completions opens by itself: at the end of a word."""
    before = buffer.text[: buffer.cursor]
    return bool(before) and (before[-1].isalnum() or before[-1] in "._$") and buffer.anchor is None


@action("text.read", "The text is read for its rows", hidden=True)
def _read(document: Document, ref: str, text: str, expression: Expression | None) -> Result:
    """`expression` is None if the text has no rows. Not a step of undo: the text is unchanged."""
    if all(rule.ref != ref for rule in document.content.file.rules):
        return document
    edited = edited_rule_of(document.content, ref)
    if not edited.unread or edited.broken != text:
        return document
    new = replace(edited, unread=False) if expression is None else EditedRule(expression)
    return replace(document, content=with_edited_rule(document.content, ref, new))


@action("text.format", "Format", where="text", keys="f4 alt+f", footer="format", enabled=editing)
def _format(document: Document) -> Result:
    """Write the expression in its canonical form, on several lines when it is long."""
    from mtls_tui import lang

    buffer, edited = document.view.text, document.edited_rule
    if buffer is None or edited is None or edited.full is None or edited.broken is not None:
        return Refusal("what does not parse can't be formatted")
    one_line = lang.format(edited.full)
    text = one_line if len(one_line) <= 80 else lang.format(edited.full, width=80)
    if text == buffer.text:
        return document.with_notice("it is already in canonical form")
    return typed(document, Buffer(text, min(buffer.cursor, len(text)), None, multiline=True))


@action("row.format", "Format the expression", where="builder", keys="f4")
def _format_rule(document: Document) -> Result:
    """Write the expression in its canonical form."""
    from mtls_tui import lang

    edited = document.edited_rule
    if edited is None or edited.full is None or edited.broken is not None:
        return Refusal("what does not parse can't be formatted")
    new = lang.parse(lang.format(edited.full), max_length=None, check=False)
    if new.text == edited.full.text:
        return document.with_notice("it is already in canonical form")
    changed = EditedRule(new, edited.muted)
    return document.with_content(
        with_edited_rule(document.content, document.view.rule, changed), "expression formatted"
    )


@action("text.completions", "Complete", where="text", keys="ctrl+@ ctrl+n f3", footer="complete", enabled=editing)
def _complete(document: Document) -> Result:
    """Show what can be inserted at the cursor."""
    from mtls_tui.tui.text.completion import completions

    found = completions(document)
    if found is None or not found.items:
        return document.with_notice("nothing to offer here")
    return document.with_view(completing=True, completion=0)


@action("text.complete", "Take a completion", hidden=True)
def _take(document: Document, index: int = -1) -> Result:
    from mtls_tui.tui.text.completion import completions

    found, buffer = completions(document), document.view.text
    if found is None or buffer is None or not found.items:
        return document
    item = found.items[min(document.view.completion if index < 0 else index, len(found.items) - 1)]
    text = item.text
    if item.kind == "function" and not text.endswith(("(", ")")):
        text += "("
    done = typed(document, textbuffer.put(buffer, found.start, found.end, text))
    return replace(done, view=replace(done.view, completing=False))


@action("text.key", "A key in the text editor", hidden=True)
def _key(document: Document, key: str, character: str | None = None) -> Result:
    buffer = document.view.text
    if buffer is None:
        return document
    if document.view.completing:
        if key in {"up", "down"}:
            step = 1 if key == "down" else -1
            return document.with_view(completion=max(0, document.view.completion + step))
        if key in {"tab", "enter"}:
            return _take(document)
    if key in {"tab", "shift+tab"}:
        from mtls_tui.tui.builder.cursor_actions import focused

        return focused(document, 1 if key == "tab" else -1)
    new = textbuffer.press(buffer, key, character)
    return document if new is None else typed(document, new)


@action("text.paste", "Paste into the text", hidden=True)
def _paste(document: Document, text: str) -> Result:
    buffer = document.view.text
    return document if buffer is None else typed(document, textbuffer.insert(buffer, text))


@action("text.click", "Put the cursor with the mouse", hidden=True)
def _click(document: Document, start: int, end: int, x: int = 1) -> Result:
    buffer = document.view.text
    if buffer is None:
        return document
    offset = start
    from mtls_tui.tui.drawing.safe_text import safe, width

    while offset < end and width(safe(buffer.text[start : offset + 1])) <= x - 1:
        offset += 1
    return document.with_view(focus="text", text=replace(buffer, cursor=offset, anchor=None), completing=False)


@action("text.all", "Select all", where="text", keys="ctrl+a", enabled=editing)
def _all(document: Document) -> Result:
    assert document.view.text is not None
    return document.with_view(text=textbuffer.select_all(document.view.text))


@action("text.editor", "Open in $EDITOR", keys="f12")
def _editor(document: Document) -> Result:
    """Edit the expression in the editor that $VISUAL or $EDITOR names."""
    edited = document.edited_rule
    if edited is None:
        return Refusal("no rule is selected")
    if edited.muted:
        return Refusal("some rows are muted, and text can't show them: bring them back (space) or delete them first")
    return Done(document, (EditOutside(edited.text, "text.replace"),))


@action("text.replace", "Replace the expression", hidden=True)
def _replace(document: Document, text: str) -> Result:
    edited = document.edited_rule
    if edited is None:
        return Refusal("no rule is selected")
    text = text.strip()
    if not text or text == edited.text:
        return document.with_notice("nothing was changed")
    new = parsed(text, edited)
    buffer = document.view.text
    if buffer is not None:
        buffer = Buffer(text, len(text), None, multiline=True)
    content = with_edited_rule(document.content, document.view.rule, new)
    done = document.with_content(content, "expression replaced", path=(), part=0, closing=False, text=buffer)
    if new.broken is not None and new.error is not None:
        return done.with_notice(f"{new.error.line}:{new.error.column} {new.error.message}", "bad")
    return done


@action("text.paste_over", "Paste an expression over the rule's", hidden=True)
def _paste_over(document: Document, text: str) -> Result:
    """An expression pasted into the builder replaces the rule's; any other text leaves the rule alone."""
    edited, text = document.edited_rule, text.strip()
    if document.view.focus != "builder":
        return Refusal("pasted text was not taken: an expression can be pasted in the builder (Tab), or as text (t)")
    if edited is None:
        return Refusal("pasted text was not taken: no rule is selected")
    if edited.muted:
        return Refusal("pasted text was not taken: some rows are muted; bring them back (space) or delete them first")
    if text == edited.text:
        return document.with_notice("the rule already says that")
    new = edited_rule.read(text)
    if isinstance(new, Diagnostic):
        count = f"{len(text):,} character{'s' if len(text) > 1 else ''}"
        return Refusal(f"pasted text was not taken: its {count} are not an expression ({new.message}); the rule stays")
    content = with_edited_rule(document.content, document.view.rule, EditedRule(new))
    done = document.with_content(
        content, f"expression of {document.view.rule} replaced", path=(), part=0, closing=False
    )
    return done.with_notice(f"pasted over the expression of {document.view.rule}; u undoes")
