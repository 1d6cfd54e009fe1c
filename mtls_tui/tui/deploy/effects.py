"""Effects on the bundle beside the rule file."""

from __future__ import annotations

from dataclasses import dataclass

from mtls_tui.tui.registry.effects import Effect
from mtls_tui.tui.state.content import Content


@dataclass(frozen=True, slots=True)
class MakeReport(Effect):
    """What an export would change, and what the tests say; then who is newly let in or blocked. The newest wins."""

    content: Content


@dataclass(frozen=True, slots=True)
class Export(Effect):
    """Write the bundle of the file as it is saved."""


@dataclass(frozen=True, slots=True)
class OfferKept(Effect):
    """The kept exports, to choose from."""


@dataclass(frozen=True, slots=True)
class Restore(Effect):
    """Put a kept export in the bundle's place."""

    path: str
