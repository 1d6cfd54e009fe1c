"""Boards: screens of their own in place of the panes (the certificate authority, the live log). Forms float above them.

A board is named in `Document.board` and is a context of keys; its state stands beside the content, so that neither
undo nor the draft knows it.
"""

from __future__ import annotations

from dataclasses import replace

from mtls_tui.tui.registry.register import Done, Effect, Refusal, Result
from mtls_tui.tui.state.document import Document

STAY = frozenset(
    {
        "undo", "redo", "help.open", "palette.open", "file.save", "file.problems", "deploy.open", "authority.open",
        "tail.open", "quit", "screen.redraw", "mouse.toggle", "theme.choose",
    }
)  # fmt: skip
"""What holds everywhere and makes sense while a board covers the panes; every other action belongs to a pane."""


def without(document: Document) -> Document:
    """The panes again."""
    return replace(document, board="", overlay=None, notice=None)


def left(before: Document, result: Result) -> Result:
    """The result, with what is due when the board that was open gives way: passphrases are forgotten."""
    if before.board != "authority" or isinstance(result, Refusal):
        return result
    done = Done(result) if isinstance(result, Document) else result
    if done.document.board == "authority":
        return result
    return Done(done.document, (Effect("authority.forget"), *done.effects))


def for_action(document: Document, action: str, context: str) -> Document:
    """The document in which an action can be done: a board gives way to what happens in a pane."""
    stays = not document.board or context == document.board or action in STAY
    return document if stays else without(document)
