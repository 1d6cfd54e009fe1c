"""The register of actions: every key, footer hint, palette entry, help line and the key table of the docs come from it.

An action is a pure function from the document (and arguments) to the next document, or a reason why not. What
touches the world (files, clipboard, terminal) is asked for as an `Effect`, which the application carries out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from mtls_tui.lang.edit import Refusal
from mtls_tui.tui.registry.effects import Effect
from mtls_tui.tui.registry.parts import BOARDS, CONTEXTS
from mtls_tui.tui.state import textbuffer
from mtls_tui.tui.state.content import says_other
from mtls_tui.tui.state.document import Document

if TYPE_CHECKING:
    from mtls_tui.tui.action_ids import ActionId

__all__ = ["ACTIONS", "Action", "Done", "Refusal", "Result", "action", "context_of", "go_on", "load", "run"]


@dataclass(frozen=True, slots=True)
class Done:
    """The next document, and the effects to carry out."""

    document: Document
    effects: tuple[Effect, ...] = ()


Result: TypeAlias = Document | Done | Refusal
Enabled: TypeAlias = Callable[[Document], str]
"""The reason why it can't be done, or ""."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done. `keys` are Textual's key names; `footer` is its short name there ("" for none)."""

    id: ActionId
    title: str
    help: str
    context: str
    keys: tuple[str, ...]
    function: Callable[..., Result]
    """Called by `go_on` alone, which asks `enabled` first."""
    footer: str = ""
    enabled: Enabled | None = None
    hidden: bool = False
    """Left out of palette and help: internal to an overlay or the mouse."""
    over_boards: bool = False
    """It also works while a board covers the panes; any other global action belongs to a pane."""

    def why_not(self, document: Document) -> str:
        """The reason why it can't be done now; "" if it can."""
        return self.enabled(document) if self.enabled else ""


ACTIONS: dict[str, Action] = {}
"""Every action by id, in the order of `subjects.MODULES` once loaded."""
_loaded: list[bool] = []


def action(
    id: ActionId,  # noqa: A002 - the word for it
    title: str,
    *,
    where: str = "global",
    keys: str = "",
    footer: str = "",
    enabled: Enabled | None = None,
    hidden: bool = False,
    over_boards: bool = False,
) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """Register the decorated function; its docstring is the help. `keys` are separated by blanks."""

    def register(function: Callable[..., Result]) -> Callable[..., Result]:
        assert id not in ACTIONS, id
        help_ = (function.__doc__ or title).partition("\n")[0]
        ACTIONS[id] = Action(
            id, title, help_, where, tuple(keys.split()), function, footer, enabled, hidden, over_boards
        )
        return function

    return register


def load() -> Mapping[str, Action]:
    """The register, with every module of actions imported."""
    from mtls_tui.tui.registry import subjects

    if not _loaded:
        order = subjects.load()
        ordered = sorted(ACTIONS.items(), key=lambda item: order[item[1].function.__module__])
        ACTIONS.clear()
        ACTIONS.update(ordered)
        assert all(one.context in CONTEXTS for one in ACTIONS.values())
        _loaded.append(True)
    return ACTIONS


def context_of(document: Document) -> str:
    """The context whose keys work now, before the global ones."""
    return document.overlay.context if document.overlay is not None else document.board or document.view.focus


def go_on(document: Document, id: ActionId, /, **arguments: Any) -> Result:  # noqa: A002
    """Continue with another action from within one: its result, or why it is disabled."""
    found = ACTIONS[id]
    reason = found.why_not(document)
    return Refusal(reason) if reason else found.function(document, **arguments)


def run(document: Document, id: ActionId, arguments: Mapping[str, Any] | None = None) -> Done | Refusal:  # noqa: A002
    """Run an action for a key, a click or a worker: the next document with its effects, or the refusal."""
    result = go_on(document, id, **(arguments or {}))
    if isinstance(result, Refusal):
        return result
    done = Done(result) if isinstance(result, Document) else result
    board = BOARDS.get(document.board)
    leaving = board.leaving if board is not None and done.document.board != document.board else ()
    return Done(told(document, done.document), (*leaving, *done.effects))


def told(before: Document, after: Document) -> Document:
    """With a message, when the rules say something else than before and the action had no words for it.

    Typing has none: it is seen where it is done, and the editor says what Esc does.
    """
    step = after.past[-1] if after.past else None
    if after.content is before.content or (after.notice is not None and after.notice is not before.notice):
        return after
    if step is None or step.merge or after.past is before.past or not says_other(before.content, after.content):
        return after
    return after.with_notice(f"{step.title}; u undoes")


def use_keys(changes: Mapping[str, tuple[str, ...]]) -> None:
    """Show the user's keys in footer, help and palette; the other actions keep their defaults."""
    for id_, one in load().items():
        default = _defaults.setdefault(id_, one.keys)
        ACTIONS[id_] = replace(one, keys=changes.get(id_, default))


_defaults: dict[str, tuple[str, ...]] = {}


def held(one: Action, context: str) -> tuple[str, ...]:
    """The keys of an action that mean it while a part of the screen has the focus: the part's own keys go first."""
    if one.context != "global" or context == "global":
        return one.keys
    taken = {key for other in in_context(context) for key in other.keys}
    free = [key for key in one.keys if key not in taken]
    if CONTEXTS[context].typing:
        free = [key for key in free if len(key) > 1 and key not in textbuffer.KEYS]
    return tuple(free)


def in_context(context: str, actions: Iterable[Action] | None = None) -> list[Action]:
    """The actions whose keys hold in a context, in the order of registration."""
    return [one for one in (actions or ACTIONS.values()) if one.context == context]
