"""The expression as the language has it: coloured, wrapped, the cursor's clause marked; or under edit as text."""

from __future__ import annotations

from itertools import pairwise

from mtls_tui.tui.drawing.line import Click, Line, LineBuilder
from mtls_tui.tui.drawing.safe_text import safe, width
from mtls_tui.tui.layout.scroll import scrolled
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.findings import counted
from mtls_tui.tui.state.textbuffer import Buffer
from mtls_tui.tui.text.highlight import Ranges, highlight_in
from mtls_tui.tui.text.ranges import error_of, marked_range
from mtls_tui.tui.text.wrapping import Wrapped, line_of, wrap_text

MAX_LENGTH = 4096
"""Characters of an expression at Cloudflare."""


def status(document: Document) -> tuple[str, str]:
    """Whether the text is valid, as a sign with words, and the style."""
    edited = document.edited_rule
    if edited is None:
        return "", "soft"
    error = error_of(document)
    if error is not None:
        return f"✗ {error.line}:{error.column} {error.message}", "bad"
    if len(edited.text) > MAX_LENGTH:
        return "✗ too long", "bad"
    return "✓ valid", "good"


def warned_words(document: Document) -> str:
    """How many warnings lint has about the selected rule, in words; "" if none."""
    count = document.findings.of_rule.get(document.view.rule, 0) if document.findings is not None else 0
    return f" · ! {counted(count)}" if count else ""


def head_line(document: Document, total: int) -> Line:
    """The line above the expression: title, validity, length."""
    out = LineBuilder()
    editing = document.view.text is not None
    title = " Expression as text " if editing else " Expression "
    out.add("─", "line").add(title, "accent-strong" if document.view.focus == "text" else "soft", Click("text.open"))
    text = (
        document.view.text.text
        if document.view.text is not None
        else document.edited_rule.text
        if document.edited_rule
        else ""
    )
    words, style = status(document)
    warned = warned_words(document) if style == "good" else ""
    length = f" · {len(text)}/{MAX_LENGTH} "
    room = total - out.at - width(length) - width(warned) - 4
    words = words if width(safe(words)) <= room else safe(words)[: max(0, room - 1)] + "…"
    tail = width(safe(words)) + width(warned) + width(length) + 2
    out.add("─" * max(1, total - out.at - tail), "line")
    long = "bad" if len(text) > MAX_LENGTH else "soft"
    out.add(f" {words}", style).add(warned, "warn", Click("findings.open"))
    return out.add(length, long).add("─", "line").line(total)


def preview_lines(document: Document, total: int, height: int) -> list[Line]:
    """The lines of the whole pane."""
    lines = [head_line(document, total)]
    if document.view.text is not None:
        return lines + editor_lines(document, document.view.text, total, height - 1)
    edited = document.edited_rule
    if edited is None:
        return lines
    text = edited.text
    start, end = marked_range(document)
    wrapped = wrap_text(text, max(10, total - 2))
    cursor = next((place for place, line in enumerate(wrapped) if line.end > start), 0) if end > start else 0
    last = next((place for place, line in enumerate(wrapped) if line.end >= end), cursor) if end > start else 0
    room = max(1, height - 1)
    top = scrolled(0, min(last, cursor + room - 1), room, len(wrapped), 0)
    top = min(top, cursor)
    for line in wrapped[top : top + room]:
        lines.append(_text_line(text, line, (start, end), total, _error_range(document)))
    if top + room < len(wrapped):
        lines[-1] = lines[-1].with_right(f"↓ {len(wrapped) - top - room}", "faint", total)
    return lines


def _error_range(document: Document) -> tuple[int, int]:
    error = error_of(document)
    return (error.span.start, max(error.span.end, error.span.start + 1)) if error is not None else (0, 0)


def _text_line(text: str, line: Wrapped, marked: tuple[int, int], total: int, error: tuple[int, int]) -> Line:
    out = LineBuilder(click=Click("text.open")).add(" ")
    add_styled(out, text, highlight_in(text, line.start, line.end), (*marked, "@here"), (*error, "error"))
    return out.line(total)


def add_styled(out: LineBuilder, text: str, ranges: Ranges, *over: tuple[int, int, str]) -> None:
    """A text in its colours, and over them other styles on some ranges; of two on one place the later one holds."""
    for left, right, colour in ranges:
        ends = {end for start, stop, _ in over for end in (start, stop) if left < end < right}
        for low, high in pairwise(sorted({left, right, *ends})):
            style = next((style for start, stop, style in reversed(over) if start <= low < stop), "")
            out.add(text[low:high], colour + style if style.startswith("@") else style or colour)


# --- as text ------------------------------------------------------------------------------------------------------


def editor_lines(document: Document, buffer: Buffer, total: int, height: int) -> list[Line]:
    """The expression under edit, with cursor, selection, the error underlined, and its message in the last line."""
    wrapped = wrap_text(buffer.text, max(10, total - 3))
    foot = _foot(document, total)
    room = max(1, height - len(foot))
    cursor = line_of(wrapped, buffer.cursor)
    top = scrolled(document.view.tops.get("text", 0), cursor, room, len(wrapped), 0)
    lines = [
        buffer_line(buffer, line, place == cursor, total, _error_range(document), active=document.view.focus == "text")
        for place, line in enumerate(wrapped[top : top + room], top)
    ]
    lines += [Line()] * (room - len(lines))
    return lines + foot


def buffer_line(
    buffer: Buffer,
    line: Wrapped,
    current: bool,
    total: int,
    error: tuple[int, int],
    *,
    active: bool,
    colour: bool = True,
) -> Line:
    """One line of a text under edit."""
    text, here = buffer.text, active and current
    out = LineBuilder(click=Click("text.click", {"start": line.start, "end": line.end})).add(" ")
    ranges = highlight_in(text, line.start, line.end) if colour else ((line.start, line.end, "text"),)
    cursor = (buffer.cursor, buffer.cursor + here, "cursor")
    add_styled(out, text, ranges, (*error, "error"), cursor, (*buffer.selection, "selected"))
    if here and buffer.cursor >= line.end:
        out.add(" ", "cursor")
    if error[0] >= len(text) and error[1] > error[0] and line.end == len(text) and not here:
        out.add(" ", "error")
    return out.line(total)


def _foot(document: Document, total: int) -> list[Line]:
    """What is wrong, or the hint at the cursor, or what completion offers."""
    buffer = document.view.text
    assert buffer is not None
    error = error_of(document)
    out = LineBuilder()
    if error is not None:
        out.add(f" ✗ {error.message}", "bad")
        if error.hint:
            out.add(f" · {error.hint}", "soft")
        return [out.line(total)]
    from mtls_tui.lang.completion import hint

    text = hint(buffer.text, buffer.cursor)
    return [out.add(f" {text}", "faint").line(total)]
