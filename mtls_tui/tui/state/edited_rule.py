"""A rule under edit: the expression with its muted clauses still in it, and the text where that doesn't parse.

The language has no comments, so a muted clause lives here: `full` keeps it, `effective` is what the rule says
without it, and that is all the engine, the file and the bundle ever see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from mtls_tui.lang import edit
from mtls_tui.lang.ast import Expression, Logical, Not
from mtls_tui.lang.diagnostics import Diagnostic
from mtls_tui.lang.splice import row_path
from mtls_tui.lang.tree import Node, Path, extent, node_at, walk


@dataclass(frozen=True, eq=False)
class EditedRule:
    """One rule's expression as it is being edited.

    `broken` is a text that does not parse (then `full` is the last one that did, or None); `full` has a text.
    """

    full: Expression | None
    muted: frozenset[Path] = frozenset()
    broken: str | None = None
    error: Diagnostic | None = field(default=None, compare=False)
    """The diagnostic of `broken`."""
    unread: bool = False
    """`broken` may have rows: only its names or types are known to be wrong yet (see `text.reading`)."""

    @cached_property
    def effective(self) -> Expression | None:
        """The expression without its muted clauses; None when there is none, or when the text doesn't parse."""
        if self.broken is not None or self.full is None:
            return None
        return without(self.full, self.muted)

    @property
    def text(self) -> str:
        """The text that goes into the file."""
        if self.broken is not None:
            return self.broken
        return self.effective.text if self.effective else ""


def read(text: str) -> Expression | Diagnostic:
    """The expression of a text of any length, or what is wrong with it, names and types included."""
    from mtls_tui import lang

    try:
        return lang.parse(text, max_length=None)
    except lang.ParseError as error:
        return error.diagnostic


AT_ONCE = 400
"""Characters up to which an invalid text is parsed into rows at once, which takes some milliseconds."""


def parsed(text: str, before: EditedRule | None = None, *, at_once: bool = True) -> EditedRule:
    """A text as a rule under edit; `before` is the rule with the text before.

    A long text that isn't right is not read for its rows unless `at_once`: at 4,000 characters that takes 50 ms or
    more, and the next key would wait for it. What is right is read in 2 ms.
    """
    from mtls_tui import lang

    full = before.full if before is not None else None
    later = not at_once and len(text) > AT_ONCE
    try:
        expression = lang.parse(text, max_length=None, check=later)
    except lang.ParseError as error:
        return EditedRule(full, frozenset(), text, error.diagnostic, unread=later)
    if before is not None and full is not None and before.muted:
        return EditedRule(expression, relocate(full, expression, before.muted))
    return EditedRule(expression)


def normal(expression: Expression, muted: frozenset[Path]) -> frozenset[Path]:
    """The same muting with the fewest paths: a group whose rows are all muted is muted itself."""
    found = {path for path in muted if not any(path[:length] in muted for length in range(len(path)))}
    changed = True
    while changed:
        changed = False
        for group in {path[:-1] for path in found if path}:
            node = node_at(expression, group)
            below = {(*group, index) for index in range(len(node.items))} if isinstance(node, Logical) else set()
            if below and below <= found:
                found = (found - below) | {row_path(expression, group)}
                changed = True
                break
    return frozenset(found)


def without(expression: Expression, muted: frozenset[Path]) -> Expression:
    """The expression without the muted rows; the same object when there are none."""
    # Deepest first, then from the end, so that a removal never moves a row that is still to go.
    for path in sorted(normal(expression, muted), key=lambda path: (-len(path), [-index for index in path])):
        done = edit.remove(expression, path)
        if isinstance(done, edit.Refusal):
            continue
        expression = done.expression
    return expression


def muted_rows(edits: Mapping[str, EditedRule]) -> str:
    """`2 muted rows are`: how many there are (a muted group is one), for a sentence; "" when there are none."""
    count = sum(len(edited.muted) for edited in edits.values())
    return f"{count} muted row{'s are' if count > 1 else ' is'}" if count else ""


def mute(edited: EditedRule, path: Path) -> EditedRule | edit.Refusal:
    """Mute a row, or bring it back. The last active row stays: disable the rule instead."""
    assert edited.full is not None
    path = row_path(edited.full, path)
    if path in edited.muted:
        return EditedRule(edited.full, edited.muted - {path})
    for length in range(len(path)):
        if path[:length] in edited.muted:
            return edit.Refusal("the group around it is muted: unmute the group")
    muted = normal(edited.full, edited.muted | {path})
    if () in muted:
        return edit.Refusal("a rule needs at least one clause: disable the rule instead")
    return EditedRule(edited.full, muted)


def relocate(old: Expression, new: Expression, muted: frozenset[Path]) -> frozenset[Path]:
    """Where muted rows of an old expression stand in a new one, made from it by edits of the text.

    What stands before or behind the changed stretch keeps its place; within it a row is found again by being the
    same, the nearest one first. A row that is gone is no longer muted.
    """
    return relocated(old, new, muted)[0]


def relocated(old: Expression, new: Expression, muted: frozenset[Path]) -> tuple[frozenset[Path], int]:
    """As `relocate`, with the number of muted rows that were not found again."""
    if not muted or old is new:
        return muted, 0
    spans = _spans(new)
    before, after = _common(old.text, new.text)
    delta = len(new.text) - len(old.text)
    found: set[Path] = set()
    lost: list[Path] = []
    gone = 0
    for path in muted:
        node = node_at(old, path)
        span = extent(node)
        if span.end <= before:
            place = (span.start, span.end)
        elif span.start >= len(old.text) - after:
            place = (span.start + delta, span.end + delta)
        else:
            lost.append(path)
            continue
        if place in spans:
            found.add(row_path(new, spans[place]))
        else:
            lost.append(path)
    for path in lost:
        node = node_at(old, path)
        start = extent(node).start
        equal = [
            (abs(extent(other).start - start), place)
            for place, other in walk(new.root)
            if place not in found and type(other) is type(node) and other == node
        ]
        if _edited_in_place(old.root, new.root, path):
            # The row has other words, or stands in a new group now.
            within = [hit for hit in equal if hit[1][: len(path)] == path]
            found.add(row_path(new, min(within)[1]) if within else path)
        elif equal:
            found.add(row_path(new, min(equal)[1]))
        else:
            gone += 1
    return normal(new, frozenset(found)), gone


def _edited_in_place(old: Node, new: Node, path: Path) -> bool:
    """True if everything around a row is unchanged, so that it is the same row, edited."""
    for index in path:
        if isinstance(old, Logical) and isinstance(new, Logical) and len(old.items) == len(new.items):
            beside = zip(old.items, new.items, strict=True)
            if any(one != other for place, (one, other) in enumerate(beside) if place != index):
                return False
            old, new = old.items[index], new.items[index]
        elif isinstance(old, Not) and isinstance(new, Not):
            old, new = old.item, new.item
        else:
            return False
    return True


def _spans(expression: Expression) -> dict[tuple[int, int], Path]:
    """The outermost row of each stretch of text."""
    found: dict[tuple[int, int], Path] = {}
    for path, node in walk(expression.root):
        if hasattr(node, "parens"):
            span = extent(node)
            found.setdefault((span.start, span.end), path)
    return found


def _common(old: str, new: str) -> tuple[int, int]:
    """Lengths of the common beginning and of the common end (which don't overlap)."""
    shorter = min(len(old), len(new))
    before = 0
    while before < shorter and old[before] == new[before]:
        before += 1
    after = 0
    while after < shorter - before and old[-1 - after] == new[-1 - after]:
        after += 1
    return before, after
