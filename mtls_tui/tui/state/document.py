"""Everything the program knows, in one immutable value. Actions make a new one; widgets only draw it.

`Content` is what undo covers: the rule file, rules under edit, the request of the simulator and the saved ones.
`View` is where one looks: selection, focus, what floats above. Secrets (passphrases, private keys) are never in here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar, cast

from mtls_tui.rulefile import RuleFile
from mtls_tui.rulefile.edit import update_rule
from mtls_tui.tui.state.edited_rule import EditedRule
from mtls_tui.tui.state.recent import recent

if TYPE_CHECKING:
    from mtls_tui.lang.ast import Expression
    from mtls_tui.lang.tree import Path
    from mtls_tui.rulefile import RuleEntry
    from mtls_tui.tui.state.findings import Findings
    from mtls_tui.tui.state.overlays import Overlay
    from mtls_tui.tui.state.results import Results
    from mtls_tui.tui.state.rows import BuilderRow, Part
    from mtls_tui.tui.state.textbuffer import Buffer

UNDO_LIMIT = 500
"""Steps kept; typing counts as one."""

Focus: TypeAlias = Literal["hosts", "builder", "text", "simulator"]
State = TypeVar("State")
_NO_WORK: Mapping[str, EditedRule] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Probe:
    """A request with its certificate, as the simulator has it: text throughout, so that a half-typed value is kept.

    `certificate` is a path (relative to the rule file), a role ("none", "good", …), or "" for none; `pem` holds pasted
    certificates (never a key). `at` is "" for now.
    """

    name: str = ""
    method: str = "GET"
    url: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    ip: str = ""
    at: str = ""
    certificate: str = "none"
    pem: str = ""
    overrides: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """What can be undone and is kept in the draft."""

    file: RuleFile
    edits: Mapping[str, EditedRule] = field(default_factory=lambda: _NO_WORK)
    probe: Probe = Probe()
    probes: tuple[Probe, ...] = ()


@dataclass(frozen=True, slots=True)
class ViewState:
    """Where one looks. `path` and `part` are the builder's cursor; `closing`: it is on the last line of a group.

    The list's cursor has no place of its own: it is on the rule that the builder shows (`rule`, under `host`), or on
    the line of a host (`at_host`). So list and builder can't come apart, however the list changes.
    """

    focus: Focus = "builder"
    rule: str = ""
    host: str = ""
    path: Path = ()
    part: int = 0
    closing: bool = False
    at_host: str = ""
    """The host whose line the list's cursor is on; "" when it is on the rule."""
    simulator_at: tuple[int, int] = (0, 0)
    tab: Literal["expression", "simulator"] = "expression"
    text: Buffer | None = None
    """The expression being edited as text."""
    completion: int = 0
    completing: bool = False
    tops: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    theme: str = "dark"
    mouse: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """A state to go back to, what was done from it, and the key under which further typing joins it."""

    content: Content
    view: ViewState
    title: str
    merge: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A line for the user: `note`, `good` or `bad`."""

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
    """What the gateway's status says: the digest that it runs, or why it can't be asked."""

    digest: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """The whole state."""

    content: Content
    view: ViewState = ViewState()
    overlay: Overlay | None = None
    past: tuple[Step, ...] = ()
    future: tuple[Step, ...] = ()
    notice: Notice | None = None
    results: Results | None = None
    findings: Findings | None = None
    """What lint found last, None before it has run; it may be about an older content."""
    saved: Content | None = None
    """What is on disk, None when nothing is."""
    changed_on_disk: bool = False
    deployed: Deployed | None = None
    """What is exported beside the file, None when nothing is known of it."""
    gateway: Gateway | None = None
    """What the gateway says, None when it isn't asked."""
    board: str = ""
    """What covers the panes, "" for nothing (see `registry.boards`)."""
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
        """The selected rule's expression, muted clauses in it; None when there is none to show as rows."""
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
        """Whether the file on disk lacks something. A new file in which nothing was done yet lacks nothing."""
        from mtls_tui.rulefile.seeds import EMPTY

        if self.saved is None:
            return self.content.file.text != EMPTY
        return not is_saved(self.content, self.saved)

    def board_state(self, kind: type[State]) -> State:
        """The state of a board; as it is made when it was never open."""
        return cast(State, self.boards.get(kind) or kind())

    # --- making the next one -------------------------------------------------------------------------------------

    def with_view(self, **changes: object) -> Document:
        """The same content, looked at differently."""
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
        """With a line for the user."""
        return replace(self, notice=Notice(text, kind))

    def with_content(self, content: Content, title: str, merge: str = "", **view: object) -> Document:
        """With other content: one step of undo, or more of the last one when both have the same merge key."""
        if same_text(content, self.content):
            return self.with_view(**view)
        joined = bool(merge) and bool(self.past) and self.past[-1].merge == merge and not self.future
        past = self.past if joined else (*self.past, Step(self.content, self.view, title, merge))[-UNDO_LIMIT:]
        new = replace(self, content=content, past=past, future=(), notice=None)
        return replace(new, view=replace(new.view, **view)) if view else new  # type: ignore[arg-type]


def edited_rule_of(content: Content, ref: str) -> EditedRule:
    """A rule's expression under edit; made from the file when it isn't being edited yet."""
    known = content.edits.get(ref)
    if known is not None:
        return known
    index = content.file.index_of(ref)
    return _from_file(content.file, index)


def same_text(one: Content, other: Content) -> bool:
    """Whether two contents say the same, down to the letter."""
    if one is other:
        return True
    if (one.file is not other.file and one.file.text != other.file.text) or one.probe != other.probe:
        return False
    if one.probes != other.probes:
        return False
    known = {rule.ref for rule in one.file.rules}
    for ref in one.edits.keys() | other.edits.keys():
        if one.edits.get(ref) is other.edits.get(ref):
            continue
        if ref not in known:
            return False
        mine, theirs = edited_rule_of(one, ref), edited_rule_of(other, ref)
        if mine.broken != theirs.broken or mine.muted != theirs.muted:
            return False
        if (mine.full.text if mine.full else "") != (theirs.full.text if theirs.full else ""):
            return False
    return True


def is_saved(content: Content, saved: Content) -> bool:
    """Whether the file says all of a content; cheaper than `with_edits_written`, since it writes no text."""
    if content.file is not saved.file and content.file.text != saved.file.text:
        return False
    known = {rule.ref: rule.expression for rule in content.file.rules}
    return all(edited.text == known[ref] for ref, edited in content.edits.items() if ref in known)


def says_other(one: Content, other: Content) -> bool:
    """Whether two contents differ in what a file of them would say: a rule, a host, a list or a test."""
    if one.file is not other.file and one.file.text != other.file.text:
        return True
    refs = one.edits.keys() | other.edits.keys()
    known = {rule.ref for rule in one.file.rules} if refs else set()
    return any(
        edited_rule_of(one, ref).text != edited_rule_of(other, ref).text
        for ref in refs & known
        if one.edits.get(ref) is not other.edits.get(ref)
    )


@recent(64)
def _from_file(file: RuleFile, index: int) -> EditedRule:
    expression = file.expressions[index]
    return _unchecked(file, index) if expression is None else EditedRule(expression)


def _unchecked(file: RuleFile, index: int) -> EditedRule:
    """A rule that has a problem: as rows where it can be read at all (a wrong name, too long), else as text."""
    from mtls_tui import lang

    text = file.rules[index].expression
    try:
        return EditedRule(lang.parse(text, max_length=None, check=False))
    except lang.ParseError as error:
        return EditedRule(None, broken=text, error=error.diagnostic)


def with_edited_rule(content: Content, ref: str, edited: EditedRule) -> Content:
    """The content with a rule's expression under edit replaced."""
    return replace(content, edits=MappingProxyType({**content.edits, ref: edited}))


@recent(4)
def with_edits_written(content: Content) -> Content:
    """The content with all edits written into the rule file's text; muted clauses stay under edit only."""
    file = content.file
    kept: dict[str, EditedRule] = {}
    for ref, edited in content.edits.items():
        try:
            index = file.index_of(ref)
        except KeyError:
            continue
        if edited.text != file.rules[index].expression:
            file = update_rule(file, index, expression=edited.text)
        if edited.muted:
            kept[ref] = edited
    return replace(content, file=file, edits=MappingProxyType(kept))


def with_file(content: Content, file: RuleFile) -> Content:
    """The content with another rule file; rules that are gone are no longer under edit."""
    refs = {rule.ref for rule in file.rules}
    kept = {ref: edited for ref, edited in content.edits.items() if ref in refs}
    return replace(content, file=file, edits=MappingProxyType(kept))
