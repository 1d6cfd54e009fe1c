"""The pane of the rule as rows."""

from __future__ import annotations

from collections.abc import Mapping

from mtls_tui.tui.builder.view import builder_lines, room_for_rows, row_y
from mtls_tui.tui.layout.geometry import Boxes, Strip
from mtls_tui.tui.layout.scroll import scrolled
from mtls_tui.tui.registry.parts import Context, Pane, add_pane
from mtls_tui.tui.state.document import Document


def _tops(document: Document, boxes: Boxes) -> Mapping[str, int]:
    room = room_for_rows(document, boxes["builder"].height)
    top = document.view.tops.get("builder", 0)
    return {"builder": scrolled(top, document.row_index, room, len(document.rows))}


add_pane(
    Pane(
        "builder",
        lambda document, boxes: builder_lines(document, boxes["builder"].width, boxes["builder"].height),
        lambda *_: Strip(7, "fill"),
        Context(
            "builder",
            "Builder",
            "The rule as rows. ↑ ↓ choose a row, ← → a part of it, ⏎ edits the part. Rails show groups; ✓ true, "
            "✗ false, – not reached, ? unknown, with the value that was seen.",
            wheel=("row.up", "row.down"),
        ),
        tops=_tops,
        cursor=lambda document, boxes: (boxes["builder"].x + 1, row_y(document, boxes["builder"])),
    )
)
