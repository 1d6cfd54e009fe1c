"""The whole screen from the document: boxes, lines, what floats, where the cursor is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from mtls_tui.tui.app import board
from mtls_tui.tui.builder import view as builder_view
from mtls_tui.tui.drawing.line import Line
from mtls_tui.tui.floating.view import Floating, floating
from mtls_tui.tui.hosts import view as hosts_view
from mtls_tui.tui.layout.geometry import Box, Boxes, geometry, is_wide
from mtls_tui.tui.layout.scroll import scrolled
from mtls_tui.tui.registry import bars
from mtls_tui.tui.simulator import view as simulator_view
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.text import preview


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture, and the document with the scroll positions that it was drawn at."""

    document: Document
    boxes: Boxes
    lines: Mapping[str, list[Line]]
    floating: Floating | None
    cursor: tuple[int, int] | None


def frame(document: Document, width: int, height: int) -> Frame:
    """The picture of a document on a screen of this size."""
    boxes = geometry(document, width, height)
    document = _scrolled(document, boxes)
    wide = is_wide(width)
    lines: dict[str, list[Line]] = {}
    for name, box in boxes.items():
        if box.visible:
            lines[name] = _pane(document, name, box, wide=wide, boxes=boxes)
    above = floating(document, boxes, width, height)
    cursor = above.cursor if above is not None else _cursor(document, boxes)
    return Frame(document, boxes, lines, above, cursor)


def _pane(document: Document, name: str, box: Box, *, wide: bool, boxes: Boxes) -> list[Line]:
    match name:
        case "title":
            return [bars.title_line(document, box.width, wide=wide)]
        case "footer":
            return [bars.footer_line(document, box.width)]
        case "hosts":
            return hosts_view.hosts_lines(document, box.width, box.height, border=wide)
        case "builder":
            return builder_view.builder_lines(document, box.width, box.height)
        case "preview":
            return preview.preview_lines(document, box.width, box.height)
        case "board":
            return board.board_lines(document, box.width, box.height)
        case "verdict":
            return simulator_view.verdict_lines(document, box.width)
        case _:
            return simulator_view.simulator_lines(
                document, box.width, box.height, wide=wide, hosts=boxes["hosts"].width
            )


def _scrolled(document: Document, boxes: Boxes) -> Document:
    """The document with its scroll positions moved so that every cursor is in sight."""
    tops = dict(document.view.tops)
    box = boxes["builder"]
    if box.visible:
        room = builder_view.room_for_rows(document, box.height)
        tops["builder"] = scrolled(tops.get("builder", 0), document.row_index, room, len(document.rows))
    box = boxes["hosts"]
    if box.visible:
        listed = hosts_view.entries(document)
        stops = hosts_view.stops_of(document)
        at = stops[hosts_view.cursor_of(document)] if stops else 0
        tops["hosts"] = scrolled(
            tops.get("hosts", 0), at, max(1, box.height - (2 if box.height >= 10 else 1)), len(listed)
        )
    box = boxes["preview"]
    if box.visible and document.view.text is not None:
        tops["text"] = preview.top_of_text(document.view, box.width, box.height)
    box = boxes["simulator"]
    if box.visible and document.results is not None:
        room = max(1, box.height - 5)
        at = max(0, document.view.simulator_at[0] - 1)
        tops["cases"] = scrolled(tops.get("cases", 0), at, room, len(document.results.cases), 0)
    box = boxes["board"]
    if box.visible:
        tops[document.board] = board.top_of_board(document, box.height)
    if tops == dict(document.view.tops):
        return document
    return replace(document, view=replace(document.view, tops=MappingProxyType(tops)))


def _cursor(document: Document, boxes: Boxes) -> tuple[int, int] | None:
    """Where the text cursor is when nothing floats: in the text editor, else on the row."""
    if document.view.focus == "text" and document.view.text is not None and boxes["preview"].visible:
        box, buffer = boxes["preview"], document.view.text
        wrapped = preview.wrap_text(buffer.text, max(10, box.width - 3))
        at = preview.line_of(wrapped, buffer.cursor)
        return box.x + 1 + buffer.cursor - wrapped[at].start, box.y + 1 + at - document.view.tops.get("text", 0)
    if document.view.focus == "builder" and boxes["builder"].visible:
        from mtls_tui.tui.floating.view import row_y

        return boxes["builder"].x + 1, row_y(document, boxes["builder"])
    return None
