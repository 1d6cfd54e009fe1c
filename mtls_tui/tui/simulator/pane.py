"""The panes of the simulator: the request with its verdict, and the verdict alone where there is little room."""

from __future__ import annotations

from collections.abc import Mapping

from mtls_tui.tui.drawing.line import Line
from mtls_tui.tui.layout.geometry import Boxes, Strip, body_of, is_wide, rows_below
from mtls_tui.tui.layout.scroll import scrolled
from mtls_tui.tui.registry.parts import Context, Pane, add_pane
from mtls_tui.tui.simulator.view import simulator_lines, verdict_lines
from mtls_tui.tui.state.document import Document


def _draw(document: Document, boxes: Boxes) -> list[Line]:
    box, wide = boxes["simulator"], is_wide(boxes["title"].width)
    return simulator_lines(document, box.width, box.height, wide=wide, hosts=boxes["hosts"].width)


def _tops(document: Document, boxes: Boxes) -> Mapping[str, int]:
    if document.results is None:
        return {}
    room = max(1, boxes["simulator"].height - 5)
    at = max(0, document.view.simulator_at[0] - 1)
    return {"cases": scrolled(document.view.tops.get("cases", 0), at, room, len(document.results.cases), 0)}


def _place(document: Document, width: int, height: int) -> Strip | None:
    if not is_wide(width):
        return Strip(2, "bottom", rows_below(height)) if document.view.tab == "simulator" else None
    cases = len(document.results.cases) if document.results else 0
    return Strip(2, "bottom", max(5, min(5 + min(cases, 8), body_of(height) // 3)))


def _verdict_place(_: Document, width: int, _height: int) -> Strip | None:
    return None if is_wide(width) else Strip(5, "bottom", 2)


add_pane(
    Pane(
        "simulator",
        _draw,
        _place,
        Context(
            "simulator",
            "Simulator",
            "One request and what it gets. ← → choose a field, ⏎ edits it; ↓ goes to the saved requests.",
            wheel=("simulator.up", "simulator.down"),
        ),
        tab="simulator",
        tops=_tops,
    )
)
add_pane(Pane("verdict", lambda document, boxes: verdict_lines(document, boxes["verdict"].width), _verdict_place))
