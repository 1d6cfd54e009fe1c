"""Everything the program knows, in one immutable value. Actions make a new one; widgets only draw it.

`Content` is what undo covers, `ViewState` where one looks. Secrets (passphrases, private keys) are never in here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeVar, cast

from mtls_tui.tui.state.content import Content, edited_rule_of, is_saved, same_text
from mtls_tui.tui.state.edited_rule import EditedRule
from mtls_tui.tui.state.view_state import Step, ViewState

if TYPE_CHECKING:
    from mtls_tui.lang.ast import Expression
    from mtls_tui.rulefile import RuleEntry
    from mtls_tui.tui.state.findings import Findings
    from mtls_tui.tui.state.overlays import Overlay
    from mtls_tui.tui.state.properties import Properties
    from mtls_tui.tui.state.results import Results
    from mtls_tui.tui.state.rows import BuilderRow, Part

UNDO_LIMIT = 500
"""Most steps of undo; continuous typing counts as one."""

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Notice:
    """A message for the user: `note`, `good` or `bad`."""

    text: str
    kind: Literal["note", "good", "bad"] = "note"


@dataclass(frozen=True, slots=True)
class Deployed:
    """The bundle beside the rule file: its digest (with `sha256:`), and how many things the saved file changes.

    `file_digest` is the SHA-256 of the whole file, which is what a gateway's status may name.
    """

    digest: str
    changes: int = 0
    file_digest: str = ""

    @property
    def short(self) -> str:
        """The start of the digest."""
        return self.digest.removeprefix("sha256:")[:7]


@dataclass(frozen=True, slots=True)
class Gateway:
    """The digest that the gateway runs, or why it can't be asked."""

    digest: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """The whole state of the program, but for secrets."""

    content: Content
    view: ViewState = field(default_factory=ViewState)
    overlay: Overlay | None = None
    past: tuple[Step, ...] = ()
    future: tuple[Step, ...] = ()
    notice: Notice | None = None
    results: Results | None = None
    findings: Findings | None = None
    """What lint found last, None before it has run; it may be about an older content."""
    properties: Properties | None = None
    """What was proved of the stated properties last, None where nothing is known; it may be about an older content."""
    saved: Content | None = None
    """What is on disk, None when nothing is."""
    changed_on_disk: bool = False
    deployed: Deployed | None = None
    """What is exported beside the file, None when nothing is known of it."""
    gateway: Gateway | None = None
    """What the gateway says, None when it isn't asked."""
    board: str = ""
    """The open board, "" for none (see `registry.boards`)."""
    boards: Mapping[type, object] = field(default_factory=lambda: MappingProxyType({}))
    """The state of every board that was open, by its type."""

    # --- what is selected ----------------------------------------------------------------------------------------

    @property
    def rule_index(self) -> int | None:
        """The position of the selected rule."""
        for index, rule in enumerate(self.content.file.rules):
            if rule.ref == self.view.rule:
                return index
        return None

    @property
    def rule(self) -> RuleEntry | None:
        """The selected rule."""
        index = self.rule_index
        return None if index is None else self.content.file.rules[index]

    @property
    def edited_rule(self) -> EditedRule | None:
        """The selected rule's expression under edit."""
        return None if self.rule is None else edited_rule_of(self.content, self.view.rule)

    @property
    def expression(self) -> Expression | None:
        """The selected rule's expression with its muted clauses; None if it can't be shown as rows."""
        edited = self.edited_rule
        return None if edited is None or edited.broken is not None else edited.full

    @property
    def rows(self) -> tuple[BuilderRow, ...]:
        """The rows of the builder."""
        from mtls_tui.tui.state.rows import rows_of

        edited = self.edited_rule
        if edited is None or edited.full is None or edited.broken is not None:
            return ()
        return rows_of(edited.full, edited.muted)

    @property
    def row_index(self) -> int:
        """The builder's cursor as an index into `rows`."""
        rows = self.rows
        if not rows:
            return 0
        from mtls_tui.tui.state.rows import row_at

        wanted = "close" if self.view.closing else "open"
        for index, row in enumerate(rows):
            if row.path == self.view.path and row.kind in {"clause", wanted}:
                return index
        return row_at(rows, self.view.path)

    @property
    def row(self) -> BuilderRow | None:
        """The row under the cursor."""
        rows = self.rows
        return rows[self.row_index] if rows else None

    @property
    def part(self) -> Part | None:
        """The part of the row under the cursor."""
        row = self.row
        if row is None or not row.editable:
            return None
        return row.editable[min(self.view.part, len(row.editable) - 1)]

    @property
    def unsaved(self) -> bool:
        """True if the file on disk lacks something; a new file without any edit lacks nothing."""
        from mtls_tui.rulefile.seeds import EMPTY

        if self.saved is None:
            return self.content.file.text != EMPTY
        return not is_saved(self.content, self.saved)

    def board_state(self, kind: type[State]) -> State:
        """The state of a board; the default if it was never open."""
        return cast(State, self.boards.get(kind) or kind())

    # --- making the next one -------------------------------------------------------------------------------------

    def with_view(self, **changes: object) -> Document:
        """With fields of the view changed and the notice cleared."""
        return replace(self, view=replace(self.view, **changes), notice=None)  # type: ignore[arg-type]

    def scrolled_to(self, tops: Mapping[str, int]) -> Document:
        """With these scroll positions."""
        if tops == dict(self.view.tops):
            return self
        return replace(self, view=replace(self.view, tops=MappingProxyType(dict(tops))))

    def with_board(self, state: object, **changes: object) -> Document:
        """With the state of a board; `changes` are fields of the document."""
        boards = MappingProxyType({**self.boards, type(state): state})
        return replace(self, boards=boards, **changes)  # type: ignore[arg-type]

    def with_notice(self, text: str, kind: Literal["note", "good", "bad"] = "note") -> Document:
        """With a message for the user."""
        return replace(self, notice=Notice(text, kind))

    def with_content(self, content: Content, title: str, merge: str = "", **view: object) -> Document:
        """With other content, as a step of undo; steps with the same merge key become one."""
        if same_text(content, self.content):
            return self.with_view(**view)
        joined = bool(merge) and bool(self.past) and self.past[-1].merge == merge and not self.future
        past = self.past if joined else (*self.past, Step(self.content, self.view, title, merge))[-UNDO_LIMIT:]
        new = replace(self, content=content, past=past, future=(), notice=None)
        return replace(new, view=replace(new.view, **view)) if view else new  # type: ignore[arg-type]
