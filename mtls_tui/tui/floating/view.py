"""What floats: lists, the editor over a part, forms, pages. Each gives its lines and says where it wants to stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtls_tui.tui.builder.choices import shown_offers
from mtls_tui.tui.builder.pattern_check import live_test
from mtls_tui.tui.builder.view import columns_of, row_y
from mtls_tui.tui.drawing.line import Click, Line, LineBuilder, text_line
from mtls_tui.tui.drawing.safe_text import cut, pad, safe, width, wrap
from mtls_tui.tui.layout.geometry import Box, Boxes, is_wide
from mtls_tui.tui.layout.scroll import paged, scrolled
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.overlays import Form, Item, Page, PartEditor, Picker
from mtls_tui.tui.state.textbuffer import Buffer
from mtls_tui.tui.text.view import add_styled, buffer_line
from mtls_tui.tui.text.wrapping import fits, line_of, wrap_text

if TYPE_CHECKING:
    from mtls_tui.tui.action_ids import ActionId


@dataclass(frozen=True, slots=True)
class Floating:
    """Lines and their place."""

    box: Box
    lines: tuple[Line, ...]
    cursor: tuple[int, int] | None = None
    """Where the text cursor is on the screen, for input methods and readers."""


def floating(document: Document, boxes: Boxes, total: int, height: int) -> Floating | None:
    """The overlay as it is drawn; None if nothing floats."""
    match document.overlay:
        case Picker() as picker:
            return _picker(document, picker, boxes, total, height)
        case PartEditor() as editor:
            return _editor(document, editor, boxes, total, height)
        case Form() as form:
            return _form(form, total, height)
        case Page() as page:
            return _page(page, total, height)
    if document.view.completing and document.view.text is not None:
        return _completions(document, boxes, total, height)
    return None


def framed(lines: list[Line], across: int, title: str, foot: str) -> tuple[Line, ...]:
    """Lines in a frame with a title above and the keys below."""
    inner = across - 2
    head = cut(f" {safe(title)} ", inner - 1) if title else ""
    top = LineBuilder(fill="up").add("╭─", "line@up").add(head, "accent-strong@up")
    top.add("─" * (inner - 1 - width(head)) + "╮", "line@up")
    framed_lines = [top.line()]
    for line in lines:
        out = LineBuilder(fill="up").add("│", "line@up")
        room = inner
        for piece in line.pieces:
            text = cut(piece.text, room)
            style = piece.style if "@" in piece.style or piece.style in _OWN_GROUND else f"{piece.style}@up"
            out.add(text, style, piece.click)
            room -= width(text)
        out.add(" " * max(0, room), line.fill if line.fill in _OWN_GROUND else "up")
        framed_lines.append(out.add("│", "line@up").line())
    tail = cut(f" {foot} ", inner - 1) if foot else ""
    bottom = LineBuilder(fill="up").add("╰─", "line@up").add(tail, "faint@up")
    bottom.add("─" * (inner - 1 - width(tail)) + "╯", "line@up")
    return (*framed_lines, bottom.line())


_OWN_GROUND = frozenset({"part", "part-bad", "cursor", "selected", "blocked", "allowed", "up"})


def input_line(buffer: Buffer, across: int, lead: str = " ", *, active: bool = True, secret: bool = False) -> Line:
    """A single-line text under edit, scrolled so that the cursor is in sight."""
    text = "•" * len(buffer.text) if secret else buffer.text
    room = max(4, across - width(lead) - 1)
    begin = 0
    while begin < buffer.cursor and width(safe(text[begin : buffer.cursor])) >= room:
        begin += 1
    out = LineBuilder(fill="up").add(lead, "accent@up")
    end = fits(text, begin, len(text), across - width(lead)) if text else 0
    cursor = (buffer.cursor, buffer.cursor + active, "cursor")
    add_styled(out, text, ((begin, end, "text@up"),), cursor, (*buffer.selection, "selected"))
    if active and buffer.cursor >= len(text):
        out.add(" ", "cursor")
    return out.line(across)


# --- lists --------------------------------------------------------------------------------------------------------


def _picker(document: Document, picker: Picker, boxes: Boxes, total: int, height: int) -> Floating:
    across = min(total - 2, 76)
    shown = picker.shown
    groups = len({item.group for item in picker.items if item.group})
    tall = min(max(len(picker.items), 3) + groups, max(4, (height - 7) if height < 30 else 15))
    lines = [input_line(picker.query, across - 2, " › ")]
    grouped = not picker.query.text.strip()
    listed: list[tuple[int, Item | str]] = []
    group = ""
    for place, item in enumerate(shown):
        if grouped and item.group and item.group != group:
            group = item.group
            listed.append((-1, group))
        listed.append((place, item))
    index = min(picker.index, max(0, len(shown) - 1))
    at = next((row for row, (place, _) in enumerate(listed) if place == index), 0)
    top = paged(at, tall, len(listed))
    for place, entry in listed[top : top + tall]:
        if isinstance(entry, str):
            lines.append(text_line(f" {entry}", "faint", fill="up"))
        else:
            lines.append(_item_line(entry, place, across - 2, here=place == index))
    if not shown:
        text = f" ⏎ {picker.free}" if picker.free and picker.query.text.strip() else " nothing fits"
        lines.append(text_line(text, "soft", fill="up"))
    lines += [Line((), "up")] * (tall + 1 - len(lines))
    chosen = picker.chosen
    hint = "" if chosen is None else chosen.why_not or chosen.hint
    for text in [*wrap(hint, across - 4), "", ""][:2]:
        lines.append(text_line(f" {text}", "warn" if chosen and chosen.why_not else "soft", fill="up"))
    count = f"{len(shown)} of {len(picker.items)} · " if picker.query.text.strip() else ""
    foot = f"{count}type to search · ⏎ choose · Esc close"
    box = _place(document, picker.anchor, boxes, across, len(lines) + 2, total, height)
    return Floating(box, framed(lines, across, picker.title, foot), (box.x + 4 + picker.query.cursor, box.y + 1))


def _item_line(item: Item, place: int, across: int, *, here: bool, then: ActionId = "overlay.choose") -> Line:
    out = LineBuilder(fill="selected" if here else "up", click=Click(then, {"index": place}))
    style = "selected" if here else "faint" if item.why_not else "text@up"
    side = safe(f"{item.detail}  {item.tag}" if item.tag else item.detail)
    side = cut(side, max(8, across // 2))
    room = across - width(side) - 4
    out.add("▸ " if here else "  ", style).add(pad(safe(item.title), max(6, room)), style).add(" ", style)
    out.add(side, "selected" if here else "soft@up").add(" ", style)
    return out.line(across)


def _place(
    document: Document, anchor: str, boxes: Boxes, across: int, tall: int, total: int, height: int, column: int = -1
) -> Box:
    """Near the row under the cursor, or in the middle; always on the screen."""
    tall = min(tall, height)
    builder = boxes["builder"]
    if anchor == "row" and builder.visible:
        y = row_y(document, builder) + 1
        x = builder.x + 4 if column < 0 else builder.x + column
        if y + tall > height - 1:
            above = row_y(document, builder) - tall
            y = above if above >= 1 else max(0, height - 1 - tall)
    else:
        x, y = (total - across) // 2, max(1, (height - tall) // 3)
    return Box(max(0, min(x, total - across)), y, across, tall)


# --- the editor over a part -----------------------------------------------------------------------------------------

_KIND_HELP = {
    "string": "text", "regex": "regular expression", "wildcard": "text with * for anything", "set": "one item a line",
    "integer": "whole number", "address": "IP address", "source": "in the language itself",
}  # fmt: skip


def _editor(document: Document, editor: PartEditor, boxes: Boxes, total: int, height: int) -> Floating:
    builder = boxes["builder"]
    columns = columns_of(document.rows, builder.width) if builder.visible else None
    part = document.part
    wide = is_wide(total)
    column = 4
    if columns is not None and part is not None and editor.kind != "source":
        column = columns.value if part.column == "right" else 4
    widest = max((width(safe(line)) for line in editor.buffer.lines), default=0)
    offered = max((width(item.title) for item in editor.offers), default=0)
    across = max(36, min(total - 2, max(widest + 6, offered + 8, 60 if editor.kind == "source" else 36)))
    column = min(column, max(0, builder.width - across - 1)) if wide else 0
    lines, cursor = _editor_text(editor, across - 2, 7 if height >= 30 else 4)
    if editor.error:
        lines += [text_line(f" ✗ {text}", "bad", fill="up") for text in wrap(editor.error, across - 6)[:2]]
    note, style = live_test(document, editor)
    if note:
        lines += [text_line(f" {text}", style, fill="up") for text in wrap(note, across - 5)[:2]]
    lines += _offers(document, editor, across - 2, 6 if height >= 30 else 3)
    foot = "⏎ done · Esc undo" if editor.kind != "set" else "⏎ next · Esc undo · Tab done"
    if shown_offers(document, editor):
        foot += " · ↓ offers"
    raw = "  raw" if editor.raw and editor.kind in {"string", "regex", "wildcard"} else ""
    title = f"{_KIND_HELP[editor.kind]}{raw}"
    box = _place(document, "row", boxes, across, len(lines) + 2, total, height, column)
    return Floating(box, framed(lines, across, title, foot), (box.x + 1 + cursor[0], box.y + 1 + cursor[1]))


def _editor_text(editor: PartEditor, across: int, tall: int) -> tuple[list[Line], tuple[int, int]]:
    buffer = editor.buffer
    active = editor.index < 0
    if not buffer.multiline and editor.kind != "source":
        line = input_line(buffer, across, " ", active=active)
        return [line], (1 + min(buffer.cursor, across - 2), 0)
    wrapped = wrap_text(buffer.text, across - 3)
    at = line_of(wrapped, buffer.cursor)
    room = min(tall, max(1, len(wrapped)))
    top = paged(at, room, len(wrapped))
    lines = [
        buffer_line(buffer, line, place == at, across, (0, 0), active=active, colour=editor.kind == "source")
        for place, line in enumerate(wrapped[top : top + room], top)
    ]
    return lines, (1 + buffer.cursor - wrapped[at].start, at - top)


def _offers(document: Document, editor: PartEditor, across: int, tall: int) -> list[Line]:
    offers = shown_offers(document, editor)
    if not offers:
        return []
    lines: list[Line] = []
    index = min(editor.index, len(offers) - 1)
    top = paged(max(0, index), tall, len(offers))
    group = ""
    for place, item in enumerate(offers[top : top + tall], top):
        if item.group != group:
            group = item.group
            lines.append(text_line(f" {group}", "faint", fill="up"))
        here = place == index
        out = LineBuilder(fill="selected" if here else "up", click=Click("editor.offer", {"index": place}))
        out.add(" ▸ " if here else "   ", "selected" if here else "accent")
        out.add(item.title, "selected" if here else "text")
        if item.detail:
            out.right(
                [(cut(item.detail, max(0, across - out.at - 3)), "selected" if here else "soft"), (" ", "up")], across
            )
        lines.append(out.line(across))
    return lines


# --- forms and pages ----------------------------------------------------------------------------------------------


def _form(form: Form, total: int, height: int) -> Floating:
    across = min(total - 2, 78)
    label = max(width(one.label) for one in form.fields) + 3
    lines = [text_line(f" {text}", "soft", fill="up") for text in wrap(form.intro, across - 4)] if form.intro else []
    lines += [Line((), "up")] if form.intro else []
    cursor = None
    for place, one in enumerate(form.fields):
        here = place == form.index
        lead = pad(f" {one.label}", label)
        if one.choices:
            out = LineBuilder(fill="up", click=Click("form.click", {"index": place}))
            out.add(lead, "accent-strong" if here else "soft")
            for choice in one.choices:
                on = choice == one.buffer.text
                out.add(f" {choice} ", "part" if on and here else "strong" if on else "faint")
            lines.append(out.line(across - 2))
        else:
            line = input_line(one.buffer, across - 2 - label, " ", active=here, secret=one.secret)
            out = LineBuilder(fill="up", click=Click("form.click", {"index": place}))
            out.add(lead, "accent-strong" if here else "soft")
            out.pieces += line.pieces
            lines.append(Line(tuple(out.pieces), "up"))
            if here:
                cursor = (1 + label + 1 + one.buffer.cursor, len(lines))
    current = form.fields[min(form.index, len(form.fields) - 1)]
    lines.append(Line((), "up"))
    text, style = (f"✗ {form.error}", "bad") if form.error else (current.help, "soft")
    for part in [*wrap(text, across - 4), "", ""][:2]:
        lines.append(text_line(f" {part}", style, fill="up"))
    foot = f"⏎ {form.submit.lower()} · Tab next · Esc close"
    tall = min(len(lines) + 2, height)
    box = Box((total - across) // 2, 1 if height < 32 else (height - tall) // 3, across, tall)
    where = (box.x + cursor[0], box.y + cursor[1]) if cursor else None
    return Floating(box, framed(lines, across, form.title, foot), where)


def _page(page: Page, total: int, height: int) -> Floating:
    across = min(total - 2, 100)
    tall = min(height - 2, len(page.lines) + len(page.choices) + 4)
    room = max(1, tall - 2 - (len(page.choices) + 1 if page.choices else 0))
    top = max(0, min(page.top, len(page.lines) - room))
    lines: list[Line] = []
    for runs in page.lines[top : top + room]:
        out = LineBuilder(fill="up").add(" ")
        for text, style in runs:
            out.add(text, style)
        lines.append(out.line(across - 2))
    lines += [Line((), "up")] * (room - len(lines))
    if page.choices:
        lines.append(Line((), "up"))
        for place, choice in enumerate(page.choices):
            shown = Item("", choice.title, choice.detail, why_not=choice.why_not)
            lines.append(_item_line(shown, place, across - 2, here=place == page.index))
    more = (
        f"{top + 1}–{min(top + room, len(page.lines))} of {len(page.lines)} · ↑↓ · " if len(page.lines) > room else ""
    )
    foot = f"{more}{'⏎ choose · ' if page.choices else ''}{page.foot}Esc close"
    box = Box((total - across) // 2, max(0, (height - len(lines) - 2) // 2), across, min(len(lines) + 2, height))
    return Floating(box, framed(lines, across, page.title, foot))


def _completions(document: Document, boxes: Boxes, total: int, height: int) -> Floating | None:
    from mtls_tui.tui.text.completion import completions

    found = completions(document)
    preview = boxes["preview"]
    if found is None or not found.items or not preview.visible:
        return None
    buffer = document.view.text
    assert buffer is not None
    tall = min(8, len(found.items), max(2, preview.y - 2))
    index = min(document.view.completion, len(found.items) - 1)
    top = paged(index, tall, len(found.items))
    across = min(
        total - 2, max(44, max(width(safe(i.label)) + min(40, width(safe(i.detail))) for i in found.items) + 8)
    )
    lines = []
    for place, item in enumerate(found.items[top : top + tall], top):
        shown = Item(item.text, item.label, detail=item.detail)
        lines.append(_item_line(shown, place, across - 2, here=place == index, then="text.complete"))
    wrapped = wrap_text(buffer.text, max(10, preview.width - 3))
    at = line_of(wrapped, buffer.cursor)
    top_line = scrolled(document.view.tops.get("text", 0), at, max(1, preview.height - 2), len(wrapped), 0)
    y = preview.y + 1 + at - top_line
    x = (
        preview.x + 1 + width(safe(buffer.text[wrapped[at].start : found.start]))
        if found.start >= wrapped[at].start
        else preview.x
    )
    above = y - len(lines) - 2
    box = Box(max(0, min(x, total - across)), max(0, above), across, len(lines) + 2)
    return Floating(box, framed(lines, across, "", "Tab take · Esc close"))
