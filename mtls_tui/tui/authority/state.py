"""The certificate authority's board as data: one store, what it issued, which foreign authorities it keeps.

Plain facts only; a passphrase or a private key is never in here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from mtls_tui.tui.drawing.safe_text import safe
from mtls_tui.tui.state.recent import recent

if TYPE_CHECKING:
    from mtls_tui.tui.state.document import Document

SOON_DAYS = 30
"""Days before its end from which a certificate is marked."""

Kind: TypeAlias = Literal["own", "issued", "foreign"]


@dataclass(frozen=True, slots=True)
class CertificateRow:
    """A certificate of the list: the authority's own, one that it issued, or a foreign authority's.

    `days_left` is negative after the end; `file` is where it lies, relative to the rule file, "" for nowhere near.
    """

    kind: Kind
    name: str
    subject: str
    serial: str = ""
    status: str = ""
    reason: str = ""
    ends: str = ""
    days_left: float = 0.0
    fingerprint: str = ""
    names: str = ""
    file: str = ""
    key: str = ""
    """The name under which a foreign authority is kept."""

    @property
    def soon(self) -> bool:
        """True if it is still valid but ends soon."""
        return self.status == "valid" and self.days_left <= SOON_DAYS

    @property
    def searched(self) -> str:
        """The text that a search looks at."""
        return f"{self.subject} {self.serial} {self.status_words} {self.names} {self.file}".lower()

    @property
    def status_words(self) -> str:
        """Its status in words: colour alone never carries meaning."""
        if self.soon:
            return "valid, ends soon !"
        return f"{self.status} ({self.reason})" if self.reason and self.status == "revoked" else self.status

    @property
    def left_words(self) -> str:
        """How long it is still valid, in words."""
        from mtls_tui.simulate.certificate_facts import span  # with it comes a library that the start can do without

        words = span(timedelta(days=abs(self.days_left)))
        return f"{words} left" if self.days_left >= 0 else f"{words} ago"


@dataclass(frozen=True, slots=True)
class Store:
    """What was read from the folder of an authority. `problem` tells why there is nothing, "" when there is."""

    folder: Path
    rows: tuple[CertificateRow, ...] = ()
    problem: str = ""
    missing: bool = False
    """There is no authority yet: one can be made here."""
    encrypted: bool = False
    """Its key has a passphrase."""
    crl: str = ""
    """The revocation list in words."""
    crl_state: Literal["good", "warn", "bad"] = "good"

    @property
    def own(self) -> CertificateRow | None:
        """The authority's own certificate."""
        return next((row for row in self.rows if row.kind == "own"), None)


@dataclass(frozen=True)
class AuthorityState:
    """What the board shows: `store` is None while it is being read, `doing` says what is under way."""

    folder: Path | None = None
    store: Store | None = None
    index: int = 0
    query: str = ""
    doing: str = ""

    @cached_property
    def shown(self) -> tuple[CertificateRow, ...]:
        """The rows that the search leaves."""
        if self.store is None:
            return ()
        return found(self.store, self.query.lower()) if self.query.strip() else self.store.rows

    @property
    def row(self) -> CertificateRow | None:
        """The row under the cursor."""
        shown = self.shown
        return shown[min(self.index, len(shown) - 1)] if shown else None

    def moved(self, step: int) -> AuthorityState:
        """With the cursor moved by some rows."""
        last = max(0, len(self.shown) - 1)
        return replace(self, index=max(0, min(min(self.index, last) + step, last)))


@recent(1)
def found(store: Store, query: str) -> tuple[CertificateRow, ...]:
    """The rows that contain every word."""
    wanted = query.split()
    return tuple(row for row in store.rows if all(word in row.searched for word in wanted))


def anchor_of(row: CertificateRow, state: AuthorityState) -> Path | None:
    """The file that a host names to trust this authority; for a client's certificate, that of its issuer."""
    if state.folder is None:
        return None
    return state.folder / "foreign" / f"{row.key}.pem" if row.kind == "foreign" else state.folder / "ca.pem"


def authority_of(document: Document) -> AuthorityState:
    """The state of the board in a document."""
    return document.board_state(AuthorityState)


def trusted_by(document: Document, row: CertificateRow, state: AuthorityState) -> list[str]:
    """The hosts of the rule file that have an authority among their anchors."""
    path = anchor_of(row, state)
    file = document.content.file
    if path is None:
        return []
    wanted = path.absolute()
    if any(file.resolve(one) == wanted for one in file.anchors):
        return ["every host"]
    return [safe(host.name) for host in file.hosts if any(file.resolve(one) == wanted for one in host.anchors)]
