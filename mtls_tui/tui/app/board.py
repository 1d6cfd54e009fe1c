"""A board: a screen of its own in place of the panes. Which one it is, and what all of them have in common."""

from __future__ import annotations

from mtls_tui.tui.authority import view as authority_view
from mtls_tui.tui.drawing.line import Line
from mtls_tui.tui.layout.scroll import scrolled
from mtls_tui.tui.log import view as log_view
from mtls_tui.tui.state.document import Document


def board_lines(document: Document, total: int, height: int) -> list[Line]:
    """The lines of the open board, exactly so many."""
    draw = authority_view.authority_lines if document.board == "authority" else log_view.tail_lines
    lines = draw(document, total, height)[:height]
    return lines + [Line()] * (height - len(lines))


def top_of_board(document: Document, height: int) -> int:
    """The first row of the board's list that is shown, so that the cursor is in sight."""
    if document.board == "authority":
        state = document.authority
        count, at, room = (
            (len(state.shown), state.index, authority_view.room_for_rows(document, height)) if state else (0, 0, 1)
        )
    else:
        log = document.tail
        count, at, room = (len(log.shown), log.index, log_view.room_for_rows(document, height)) if log else (0, 0, 1)
        if log is not None and log.at is None:
            return max(0, count - room)
    return scrolled(document.view.tops.get(document.board, 0), min(at, max(0, count - 1)), room, count)
