"""Effects: what actions ask to be done to the world. Each is a dataclass of its subject; a handler carries it out.

A handler is a function of the effect and the `Host`. What it finds comes back as an action, by `dispatch` or, from a
worker, by `post`; nothing else changes the document.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from mtls_tui.tui.action_ids import ActionId
    from mtls_tui.tui.state.document import Document


@dataclass(frozen=True, slots=True)
class Effect:
    """Something to be done to the world."""


@dataclass(frozen=True, slots=True)
class EvaluateAgain(Effect):
    """What the verdict depends on changed outside the document: a passphrase, a file."""


class Timer(Protocol):
    """Something that will happen."""

    def stop(self) -> None:
        """It won't."""


class Terminal(Protocol):
    """The terminal that the program runs on, by the names of Textual's `App`."""

    def exit(self, result: int | None = None) -> None:
        """End the program with this exit code."""

    def redraw(self) -> None:
        """Draw everything again."""

    def use_mouse(self, on: bool) -> None:
        """Take the mouse, or leave it to the terminal."""

    def copy_to_clipboard(self, text: str) -> None:
        """Ask the terminal to copy (OSC 52)."""

    def suspend(self) -> AbstractContextManager[None]:
        """Give the terminal to another program meanwhile."""


State = TypeVar("State")


class Host(Protocol):
    """What handlers know of the application."""

    drafts: Path | None
    """Where drafts are kept; None for the usual folder."""
    status: str
    """Where the gateway tells its status, "" to ask none."""
    keeps_settings: bool
    """Whether a setting that is changed is written to the settings file."""

    @property
    def document(self) -> Document:
        """The document as it is now."""

    @property
    def terminal(self) -> Terminal:
        """The terminal."""

    def dispatch(self, action: ActionId, **arguments: Any) -> None:
        """Do an action and show what came of it."""

    def post(self, action: ActionId, **arguments: Any) -> None:
        """From a worker: do an action; nothing once the application is leaving."""

    def carry_out(self, effect: Effect) -> None:
        """Do an effect."""

    def in_thread(self, job: Callable[[], None], group: str) -> None:
        """Slow work beside the screen."""

    def after(self, seconds: float, function: Callable[[], None]) -> Timer:
        """Call a function once."""

    def every(self, seconds: float, function: Callable[[], None]) -> Timer:
        """Call a function again and again."""

    def kept(self, kind: type[State]) -> State:
        """What a subject keeps while the application runs, one of each kind; it is never in the document."""


Asked = TypeVar("Asked", bound=Effect)
HANDLERS: dict[type[Effect], Callable[[Any, Host], None]] = {}


def handles(kind: type[Asked]) -> Callable[[Callable[[Asked, Host], None]], Callable[[Asked, Host], None]]:
    """Register the decorated function as what carries an effect out."""

    def register(function: Callable[[Asked, Host], None]) -> Callable[[Asked, Host], None]:
        assert kind not in HANDLERS, kind
        HANDLERS[kind] = function
        return function

    return register
