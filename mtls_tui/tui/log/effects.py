"""The effects of the live log's board."""

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
    """Find logs near the rule file and follow one: the given one, else the newest."""

    path: Path | None


@dataclass(frozen=True, slots=True)
class Follow(Effect):
    """Follow a file: a `fresh` one from its end, one that was followed before from where it was left."""

    path: Path
    fresh: bool


@dataclass(frozen=True, slots=True)
class Pause(Effect):
    """Stop following but remember the position: the board is closed."""


@dataclass(frozen=True, slots=True)
class FindCertificate(Effect):
    """The certificate of an entry, for the action `then`."""

    entry: LogEntry
    then: ActionId
