"""Effects on the rule file, its draft and the session."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mtls_tui.tui.registry.effects import Effect
from mtls_tui.tui.state.content import Content


@dataclass(frozen=True, slots=True)
class Save(Effect):
    """Write the rule file: where it is, or to `path`; `force` overwrites what somebody else wrote.

    The effects of `then` follow once it is written.
    """

    content: Content
    path: str = ""
    force: bool = False
    then: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class Written(Effect):
    """We wrote the file: delete its draft unless something is unsaved."""

    path: Path | None


@dataclass(frozen=True, slots=True)
class Compare(Effect):
    """Compare the file with what is exported. Handled by `deploy`."""


@dataclass(frozen=True, slots=True)
class Reload(Effect):
    """Read the file again."""


@dataclass(frozen=True, slots=True)
class Open(Effect):
    """Open another rule file."""

    path: str


@dataclass(frozen=True, slots=True)
class OpenSample(Effect):
    """Open the sample: a text of the package, without a file."""


@dataclass(frozen=True, slots=True)
class DiscardDraft(Effect):
    """Delete the draft."""


@dataclass(frozen=True, slots=True)
class Quit(Effect):
    """Quit; what is unsaved is in the draft by then."""
