"""Edits of an expression for the visual builder: pure functions that give a new expression, or a reason why not.

What an edit doesn't touch comes back byte for byte: the new text is spliced from the old one, so notation, spaces, line
breaks, redundant parentheses and forms of literals stay, and nothing but the new part is parsed. The result is the
same as parsing the new text, spans included.

Rows are addressed by path (see `tree`). An edit answers with an `Edit`, whose `path` leads to what was edited, or with
a `Refusal`. New parts are given as text, as a node, or as a `Fragment` cut from an expression. Edits don't check types:
a row may be wrong while it is being edited, and `check` says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from mtls_tui.lang.ast import Call, Comparison, Expression, Logical, LogicalOperator, Not, Set, Span, Test
from mtls_tui.lang.diagnostics import ParseError
from mtls_tui.lang.splice import (
    PRECEDENCE,
    Composer,
    Fragment,
    Part,
    as_fragment,
    bare,
    fragment,
    inside,
    joined,
    needs_pair,
    new_piece,
    parent_of,
    parse,
    peeled,
    pieces,
    put,
    put_group,
    row_path,
    separator,
    with_text,
)
from mtls_tui.lang.tree import EXPRESSIONS, Path, clause_path, extent, is_expression, node_at, source

__all__ = [
    "Edit",
    "Fragment",
    "Part",
    "Refusal",
    "Result",
    "add_after",
    "add_item",
    "duplicate",
    "fragment",
    "insert",
    "move",
    "move_down",
    "move_up",
    "negate",
    "remove",
    "remove_item",
    "replace_part",
    "replace_row",
    "set_join",
    "source",
    "toggle_join",
    "unwrap",
    "with_text",
    "wrap",
]


@dataclass(frozen=True, slots=True)
class Edit:
    """A done edit: the new expression, and where what was edited stands in it."""

    expression: Expression
    path: Path


@dataclass(frozen=True, slots=True)
class Refusal:
    """An edit that can't be done, and why, in words for the user."""

    reason: str


Result: TypeAlias = "Edit | Refusal"
# --- rows ---------------------------------------------------------------------------------------------------------


def replace_row(expression: Expression, path: Path, part: Part) -> Result:
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


def replace_part(expression: Expression, path: Path, text: str) -> Result:
    """Another text for a part of a row: a field, an argument, a literal, a set, a key.

    The row is read anew; refused when it would no longer be one row, or no row at all.
    """
    expression = with_text(expression)
    target = node_at(expression, path)
    if is_expression(target):
        return replace_row(expression, path, text)
    span = extent(target)
    return _replace_span(expression, path, span, text)


def _replace_span(expression: Expression, path: Path, span: Span, text: str) -> Result:
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


def insert(expression: Expression, group: Path, index: int, part: Part) -> Result:
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


def add_after(expression: Expression, path: Path, part: Part, join: LogicalOperator | None = None) -> Result:
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


def remove(expression: Expression, path: Path) -> Result:
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


def duplicate(expression: Expression, path: Path) -> Result:
    """The same row once more, right after it; the answer's path is the copy's."""
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


def negate(expression: Expression, path: Path) -> Result:
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


# --- groups -------------------------------------------------------------------------------------------------------


def set_join(expression: Expression, path: Path, operator: LogicalOperator) -> Result:
    """Joins all rows of a group by another operator; notation and spaces stay."""
    expression = with_text(expression)
    group = node_at(expression, path)
    if not isinstance(group, Logical):
        return Refusal("only a group has a join: add a second row first")
    if group.operator == operator:
        return Edit(expression, path)
    parts, seps = pieces(expression, group)
    parts = [(text, node, origin, needs_pair(node, operator)) for text, node, origin, _ in parts]
    seps = [separator(operator, sep) for sep in seps]
    parent = parent_of(expression, path)
    done = put_group(expression, path, operator, parts, seps)
    if group.parens == 0 and isinstance(parent, Logical) and PRECEDENCE[operator] >= PRECEDENCE[parent.operator]:
        done = put(done, path, fragment(done, path), pair=True)
    return Edit(done, path)


def toggle_join(expression: Expression, path: Path, *, xor: bool = False) -> Result:
    """`and` becomes `or` and back; with `xor`, `or` leads on to `xor` first."""
    group = node_at(expression, path)
    if not isinstance(group, Logical):
        return Refusal("only a group has a join: add a second row first")
    following: dict[str, LogicalOperator] = {"and": "or", "or": "xor" if xor else "and", "xor": "and"}
    return set_join(expression, path, following[group.operator])


def wrap(expression: Expression, path: Path, count: int = 1, operator: LogicalOperator | None = None) -> Result:
    """Puts `count` rows from this one on into a group of their own, joined by `operator` (as now, when None).

    One row, or all rows of a group, get a pair of parentheses.
    """
    expression = with_text(expression)
    path = row_path(expression, path)
    target = node_at(expression, path)
    if not isinstance(target, EXPRESSIONS):
        return Refusal("only rows can be wrapped")
    parent = parent_of(expression, path)
    if isinstance(parent, Logical) and 1 < count < len(parent.items):
        return _wrap_some(expression, path, parent, count, operator or parent.operator)
    if count > 1 and isinstance(parent, Logical):
        path, target = path[:-1], parent
    if target.parens:
        return Refusal("this stands in parentheses already")
    done = put(expression, path, fragment(expression, path), pair=True)
    if operator and isinstance(target, Logical):
        return set_join(done, path, operator)
    return Edit(done, path)


def _wrap_some(expression: Expression, path: Path, parent: Logical, count: int, operator: LogicalOperator) -> Result:
    first = path[-1]
    if first + count > len(parent.items):
        return Refusal("there are not so many rows below this one")
    parts, seps = pieces(expression, parent)
    inner, joins = parts[first : first + count], seps[first : first + count - 1]
    start = inner[0][2]
    composer = Composer(start, "(")
    items = []
    for place, (text, node, origin, _) in enumerate(inner):
        if place:
            composer.add(separator(operator, joins[place - 1]))
        items.append(composer.place(text, node, origin, pair=needs_pair(node, operator)))
    span = Span(start, composer.position)
    symbols = tuple(separator(operator, join).strip() for join in joins)
    group = Logical(operator, tuple(items), symbols, span)
    parts[first : first + count] = [(composer.text, group, start, True)]
    del seps[first : first + count - 1]
    return Edit(put_group(expression, path[:-1], parent.operator, parts, seps), path)


def unwrap(expression: Expression, path: Path) -> Result:
    """Takes a group's rows out into the group around it, joined as that one is; or a pair of parentheses off a row."""
    expression = with_text(expression)
    target = node_at(expression, path)
    if not isinstance(target, EXPRESSIONS):
        return Refusal("only a group can be unwrapped")
    parent = parent_of(expression, path)
    if isinstance(target, Logical) and isinstance(parent, Logical):
        return _dissolve(expression, path, target, parent)
    if target.parens == 0:
        return Refusal("there is nothing to unwrap")
    if isinstance(target, Logical) and isinstance(parent, Not) and target.parens == 1:
        return Refusal("the group stands under `not`: take the `not` away first")
    if isinstance(target, Logical) and isinstance(parent, Call) and target.parens == 1:
        return Refusal(f"`{parent.name}` needs the parentheses")
    return Edit(put(expression, path, peeled(expression, path), pair=False), path)


def _dissolve(expression: Expression, path: Path, group: Logical, parent: Logical) -> Result:
    parts, seps = pieces(expression, parent)
    inner, joins = pieces(expression, group)
    operator, index = parent.operator, path[-1]
    inner = [(text, node, origin, needs_pair(node, operator)) for text, node, origin, _ in inner]
    joins = [separator(operator, join) for join in joins]
    parts[index : index + 1] = inner
    seps[index:index] = joins
    return Edit(put_group(expression, path[:-1], operator, parts, seps), path)


# --- moving -------------------------------------------------------------------------------------------------------


def move(expression: Expression, path: Path, group: Path, index: int) -> Result:
    """Takes a row out and puts it into a group before its item `index` (counted before the row is taken out)."""
    expression = with_text(expression)
    path = row_path(expression, path)
    target = node_at(expression, group)
    if not path or not isinstance(parent_of(expression, path), Logical):
        return Refusal("this row can't leave its place")
    if not isinstance(target, Logical):
        return Refusal("rows can be put into a group only")
    if group[: len(path)] == path:
        return Refusal("a group can't go into itself")
    index = max(0, min(index, len(target.items)))
    if group == path[:-1] and index in (path[-1], path[-1] + 1):
        return Edit(expression, path)
    inserted = insert(expression, group, index, fragment(expression, path))
    if isinstance(inserted, Refusal):
        return inserted
    depth = len(group)
    old = path
    if len(path) > depth and path[:depth] == group and path[depth] >= index:
        old = (*path[:depth], path[depth] + 1, *path[depth + 1 :])
    removed = remove(inserted.expression, old)
    if isinstance(removed, Refusal):
        return removed
    return Edit(removed.expression, _after_removal(inserted.expression, old, inserted.path))


def _after_removal(expression: Expression, removed: Path, path: Path) -> Path:
    """Where the node at `path` is once the row at `removed` is gone."""
    group, index = removed[:-1], removed[-1]
    depth = len(group)
    if path[:depth] != group or len(path) <= depth:
        return path
    parent = node_at(expression, group)
    assert isinstance(parent, Logical)
    if len(parent.items) == 2:
        return group + path[depth + 1 :]
    place = path[depth] - (1 if path[depth] > index else 0)
    return (*group, place, *path[depth + 1 :])


def move_down(expression: Expression, path: Path) -> Result:
    """One row down: past the next row, into the next group, or out of its own group at the end."""
    return _shift(with_text(expression), path, 1)


def move_up(expression: Expression, path: Path) -> Result:
    """One row up: past the row before, into the group before, or out of its own group at the start."""
    return _shift(with_text(expression), path, -1)


def _shift(expression: Expression, path: Path, step: int) -> Result:
    path = row_path(expression, path)
    parent = parent_of(expression, path)
    if not isinstance(parent, Logical):
        return Refusal("there is no other row")
    group, index = path[:-1], path[-1]
    following = index + step
    if not 0 <= following < len(parent.items):
        return _leave(expression, path, step)
    inside = (*group, following)
    while isinstance(node_at(expression, inside), Not):
        inside = (*inside, 0)
    neighbour = node_at(expression, inside)
    if isinstance(neighbour, Logical):
        return move(expression, path, inside, 0 if step > 0 else len(neighbour.items))
    return move(expression, path, group, index + 2 if step > 0 else index - 1)


def _leave(expression: Expression, path: Path, step: int) -> Result:
    outside = row_path(expression, path[:-1])
    if not outside or not isinstance(parent_of(expression, outside), Logical):
        return Refusal("this is the last row already" if step > 0 else "this is the first row already")
    return move(expression, path, outside[:-1], outside[-1] + (1 if step > 0 else 0))


# --- sets ---------------------------------------------------------------------------------------------------------


def add_item(expression: Expression, path: Path, text: str, index: int | None = None) -> Result:
    """A literal more in the set at `path`, before item `index` or at the end; the others stay as they are."""
    expression = with_text(expression)
    target = node_at(expression, path)
    if not isinstance(target, Set):
        return Refusal("only a set has items")
    assert target.span is not None
    count = len(target.items)
    place = count if index is None else max(0, min(index, count))
    if not count:
        at, new = target.span.end - 1, text
    elif place < count:
        at, new = extent(target.items[place]).start, f"{text} "
    else:
        at, new = extent(target.items[-1]).end, f" {text}"
    done = _replace_span(expression, path, Span(at, at), new)
    return Edit(done.expression, (*path, place)) if isinstance(done, Edit) else done


def remove_item(expression: Expression, path: Path) -> Result:
    """The set without the item at `path`; an empty set matches nothing. The answer's path is the set's."""
    expression = with_text(expression)
    parent = parent_of(expression, path)
    if not isinstance(parent, Set):
        return Refusal("this is no item of a set")
    index = path[-1]
    if not 0 <= index < len(parent.items):
        return Refusal("the set has no such item")
    span = extent(parent.items[index])
    if index:
        span = Span(extent(parent.items[index - 1]).end, span.end)
    elif len(parent.items) > 1:
        span = Span(span.start, extent(parent.items[1]).start)
    done = _replace_span(expression, path, span, "")
    return Edit(done.expression, path[:-1]) if isinstance(done, Edit) else done
