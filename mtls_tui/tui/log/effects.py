"""What the board of the live log asks of the world."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mtls_tui.tui.log.state import LogEntry
from mtls_tui.tui.registry.effects import Effect

if TYPE_CHECKING:
    from mtls_tui.tui.action_ids import ActionId


@dataclass(frozen=True, slots=True)
class FindLogs(Effect):
    """Find logs near the rule file, and follow one: the given one, else the last written."""

    path: Path | None


@dataclass(frozen=True, slots=True)
class Follow(Effect):
    """Follow a file: a `fresh` one from its end, one that was followed before goes on where it was."""

    path: Path
    fresh: bool


@dataclass(frozen=True, slots=True)
class Pause(Effect):
    """Look no more, but remember the place: the board is closed."""


@dataclass(frozen=True, slots=True)
class FindCertificate(Effect):
    """The certificate of an entry, for the action `then`."""

    entry: LogEntry
    then: ActionId
