"""The effects of the certificate authority's board."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtls_tui.tui.authority.state import CertificateRow
from mtls_tui.tui.registry.effects import Effect

if TYPE_CHECKING:
    from mtls_tui.tui.action_ids import ActionId


@dataclass(frozen=True, slots=True)
class LoadStore(Effect):
    """Read a store; `folder` None is the one that fits the rule file."""

    folder: Path | None


@dataclass(frozen=True, slots=True)
class WithKey(Effect):
    """Run an action that needs the key; ask for the key's passphrase first if it has one."""

    folder: Path
    then: ActionId
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TryPassphrase(Effect):
    """Try the passphrase that was typed, then run an action."""

    folder: Path
    passphrase: str = field(repr=False)
    then: ActionId
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RunJob(Effect):
    """Run a job of `jobs.JOBS`, then read the store again."""

    folder: Path
    job: str
    arguments: Mapping[str, Any] = field(repr=False)
    passphrase: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ShowFacts(Effect):
    """Every fact of a certificate."""

    folder: Path
    row: CertificateRow


@dataclass(frozen=True, slots=True)
class FetchCertificate(Effect):
    """A certificate for the simulator."""

    folder: Path
    row: CertificateRow


@dataclass(frozen=True, slots=True)
class Forget(Effect):
    """Forget passphrases: the board is closed."""
