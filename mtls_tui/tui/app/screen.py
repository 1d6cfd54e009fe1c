"""The whole screen from the document: boxes, lines, what floats, where the cursor is; panes come from the register."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mtls_tui.tui.drawing.line import Line
from mtls_tui.tui.floating.view import Floating, floating
from mtls_tui.tui.layout.geometry import Boxes, Strip
from mtls_tui.tui.layout.scroll import scrolled
from mtls_tui.tui.registry.parts import BOARDS, PANES, Pane, add_pane, geometry
from mtls_tui.tui.state.document import Document


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture, and the scroll positions at which it was drawn: the controller keeps them for the next one."""

    tops: Mapping[str, int]
    boxes: Boxes
    lines: Mapping[str, list[Line]]
    floating: Floating | None
    cursor: tuple[int, int] | None


def frame(document: Document, width: int, height: int) -> Frame:
    """The picture of a document on a screen of `width` by `height` cells."""
    boxes = geometry(document, width, height)
    tops = _tops(document, boxes)
    document = document.scrolled_to(tops)
    lines = {name: PANES[name].draw(document, boxes) for name, box in boxes.items() if box.visible}
    above = floating(document, boxes, width, height)
    cursor = above.cursor if above is not None else _cursor(document, boxes)
    return Frame(tops, boxes, lines, above, cursor)


def _tops(document: Document, boxes: Boxes) -> Mapping[str, int]:
    """The scroll positions, moved so that every cursor is in sight."""
    tops = dict(document.view.tops)
    for pane in PANES.values():
        if pane.tops is not None and boxes[pane.name].visible:
            tops.update(pane.tops(document, boxes))
    return tops


def _cursor(document: Document, boxes: Boxes) -> tuple[int, int] | None:
    """The text cursor's cell as the focused pane gives it, while nothing floats."""
    for pane in PANES.values():
        focused = pane.context is not None and pane.context.name == document.view.focus
        if focused and pane.cursor is not None and boxes[pane.name].visible:
            return pane.cursor(document, boxes)
    return None


# --- the pane of the boards -----------------------------------------------------------------------------------------


def _board_lines(document: Document, boxes: Boxes) -> list[Line]:
    """The lines of the open board, cut or padded to the room there is."""
    box = boxes["board"]
    lines = BOARDS[document.board].draw(document, box.width, box.height)[: box.height]
    return lines + [Line()] * (box.height - len(lines))


def _board_tops(document: Document, boxes: Boxes) -> Mapping[str, int]:
    at, room, count = BOARDS[document.board].cursor(document, boxes["board"].height)
    top = document.view.tops.get(document.board, 0)
    return {document.board: scrolled(top, min(at, max(0, count - 1)), room, count)}


def _board_place(document: Document, _width: int, _height: int) -> Strip | None:
    return Strip(1, "fill") if document.board else None


add_pane(Pane("board", _board_lines, _board_place, tops=_board_tops))
