"""The live log as data: the gateway's decisions as it wrote them, what of them is shown, and where one looks.

Whatever stands in a log was written by strangers: lines are read leniently, every text is bounded in length here and
made harmless where it is drawn.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from mtls_tui.tui.state.document import Document

KEPT = 2000
"""Entries kept; older ones go."""
LONGEST = 600
"""Characters kept of a value."""
LONGEST_PATH = 4000


@dataclass(frozen=True)
class LogEntry:
    """One line of the log. `kind` is `decision`, or `answer` for what Envoy answered by itself.

    `number` counts from the opening of the log on: it stays when older entries go.
    """

    number: int
    kind: str
    time: str = ""
    action: str = ""
    rule: str = ""
    reason: str = ""
    logged: tuple[str, ...] = ()
    would: str = ""
    client: str = ""
    host: str = ""
    method: str = ""
    path: str = ""
    fingerprint: str = ""
    verified: bool = False
    revoked: bool = False
    certificate_error: str = ""
    status: str = ""
    details: str = ""
    id: str = ""
    inside: bool = False

    @property
    def blocked(self) -> bool:
        """True if the client was refused: by a rule, before the rules, or by the proxy itself."""
        if self.kind == "answer":
            return self.status.startswith("4") and self.details != "via_upstream"
        return self.action not in ("allow", "log", "skip", "")

    @property
    def before_rules(self) -> bool:
        """True if it was refused before any rule was evaluated: no such host, an unreadable question, an error."""
        return self.kind == "decision" and self.blocked and not self.rule

    @property
    def clock(self) -> str:
        """The time of day (UTC) as the log has it."""
        return self.time.partition("T")[2].removesuffix("Z") or self.time

    @cached_property
    def searched(self) -> str:
        """The text that a search looks at."""
        return "\n".join(
            (self.time, self.action, self.rule, self.reason, *self.logged, self.would, self.client, self.host,
             self.method, self.path, self.fingerprint, self.certificate_error, self.status, self.details, self.id)
        ).lower()  # fmt: skip


def parse(line: bytes, number: int) -> LogEntry | None:
    """An entry from a line of the access log; None if it is not one (not JSON, another log, damaged). Never raises."""
    try:
        data = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    if not isinstance(data, dict) or data.get("kind") not in ("decision", "answer"):
        return None
    logged = data.get("logged")
    return LogEntry(
        number,
        data["kind"],
        logged=tuple(_text(one) for one in logged[:20]) if isinstance(logged, list) else (),
        verified=_true(data.get("verified")),
        revoked=_true(data.get("revoked")),
        inside=_true(data.get("inside")),
        path=_text(data.get("path"), LONGEST_PATH),
        host=_PORT.sub("", _text(data.get("host"))),
        **{name: _text(data.get(name)) for name in _TEXTS},
    )


_PORT = re.compile(r":\d{1,5}$")
"""Envoy's lines have the port that the client named; rules and the other lines don't."""
_TEXTS = (
    "time", "action", "rule", "reason", "would", "client", "method", "fingerprint", "certificate_error",
    "status", "details", "id",
)  # fmt: skip


def _text(value: Any, longest: int = LONGEST) -> str:
    """A value as bounded text. Envoy writes `-` or null for what it doesn't have."""
    if value is None or value == "-" or isinstance(value, dict | list | bool):
        return ""
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= longest else text[:longest] + "…"


def _true(value: Any) -> bool:
    return value is True or value == "true"


@dataclass(frozen=True)
class TailState:
    """What the board shows.

    While `paused`, new entries wait in `waiting`. `at` is the number of the entry under the cursor, None while the
    cursor stays at the end. `names` tells the certificates that are known, by fingerprint.
    """

    path: Path | None = None
    files: tuple[str, ...] = ()
    entries: tuple[LogEntry, ...] = ()
    waiting: tuple[LogEntry, ...] = ()
    paused: bool = False
    at: int | None = None
    query: str = ""
    blocked_only: bool = False
    host: str = ""
    rule: str = ""
    unreadable: int = 0
    skipped: int = 0
    """Bytes that came faster than they could be shown."""
    problem: str = ""
    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @cached_property
    def shown(self) -> tuple[LogEntry, ...]:
        """The entries that the filters leave, oldest first."""
        words = self.query.lower().split()
        if not (words or self.blocked_only or self.host or self.rule):
            return self.entries
        return tuple(one for one in self.entries if self._fits(one, words))

    def _fits(self, one: LogEntry, words: list[str]) -> bool:
        if self.blocked_only and not one.blocked and not one.would:
            return False
        if self.host and one.host != self.host:
            return False
        if self.rule and one.rule != self.rule and self.rule not in one.logged:
            return False
        if not words:
            return True
        known = self.names.get(one.fingerprint, "").lower()
        return all(word in one.searched or word in known for word in words)

    @cached_property
    def index(self) -> int:
        """The cursor as an index into `shown`."""
        last = len(self.shown) - 1
        if self.at is None:
            return max(0, last)
        for place in range(last, -1, -1):
            if self.shown[place].number <= self.at:
                return place
        return 0

    @property
    def entry(self) -> LogEntry | None:
        """The entry under the cursor."""
        return self.shown[self.index] if self.shown else None

    def moved(self, step: int) -> TailState:
        """With the cursor moved by some entries; at the end it follows new ones."""
        shown = self.shown
        if not shown:
            return self
        place = max(0, min(self.index + step, len(shown) - 1))
        return replace(self, at=None if place == len(shown) - 1 else shown[place].number)

    def arrived(self, new: tuple[LogEntry, ...]) -> TailState:
        """With new entries; only the last `KEPT` are kept."""
        if not new:
            return self
        if self.paused:
            return replace(self, waiting=(*self.waiting, *new)[-KEPT:])
        return replace(self, entries=(*self.entries, *new)[-KEPT:])

    def resumed(self) -> TailState:
        """Resumed: the waiting entries are shown, and the cursor is at the end."""
        return replace(self, entries=(*self.entries, *self.waiting)[-KEPT:], waiting=(), paused=False, at=None)

    @property
    def filters(self) -> tuple[str, ...]:
        """The filters in words."""
        found = [f"“{self.query}”"] if self.query else []
        found += ["blocked only"] if self.blocked_only else []
        found += [f"host {self.host}"] if self.host else []
        found += [f"rule {self.rule}"] if self.rule else []
        return tuple(found)


def log_of(document: Document) -> TailState:
    """The state of the board in a document."""
    return document.board_state(TailState)
