"""The pane of hosts and rules."""

from __future__ import annotations

from collections.abc import Mapping

from mtls_tui.tui.drawing.line import Line
from mtls_tui.tui.hosts.entries import cursor_of, entries, stops_of
from mtls_tui.tui.hosts.view import hosts_lines
from mtls_tui.tui.layout.geometry import HOSTS_WIDTH, Boxes, Strip, is_wide
from mtls_tui.tui.layout.scroll import scrolled
from mtls_tui.tui.registry.parts import Context, Pane, add_pane
from mtls_tui.tui.state.document import Document


def _draw(document: Document, boxes: Boxes) -> list[Line]:
    box = boxes["hosts"]
    return hosts_lines(document, box.width, box.height, border=is_wide(boxes["title"].width))


def _tops(document: Document, boxes: Boxes) -> Mapping[str, int]:
    height = boxes["hosts"].height
    stops = stops_of(document)
    at = stops[cursor_of(document)] if stops else 0
    room = max(1, height - (2 if height >= 10 else 1))
    return {"hosts": scrolled(document.view.tops.get("hosts", 0), at, room, len(entries(document)))}


def _place(document: Document, width: int, _height: int) -> Strip | None:
    if is_wide(width):
        return Strip(3, "left", HOSTS_WIDTH if width < 150 else HOSTS_WIDTH + 9)
    return Strip(6, "fill") if document.view.focus == "hosts" else None


add_pane(
    Pane(
        "hosts",
        _draw,
        _place,
        Context(
            "hosts",
            "Hosts and rules",
            "Hosts with their rules, in the order in which they are evaluated. An earlier rule wins.",
            wheel=("hosts.up", "hosts.down"),
        ),
        tops=_tops,
    )
)
