"""Boards: screens of their own in place of the panes (the certificate authority, the live log). Forms float above them.

A board is named in `Document.board` and is a context of keys; its state stands beside the content, so that neither
undo nor the draft knows it.
"""

from __future__ import annotations

from dataclasses import replace

from mtls_tui.tui.registry.register import Action
from mtls_tui.tui.state.document import Document


def close_board(document: Document) -> Document:
    """With the board closed and the panes back."""
    return replace(document, board="", overlay=None, notice=None)


def cleared_for(document: Document, action: Action) -> Document:
    """The document in which an action can run: a board is closed for what happens in a pane."""
    stays = not document.board or action.context == document.board or action.over_boards
    return document if stays else close_board(document)
