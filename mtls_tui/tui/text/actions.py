"""The expression as text, edited in place: typing, completion, format, and back to the builder."""

from __future__ import annotations

from dataclasses import replace

from mtls_tui.lang.ast import Expression
from mtls_tui.lang.diagnostics import Diagnostic, ParseError
from mtls_tui.lang.tree import Path
from mtls_tui.tui.registry.register import Done, Refusal, Result, action
from mtls_tui.tui.state import edited_rule, textbuffer
from mtls_tui.tui.state.document import Document, with_work
from mtls_tui.tui.state.edited_rule import Work
from mtls_tui.tui.state.textbuffer import Buffer
from mtls_tui.tui.text.effects import EditOutside


def editing(document: Document) -> str:
    """Why nothing is being edited as text."""
    return "" if document.view.text is not None else "the expression is not being edited as text (t)"


@action(
    "text.open",
    "Edit as text",
    "Edit the whole expression in the language itself, in place.",
    keys="ctrl+t t",
    footer="text",
)
def _open(document: Document) -> Result:
    if document.view.text is not None:
        return document.looking(focus="text", tab="expression")
    work = document.work
    if work is None:
        return Refusal("no rule is selected")
    if work.muted:
        return Refusal("some rows are muted, and text can't hold those: bring them back (space) or delete them first")
    from mtls_tui.tui.text.preview import marked_range

    start, _ = marked_range(document)
    buffer = Buffer(work.text, start, None, multiline=True)
    return document.looking(text=buffer, focus="text", tab="expression", completing=False)


@action(
    "text.close",
    "Back to the builder",
    "Close the text editor; the builder shows what was written.",
    where="text",
    keys="escape ctrl+t",
    footer="builder",
)
def _close(document: Document) -> Result:
    if document.view.completing:
        return document.looking(completing=False)
    buffer, work = document.view.text, document.work
    path: Path = ()
    if buffer is not None and work is not None and work.full is not None and work.broken is None:
        from mtls_tui.lang.tree import clause_path, path_at

        offset = min(buffer.cursor, len(work.full.text))
        path = clause_path(work.full, path_at(work.full, offset))
        from mtls_tui.tui.state.rows import row_at, rows_of

        rows = rows_of(work.full, work.muted)
        path = rows[row_at(rows, path)].path
    closed = document.looking(text=None, focus="builder", path=path, part=0, closing=False, completing=False)
    if work is not None and work.broken is not None and not work.unread:
        return closed.noting("the expression does not parse: the rule can't be exported until it does", "bad")
    return closed


def typed(document: Document, buffer: Buffer) -> Document:
    """The document after the text changed: parsed at once; what doesn't parse is kept as it is, with the reason."""
    old = document.view.text
    moved = document.looking(text=buffer)
    if old is not None and old.text == buffer.text:
        return replace(moved, view=replace(moved.view, completing=False))
    work = document.work
    if work is None:
        return moved
    before = work.full.text if work.full is not None else ""
    merge = f"text:{document.view.rule}:{_burst(old.text if old else before, buffer)}"
    content = with_work(document.content, document.view.rule, parsed(buffer.text, work, at_once=False))
    completing = _completes(buffer)
    return moved.edited(content, "typing in the expression", merge, text=buffer, completing=completing, completion=0)


def _burst(old: str, buffer: Buffer) -> str:
    """Typing joins into one step of undo word by word: the start of the word is part of the key."""
    if abs(len(buffer.text) - len(old)) > 1:
        return f"paste{len(buffer.text)}"
    start = buffer.cursor
    while start > 0 and not buffer.text[start - 1].isspace():
        start -= 1
    return str(start)


def _completes(buffer: Buffer) -> bool:
    """Whether the list of completions opens by itself: within a word, at its end."""
    before = buffer.text[: buffer.cursor]
    return bool(before) and (before[-1].isalnum() or before[-1] in "._$") and buffer.anchor is None


AT_ONCE = 400
"""Characters up to which a text that isn't right is read for its rows at once: that takes some milliseconds."""


def parsed(text: str, work: Work, *, at_once: bool = True) -> Work:
    """A text as a rule under edit.

    A long text that isn't right is not read for its rows unless `at_once`: at 4,000 characters that takes 50 ms or
    more, and the next key would wait for it. What is right is read in 2 ms.
    """
    from mtls_tui import lang

    later = not at_once and len(text) > AT_ONCE
    try:
        expression: Expression = lang.parse(text, max_length=None, check=later)
    except ParseError as error:
        return Work(work.full, frozenset(), text, error.diagnostic, unread=later)
    if work.full is not None and work.muted:
        return Work(expression, edited_rule.relocate(work.full, expression, work.muted))
    return Work(expression)


@action("text.read", "The text is read for its rows", hidden=True)
def _read(document: Document, ref: str, text: str, expression: Expression | None) -> Result:
    """`expression` is None when the text has no rows. No step of undo: the rule says what it said."""
    work = document.content.work.get(ref)
    if work is None or not work.unread or work.broken != text:
        return document
    new = replace(work, unread=False) if expression is None else Work(expression)
    return replace(document, content=with_work(document.content, ref, new))


@action(
    "text.format",
    "Format",
    "Write the expression in its canonical form, on several lines when it is long.",
    where="text",
    keys="f4 alt+f",
    footer="format",
    enabled=editing,
)
def _format(document: Document) -> Result:
    from mtls_tui import lang

    buffer, work = document.view.text, document.work
    if buffer is None or work is None or work.full is None or work.broken is not None:
        return Refusal("what does not parse can't be formatted")
    one_line = lang.format(work.full)
    text = one_line if len(one_line) <= 80 else lang.format(work.full, width=80)
    if text == buffer.text:
        return document.noting("it is in canonical form already")
    return typed(document, Buffer(text, min(buffer.cursor, len(text)), None, multiline=True))


@action(
    "row.format", "Format the expression", "Write the expression in its canonical form.", where="builder", keys="f4"
)
def _format_rule(document: Document) -> Result:
    from mtls_tui import lang

    work = document.work
    if work is None or work.full is None or work.broken is not None:
        return Refusal("what does not parse can't be formatted")
    new = lang.parse(lang.format(work.full), max_length=None, check=False)
    if new.text == work.full.text:
        return document.noting("it is in canonical form already")
    changed = Work(new, work.muted)
    return document.edited(with_work(document.content, document.view.rule, changed), "expression formatted")


@action(
    "text.completions",
    "Complete",
    "Show what can stand at the cursor.",
    where="text",
    keys="ctrl+@ ctrl+n f3",
    footer="complete",
    enabled=editing,
)
def _complete(document: Document) -> Result:
    from mtls_tui.tui.text.completion import completions

    found = completions(document)
    if found is None or not found.items:
        return document.noting("nothing to offer here")
    return document.looking(completing=True, completion=0)


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
            return document.looking(completion=max(0, document.view.completion + step))
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
    return document.looking(focus="text", text=replace(buffer, cursor=offset, anchor=None), completing=False)


@action("text.all", "Select all", where="text", keys="ctrl+a", enabled=editing)
def _all(document: Document) -> Result:
    assert document.view.text is not None
    return document.looking(text=textbuffer.select_all(document.view.text))


@action(
    "text.editor", "Open in $EDITOR", "Edit the expression in the editor that $VISUAL or $EDITOR names.", keys="f12"
)
def _editor(document: Document) -> Result:
    work = document.work
    if work is None:
        return Refusal("no rule is selected")
    if work.muted:
        return Refusal("some rows are muted, and text can't hold those: bring them back (space) or delete them first")
    return Done(document, (EditOutside(work.text, "text.replace"),))


@action("text.replace", "Replace the expression", hidden=True)
def _replace(document: Document, text: str) -> Result:
    work = document.work
    if work is None:
        return Refusal("no rule is selected")
    text = text.strip()
    if not text or text == work.text:
        return document.noting("nothing was changed")
    new = parsed(text, work)
    buffer = document.view.text
    if buffer is not None:
        buffer = Buffer(text, len(text), None, multiline=True)
    content = with_work(document.content, document.view.rule, new)
    done = document.edited(content, "expression replaced", path=(), part=0, closing=False, text=buffer)
    if new.broken is not None and new.error is not None:
        return done.noting(f"{new.error.line}:{new.error.column} {new.error.message}", "bad")
    return done


@action("text.paste_over", "Paste an expression over the rule's", hidden=True)
def _paste_over(document: Document, text: str) -> Result:
    """An expression that is pasted into the builder is the rule's from then on; anything else leaves the rule alone."""
    work, text = document.work, text.strip()
    if document.view.focus != "builder":
        return Refusal("pasted text was not taken: an expression can be pasted in the builder (Tab), or as text (t)")
    if work is None:
        return Refusal("pasted text was not taken: no rule is selected")
    if work.muted:
        return Refusal("pasted text was not taken: some rows are muted; bring them back (space) or delete them first")
    if text == work.text:
        return document.noting("the rule says that already")
    new = edited_rule.read(text)
    if isinstance(new, Diagnostic):
        count = f"{len(text):,} character{'s' if len(text) > 1 else ''}"
        return Refusal(f"pasted text was not taken: its {count} are no expression ({new.message}); the rule stays")
    content = with_work(document.content, document.view.rule, Work(new))
    done = document.edited(content, f"expression of {document.view.rule} replaced", path=(), part=0, closing=False)
    return done.noting(f"pasted over the expression of {document.view.rule}; u undoes")
