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
    """Something an action asks to be done outside the document."""


@dataclass(frozen=True, slots=True)
class EvaluateAgain(Effect):
    """Compute the verdict again: something outside the document changed, such as a passphrase or a file."""


class Timer(Protocol):
    """A call that is scheduled."""

    def stop(self) -> None:
        """Cancel it."""


class Terminal(Protocol):
    """The terminal that the program runs on, by the names of Textual's `App`."""

    def exit(self, result: int | None = None) -> None:
        """End the program with this exit code."""

    def redraw(self) -> None:
        """Draw everything again."""

    def use_mouse(self, on: bool) -> None:
        """Capture the mouse, or leave it to the terminal."""

    def copy_to_clipboard(self, text: str) -> None:
        """Ask the terminal to copy (OSC 52)."""

    def suspend(self) -> AbstractContextManager[None]:
        """Hand the terminal to another program for a while."""


State = TypeVar("State")


class Host(Protocol):
    """What handlers know of the application."""

    drafts: Path | None
    """The folder of the drafts; None for the default."""
    status: str
    """Address of the gateway's status, "" to ask no gateway."""
    keeps_settings: bool
    """Whether a setting that is changed is written to the settings file."""

    @property
    def document(self) -> Document:
        """The document as it is now."""

    @property
    def terminal(self) -> Terminal:
        """The terminal."""

    def dispatch(self, action: ActionId, **arguments: Any) -> None:
        """Run an action, show the result, and carry out its effects."""

    def post(self, action: ActionId, **arguments: Any) -> None:
        """Run an action from a worker thread; does nothing during shutdown."""

    def carry_out(self, effect: Effect) -> None:
        """Hand an effect to its handler."""

    def in_thread(self, job: Callable[[], None], group: str) -> None:
        """Run slow work in a worker thread."""

    def after(self, seconds: float, function: Callable[[], None]) -> Timer:
        """Call a function once."""

    def every(self, seconds: float, function: Callable[[], None]) -> Timer:
        """Call a function at intervals."""

    def kept(self, kind: type[State]) -> State:
        """A subject's state that lives as long as the application, one object of each type; never in the document."""


Asked = TypeVar("Asked", bound=Effect)
HANDLERS: dict[type[Effect], Callable[[Any, Host], None]] = {}


def handles(kind: type[Asked]) -> Callable[[Callable[[Asked, Host], None]], Callable[[Asked, Host], None]]:
    """Register the decorated function as the handler of an effect."""

    def register(function: Callable[[Asked, Host], None]) -> Callable[[Asked, Host], None]:
        assert kind not in HANDLERS, kind
        HANDLERS[kind] = function
        return function

    return register
