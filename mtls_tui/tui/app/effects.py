"""Effects on the evaluation, the terminal and the settings."""

from __future__ import annotations

from dataclasses import dataclass

from mtls_tui.tui.registry.effects import Effect


@dataclass(frozen=True, slots=True)
class Evaluated(Effect):
    """A verdict was computed, which took `took_s` seconds. The next one may begin."""

    took_s: float


@dataclass(frozen=True, slots=True)
class Redraw(Effect):
    """Draw everything again."""


@dataclass(frozen=True, slots=True)
class TakeMouse(Effect):
    """Capture the mouse, or leave it to the terminal."""

    on: bool


@dataclass(frozen=True, slots=True)
class Copy(Effect):
    """Put a text in the clipboard."""

    text: str


@dataclass(frozen=True, slots=True)
class KeepSetting(Effect):
    """Keep a setting."""

    name: str
    value: str
