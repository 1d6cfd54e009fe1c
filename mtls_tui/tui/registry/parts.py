"""The parts of the screen, each registered by its subject: contexts of keys, panes, boards.

A subject registers its parts in a module that `subjects.MODULES` names; nobody else imports it, so that parts stand in
the order of that list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from mtls_tui.tui.drawing.line import Line
from mtls_tui.tui.layout.geometry import Boxes, Strip, arranged
from mtls_tui.tui.registry.effects import Effect
from mtls_tui.tui.state.document import Document

if TYPE_CHECKING:
    from mtls_tui.tui.action_ids import ActionId


@dataclass(frozen=True, slots=True)
class Typing:
    """The actions that get typed and pasted text."""

    key: ActionId
    paste: ActionId


@dataclass(frozen=True, slots=True)
class Context:
    """A part of the screen with its own keys; `lead` is the first sentence of its help."""

    name: str
    title: str
    lead: str
    typing: Typing | None = None
    """Set where a printable key is text, not a command."""
    wheel: tuple[ActionId, ActionId] | None = None
    """What the mouse wheel does: up, down."""
    floats: bool = False
    """It floats above the panes: its actions are not in the palette."""


Draw: TypeAlias = Callable[[Document, Boxes], list[Line]]
Tops: TypeAlias = Callable[[Document, Boxes], Mapping[str, int]]
"""Scroll positions, moved so that the cursor is in sight."""


@dataclass(frozen=True, slots=True)
class Pane:
    """A part of the screen."""

    name: str
    draw: Draw
    place: Callable[[Document, int, int], Strip | None]
    """Where it is, from columns and rows of the screen; None if it is not shown."""
    context: Context | None = None
    """Its keys; None if it never has the focus. Tab goes through the panes in the order of registration."""
    why_closed: Callable[[Document], str] | None = None
    """The reason why it can't have the focus now, "" if it can."""
    tab: Literal["", "expression", "simulator"] = ""
    """What a narrow screen shows below the builder from then on; "" for no change."""
    tops: Tops | None = None
    cursor: Callable[[Document, Boxes], tuple[int, int] | None] | None = None
    """Where the text cursor is, in cells of the screen, while its context has the focus and nothing floats."""


@dataclass(frozen=True, slots=True)
class Board:
    """A screen of its own in place of the panes."""

    context: Context
    draw: Callable[[Document, int, int], list[Line]]
    """The lines, from columns and rows; too many are cut, missing ones are blank."""
    cursor: Callable[[Document, int], tuple[int, int, int]]
    """From the rows of the screen: the cursor's index in the list, how many rows are shown, and the list's length."""
    leaving: tuple[Effect, ...] = ()
    """The effects due when it is left."""


CONTEXTS: dict[str, Context] = {}
PANES: dict[str, Pane] = {}
BOARDS: dict[str, Board] = {}


def add_context(context: Context) -> None:
    """Register a context."""
    assert context.name not in CONTEXTS, context.name
    CONTEXTS[context.name] = context


def add_pane(pane: Pane) -> None:
    """Register a pane, with its context."""
    assert pane.name not in PANES, pane.name
    PANES[pane.name] = pane
    if pane.context is not None:
        add_context(pane.context)


def geometry(document: Document, width: int, height: int) -> Boxes:
    """The boxes of all panes on a screen of this size."""
    return arranged({name: pane.place(document, width, height) for name, pane in PANES.items()}, width, height)


def add_board(board: Board) -> None:
    """Register a board, with its context."""
    add_context(board.context)
    BOARDS[board.context.name] = board


add_context(
    Context(
        "global",
        "Everywhere",
        "These keys work wherever the focused part has no other use for them and nothing floats above it.",
    )
)
