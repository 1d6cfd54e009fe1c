"""Passphrases of certificate containers."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Secrets:
    """Passphrases, by path. In memory only."""

    passphrases: dict[str, bytes] = field(default_factory=dict, repr=False)
