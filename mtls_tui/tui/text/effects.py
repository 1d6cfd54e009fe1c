"""The effects of editing as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtls_tui.tui.registry.effects import Effect

if TYPE_CHECKING:
    from mtls_tui.tui.action_ids import ActionId


@dataclass(frozen=True, slots=True)
class EditOutside(Effect):
    """Open the user's editor on a text, then run the action `then`. Handled by `app`."""

    text: str
    then: ActionId
