"""Effects: what actions ask to be done to the world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Effect:
    """Something to be done to the world, by name."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
