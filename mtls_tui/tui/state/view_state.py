"""Selection, cursors, focus and scroll positions; and a step of undo, which restores them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from mtls_tui.tui.state.content import Content

if TYPE_CHECKING:
    from mtls_tui.lang.tree import Path
    from mtls_tui.tui.state.textbuffer import Buffer


@dataclass(frozen=True, slots=True)
class ViewState:
    """Where one looks. `path` and `part` are the builder's cursor; `closing`: it is on the last line of a group.

    The list's cursor has no place of its own: it is on the rule that the builder shows (`rule`, under `host`), or on
    the line of a host (`at_host`). So list and builder can't come apart, however the list changes.
    """

    focus: str = "builder"
    """The context of the focused pane."""
    rule: str = ""
    host: str = ""
    path: Path = ()
    part: int = 0
    closing: bool = False
    at_host: str = ""
    """The host whose line the list's cursor is on; "" when it is on the rule."""
    simulator_at: tuple[int, int] = (0, 0)
    tab: Literal["expression", "simulator"] = "expression"
    text: Buffer | None = None
    """The expression being edited as text."""
    completion: int = 0
    completing: bool = False
    tops: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    theme: str = "dark"
    mouse: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """A state to go back to, the title of what was done from it, and the key under which more typing joins it."""

    content: Content
    view: ViewState
    title: str
    merge: str = ""
