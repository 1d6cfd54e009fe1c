"""Moving rows, through the borders of groups. See `edit`."""

from __future__ import annotations

from mtls_tui.lang.ast import Expression, Logical, Not
from mtls_tui.lang.edit_rows import Edit, EditResult, Refusal, insert, remove
from mtls_tui.lang.splice import fragment, parent_of, row_path, with_text
from mtls_tui.lang.tree import Path, node_at


def move(expression: Expression, path: Path, group: Path, index: int) -> EditResult:
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


def move_down(expression: Expression, path: Path) -> EditResult:
    """One row down: past the next row, into the next group, or out of its own group at the end."""
    return _shift(with_text(expression), path, 1)


def move_up(expression: Expression, path: Path) -> EditResult:
    """One row up: past the row before, into the group before, or out of its own group at the start."""
    return _shift(with_text(expression), path, -1)


def _shift(expression: Expression, path: Path, step: int) -> EditResult:
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


def _leave(expression: Expression, path: Path, step: int) -> EditResult:
    outside = row_path(expression, path[:-1])
    if not outside or not isinstance(parent_of(expression, outside), Logical):
        return Refusal("this is the last row already" if step > 0 else "this is the first row already")
    return move(expression, path, outside[:-1], outside[-1] + (1 if step > 0 else 0))
