"""Which part of a long pane is shown: the cursor stays in sight, and the rest stays where it was."""

from __future__ import annotations

from mtls_tui.tui.document import Document

_tops: dict[str, int] = {}


def top_of(document: Document, pane: str, cursor: int, room: int, total: int) -> int:
    """The first line shown, so that the cursor is among `room` lines of `total`."""
    return scrolled(document.view.tops.get(pane, 0), cursor, room, total)


def scrolled(top: int, cursor: int, room: int, total: int, margin: int = 1) -> int:
    """The least scrolling that brings the cursor into sight."""
    if total <= room:
        return 0
    margin = min(margin, max(0, (room - 1) // 2))
    top = min(top, cursor - margin)
    top = max(top, cursor + margin - room + 1)
    return max(0, min(top, total - room))
