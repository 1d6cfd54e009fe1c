"""The pane of the expression as text: a preview, or an editor."""

from __future__ import annotations

from collections.abc import Mapping

from mtls_tui.tui.layout.geometry import Boxes, Strip, body_of, is_wide, rows_below
from mtls_tui.tui.registry.parts import Context, Pane, Typing, add_pane
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.text.view import preview_lines
from mtls_tui.tui.text.wrapping import line_of, top_of_text, wrap_text

NOT_OPEN = "the expression is not being edited as text (t)"


def _tops(document: Document, boxes: Boxes) -> Mapping[str, int]:
    box = boxes["preview"]
    return {"text": top_of_text(document.view, box.width, box.height)} if document.view.text is not None else {}


def _cursor(document: Document, boxes: Boxes) -> tuple[int, int] | None:
    box, buffer = boxes["preview"], document.view.text
    if buffer is None:
        return None
    wrapped = wrap_text(buffer.text, max(10, box.width - 3))
    at = line_of(wrapped, buffer.cursor)
    return box.x + 1 + buffer.cursor - wrapped[at].start, box.y + 1 + at - document.view.tops.get("text", 0)


def _place(document: Document, width: int, height: int) -> Strip | None:
    if not is_wide(width):
        return Strip(4, "bottom", rows_below(height)) if document.view.tab == "expression" else None
    if document.view.text is not None:
        return Strip(4, "bottom", max(4, min(12, body_of(height) // 3)))
    return Strip(4, "bottom", max(3, min(7, body_of(height) // 5)))


add_pane(
    Pane(
        "preview",
        lambda document, boxes: preview_lines(document, boxes["preview"].width, boxes["preview"].height),
        _place,
        Context(
            "text",
            "Expression as text",
            "The expression in the language itself. What does not parse is underlined and kept as it is.",
            typing=Typing("text.key", "text.paste"),
        ),
        why_closed=lambda document: "" if document.view.text is not None else NOT_OPEN,
        tab="expression",
        tops=_tops,
        cursor=_cursor,
    )
)
