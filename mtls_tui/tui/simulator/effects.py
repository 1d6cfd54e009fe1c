"""The simulator's effects on certificates."""

from __future__ import annotations

from dataclasses import dataclass, field

from mtls_tui.tui.registry.effects import Effect


@dataclass(frozen=True, slots=True)
class OfferCertificates(Effect):
    """Offer certificate files near the rule file."""


@dataclass(frozen=True, slots=True)
class AskPassphrase(Effect):
    """Ask for the passphrase of a container."""

    path: str


@dataclass(frozen=True, slots=True)
class KeepPassphrase(Effect):
    """Keep the passphrase of a container, in memory only."""

    path: str
    passphrase: str = field(repr=False)
