"""What editing as text asks of the world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtls_tui.tui.registry.effects import Effect

if TYPE_CHECKING:
    from mtls_tui.tui.action_ids import ActionId


@dataclass(frozen=True, slots=True)
class EditOutside(Effect):
    """The user's editor on a text; comes back with the action `then`. Carried out by `app`."""

    text: str
    then: ActionId
