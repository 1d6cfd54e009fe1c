"""The engine's results for the document, as plain data. Made by `evaluate` in a worker thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from mtls_tui.lang.diagnostics import Diagnostic
    from mtls_tui.lang.tree import Path
    from mtls_tui.lang.types import FieldValue
    from mtls_tui.tui.state.content import Content

Truth: TypeAlias = Literal["true", "false", "not reached", "unknown"]
SIGNS: Mapping[str, str] = {"true": "✓", "false": "✗", "not reached": "–", "unknown": "?"}


@dataclass(frozen=True, slots=True)
class Mark:
    """The truth of a row for the simulator's request, with the value it saw as text."""

    truth: Truth
    seen: str = ""
    decisive: bool = False

    @property
    def sign(self) -> str:
        """The sign that stands for it."""
        return SIGNS[self.truth]


@dataclass(frozen=True, slots=True)
class ShownVerdict:
    """What the simulator's request gets: `rule` is the deciding rule's ref with its `number` (from 1)."""

    blocked: bool
    action: str
    rule: str = ""
    number: int = 0
    reason: str = ""
    flips: tuple[str, ...] = ()
    logged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the table: a saved request's outcome under the file on disk and now ("?" if unknown)."""

    request: str
    certificate: str
    before: str
    now: str
    expected: str = ""
    problem: str = ""
    test: int | None = None
    """The test of the file it is, None for a request that is saved in this session only."""
    probe: int | None = None

    @property
    def changed(self) -> bool:
        """Whether the edit changed the outcome."""
        return bool(self.before) and self.before != self.now

    @property
    def failed(self) -> bool:
        """Whether a test of the file doesn't get what it expects."""
        return bool(self.expected) and self.expected != self.now


@dataclass(frozen=True, slots=True)
class CertificateLine:
    """A line about a certificate or an authority, and whether it is fine, ends soon, or is broken."""

    text: str
    state: Literal["good", "warn", "bad", "none"] = "none"


_EMPTY: Mapping[str, FieldValue] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Results:
    """The results for one content and its selected rule."""

    content: Content
    rule: str
    fields: Mapping[str, FieldValue] = field(default_factory=lambda: _EMPTY)
    verdict: ShownVerdict | None = None
    marks: Mapping[Path, Mark] = field(default_factory=lambda: MappingProxyType({}))
    """By path in the expression with its muted clauses."""
    matches: bool | None = None
    """Whether the selected rule matches the request."""
    certificate: CertificateLine = field(default_factory=lambda: CertificateLine("no certificate"))
    problem: str = ""
    """The reason why the request can't be simulated; "" if it can."""
    diagnostic: Diagnostic | None = None
    """What is wrong with the selected rule's expression (names, types, length)."""
    problems: int = 0
    """How many things are wrong with the file, broken rules included."""
    cases: tuple[Case, ...] = ()
    hosts: Mapping[str, tuple[CertificateLine, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """By host name: its authorities and what is soon over or broken."""
    rules_of_host: Mapping[str, tuple[int, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """By host name: the positions of the rules that can match a request to it."""
