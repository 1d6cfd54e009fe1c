"""Edits of rows: replace, insert, add, remove, duplicate, negate. See `edit`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from mtls_tui.lang.ast import Comparison, Expression, Logical, LogicalOperator, Not, Span, Test
from mtls_tui.lang.diagnostics import ParseError
from mtls_tui.lang.splice import (
    Composer,
    Fragment,
    NewRow,
    as_fragment,
    bare,
    fragment,
    inside,
    joined,
    new_piece,
    parent_of,
    parse,
    pieces,
    put,
    put_group,
    row_path,
    with_text,
)
from mtls_tui.lang.tree import EXPRESSIONS, Path, clause_path, extent, is_expression, node_at


@dataclass(frozen=True, slots=True)
class Edit:
    """A done edit: the new expression, and where what was edited stands in it."""

    expression: Expression
    path: Path


@dataclass(frozen=True, slots=True)
class Refusal:
    """An edit that can't be done, and why, in words for the user."""

    reason: str


EditResult: TypeAlias = "Edit | Refusal"


def replace_row(expression: Expression, path: Path, part: NewRow) -> EditResult:
    """Another row (or group) in the place of this one; a group gets parentheses where it needs them."""
    expression = with_text(expression)
    try:
        new = as_fragment(part)
    except ParseError as error:
        return Refusal(_why(error))
    if not is_expression(node_at(expression, path)):
        return Refusal("only a whole row can be replaced by a row")
    bare = isinstance(new.node, Logical) and new.node.parens == 0
    return Edit(put(expression, path, new, pair=bare and bool(path)), path)


def replace_part(expression: Expression, path: Path, text: str) -> EditResult:
    """Another text for a part of a row: a field, an argument, a literal, a set, a key.

    The row is read again; refused when it would no longer be one row, or no row at all.
    """
    expression = with_text(expression)
    target = node_at(expression, path)
    if is_expression(target):
        return replace_row(expression, path, text)
    span = extent(target)
    return replace_span(expression, path, span, text)


def replace_span(expression: Expression, path: Path, span: Span, text: str) -> EditResult:
    """Another text for a stretch of the row that the node at `path` belongs to."""
    clause = clause_path(expression, path)
    node = node_at(expression, clause)
    assert node.span is not None
    whole = expression.text
    new = whole[node.span.start : span.start] + text + whole[span.end : node.span.end]
    try:
        root = parse(new).root
    except ParseError as error:
        return Refusal(_why(error))
    if not isinstance(root, Comparison | Test) or root.parens:
        return Refusal("this would make more than one row of it: write it as text, or quote the value")
    return Edit(put_group(expression, clause, "and", [(new, root, 0, False)], []), path)


def _why(error: ParseError) -> str:
    found = error.diagnostic
    return f"{found.message}: {found.hint}" if found.hint else found.message


def insert(expression: Expression, group: Path, index: int, part: NewRow) -> EditResult:
    """A new row in a group, before the item `index` (or at the end)."""
    expression = with_text(expression)
    target = node_at(expression, group)
    if not isinstance(target, Logical):
        return Refusal("rows can be put into a group only")
    try:
        new = as_fragment(part)
    except ParseError as error:
        return Refusal(_why(error))
    index = max(0, min(index, len(target.items)))
    parts, seps = pieces(expression, target)
    like = seps[min(max(index - 1, 0), len(seps) - 1)]
    parts.insert(index, new_piece(new))
    seps.insert(max(index - 1, 0) if index else 0, like)
    return Edit(put_group(expression, group, target.operator, parts, seps), (*group, index))


def add_after(expression: Expression, path: Path, part: NewRow, join: LogicalOperator | None = None) -> EditResult:
    """A new row after this one, joined by `join` (as its group is, when None; `and` when it stands alone).

    Where the group is joined by something else, this row and the new one become a group of their own.
    """
    expression = with_text(expression)
    path = row_path(expression, path)
    parent = parent_of(expression, path)
    if isinstance(parent, Logical) and join in (None, parent.operator):
        return insert(expression, path[:-1], path[-1] + 1, part)
    target = node_at(expression, path)
    if not isinstance(target, EXPRESSIONS):
        return Refusal("a row can be added after a row only")
    try:
        new = as_fragment(part)
    except ParseError as error:
        return Refusal(_why(error))
    join = join or "and"
    if isinstance(target, Logical) and target.operator == join:
        return insert(expression, path, len(target.items), new)
    if isinstance(target, Logical) or (parent is not None and not target.parens):
        text, node = joined(fragment(expression, path), new, join)
        return Edit(put(expression, path, Fragment(text, node), pair=parent is not None), (*path, 1))
    assert target.span is not None  # the pair that the row has becomes the group's
    old = (expression.text[target.span.start : target.span.end], bare(target), target.span.start, False)
    return Edit(put_group(expression, path, join, [old, new_piece(new)], [f" {join} "]), (*path, 1))


def remove(expression: Expression, path: Path) -> EditResult:
    """The expression without this row and the `not`s before it; a group left with one row is that row.

    `path` of the answer is the row that now stands in its place, or the last one before it.
    """
    expression = with_text(expression)
    path = row_path(expression, path)
    if not path:
        return Refusal("a rule needs at least one row; to match every request write `true`")
    group = path[:-1]
    parent = node_at(expression, group)
    if not isinstance(parent, Logical):
        return Refusal("this is part of a row: remove the row, or edit it")
    index = path[-1]
    parts, seps = pieces(expression, parent)
    del parts[index]
    del seps[max(index - 1, 0)]
    done = put_group(expression, group, parent.operator, parts, seps)
    return Edit(done, group if len(parts) == 1 else (*group, min(index, len(parts) - 1)))


def duplicate(expression: Expression, path: Path) -> EditResult:
    """A copy of the row, right after it; the answer's path is the copy's."""
    expression = with_text(expression)
    path = row_path(expression, path)
    target = node_at(expression, path)
    if not isinstance(target, EXPRESSIONS):
        return Refusal("only a whole row can be duplicated")
    parent = parent_of(expression, path)
    if path and not isinstance(parent, Logical):
        return Refusal("this is part of a row: duplicate the row")
    copy = fragment(expression, path)
    if isinstance(target, Logical) and not path:
        text, node = joined(copy, copy, "and")
        return Edit(put(expression, path, Fragment(text, node), pair=False), (1,))
    if not path and target.parens:
        copy = inside(expression, path)
    return add_after(expression, path, copy)


def negate(expression: Expression, path: Path) -> EditResult:
    """`not` before this row, or gone where it is. The answer's path is the row's, with its `not`."""
    expression = with_text(expression)
    target = node_at(expression, path)
    if not isinstance(target, EXPRESSIONS):
        return Refusal("only a whole row can be negated")
    if isinstance(parent_of(expression, path), Not):
        path = path[:-1]
        target = node_at(expression, path)
    if isinstance(target, Not):
        inner = fragment(expression, (*path, 0))
        return Edit(put_group(expression, path, "and", [(inner.text, inner.node, 0, False)], []), path)
    assert isinstance(target, EXPRESSIONS) and target.span is not None
    grouped = isinstance(target, Logical)
    # `(a)` becomes `(not a)`, as the builder writes it
    old = fragment(expression, path) if grouped or not target.parens else inside(expression, path)
    composer = Composer(0, "")
    composer.add("not ")
    item = composer.place(old.text, old.node, 0, pair=grouped and target.parens == 0)
    span = Span(0, composer.position)
    new = Fragment(composer.text, Not(item, "not", span))
    if grouped or not target.parens:
        return Edit(put(expression, path, new, pair=False), path)
    return Edit(put_group(expression, path, "and", [(new.text, new.node, 0, False)], []), path)
