"""The effect that follows a run of proofs."""

from __future__ import annotations

from dataclasses import dataclass

from mtls_tui.tui.registry.effects import Effect
from mtls_tui.tui.state.content import Content


@dataclass(frozen=True, slots=True)
class Proved(Effect):
    """A run over a content has ended after `took_s` seconds. The next one may begin."""

    content: Content
    took_s: float
