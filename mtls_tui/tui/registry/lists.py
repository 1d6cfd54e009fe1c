"""The keys that move through a list, the same in every list."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from mtls_tui.tui.registry.register import Result, action
from mtls_tui.tui.state.document import Document

if TYPE_CHECKING:
    from mtls_tui.tui.action_ids import ActionId

END = 1_000_000
"""More rows than any list has."""


def list_actions(
    context: str,
    moved: Callable[[Document, int], Result],
    *,
    page: int = 0,
    up: str = "up k",
    down: str = "down j",
    page_up: str = "pageup",
    page_down: str = "pagedown",
    first: str = "home g",
    last: str = "end G",
) -> None:
    """Register `context.up`, `.down` and their like; `moved` moves the cursor by a number of rows.

    Without keys an action is left out, as pages are where `page`, the rows of one, is 0.
    """
    steps = [("up", "Up", up, -1), ("down", "Down", down, 1)]
    if page:
        steps += [("page_up", "A page up", page_up, -page), ("page_down", "A page down", page_down, page)]
    steps += [("first", "To the first", first, -END), ("last", "To the last", last, END)]
    for name, title, keys, step in steps:
        if keys:
            _register(cast("ActionId", f"{context}.{name}"), title, context, keys, moved, step)


def _register(
    id: ActionId,  # noqa: A002 - as in `action`
    title: str,
    context: str,
    keys: str,
    moved: Callable[[Document, int], Result],
    step: int,
) -> None:
    def run(document: Document) -> Result:
        return moved(document, step)

    run.__module__ = moved.__module__  # the register is in the order of the subjects' modules
    action(id, title, where=context, keys=keys, hidden=True)(run)
