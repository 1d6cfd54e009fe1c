"""The board of the certificate authority."""

from __future__ import annotations

from mtls_tui.tui.authority.effects import Forget
from mtls_tui.tui.authority.state import authority_of
from mtls_tui.tui.authority.view import authority_lines, room_for_rows
from mtls_tui.tui.registry.parts import Board, Context, add_board
from mtls_tui.tui.state.document import Document


def _cursor(document: Document, height: int) -> tuple[int, int, int]:
    state = authority_of(document)
    return state.index, room_for_rows(document, height), len(state.shown)


add_board(
    Board(
        Context(
            "authority",
            "Certificate authority",
            "What the authority issued to clients, what is revoked, what ends soon; also `mtls-tui certs`.",
            wheel=("authority.up", "authority.down"),
        ),
        authority_lines,
        _cursor,
        leaving=(Forget(),),
    )
)
