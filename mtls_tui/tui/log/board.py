"""The board of the live log."""

from __future__ import annotations

from mtls_tui.tui.log.effects import Pause
from mtls_tui.tui.log.state import log_of
from mtls_tui.tui.log.view import room_for_rows, tail_lines
from mtls_tui.tui.registry.parts import Board, Context, add_board
from mtls_tui.tui.state.document import Document


def _cursor(document: Document, height: int) -> tuple[int, int, int]:
    log, room = log_of(document), room_for_rows(document, height)
    count = len(log.shown)
    return count - 1 if log.at is None else log.index, room, count


add_board(
    Board(
        Context(
            "tail",
            "Live log",
            "The gateway's decisions as they happen. The log holds neither queries nor headers nor bodies.",
            wheel=("tail.up", "tail.down"),
        ),
        tail_lines,
        _cursor,
        leaving=(Pause(),),
    )
)
