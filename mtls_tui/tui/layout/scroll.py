"""Which part of a long pane is shown: the cursor stays in sight, and the rest stays where it was."""

from __future__ import annotations

from mtls_tui.tui.state.document import Document


def top_of(document: Document, pane: str, cursor: int, room: int, total: int) -> int:
    """The first line shown, so that the cursor is among `room` lines of `total`."""
    return scrolled(document.view.tops.get(pane, 0), cursor, room, total)


def scrolled(top: int, cursor: int, room: int, total: int, margin: int = 1) -> int:
    """Where to scroll so that the cursor is in sight.

    A cursor that walks out by a line takes half a page with it: repainting at each line is slow over a slow link.
    """
    if total <= room:
        return 0
    margin = min(margin, max(0, (room - 1) // 2))
    if not top + margin <= cursor <= top + room - 1 - margin:
        near = top - room // 2 <= cursor < top + room + room // 2
        if near and room >= 6:
            top = cursor - room // 2
        elif cursor < top + margin:
            top = cursor - margin
        else:
            top = cursor + margin - room + 1
    return max(0, min(top, total - room))


def paged(cursor: int, room: int, total: int) -> int:
    """The first line shown of a list whose place nobody keeps: it goes on by half a page, not with each line."""
    half = max(1, room // 2)
    top = 0 if cursor < room else ((cursor - room) // half + 1) * half
    return max(0, min(top, total - room))
