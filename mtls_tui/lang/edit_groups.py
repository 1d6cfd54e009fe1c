"""Edits of groups: join, wrap, unwrap. See `edit`."""

from __future__ import annotations

from mtls_tui.lang.ast import Call, Expression, Logical, LogicalOperator, Not, Span
from mtls_tui.lang.edit_rows import Edit, EditResult, Refusal
from mtls_tui.lang.splice import (
    PRECEDENCE,
    Composer,
    fragment,
    needs_pair,
    parent_of,
    peeled,
    pieces,
    put,
    put_group,
    row_path,
    separator,
    with_text,
)
from mtls_tui.lang.tree import EXPRESSIONS, Path, node_at


def set_join(expression: Expression, path: Path, operator: LogicalOperator) -> EditResult:
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


def toggle_join(expression: Expression, path: Path, *, xor: bool = False) -> EditResult:
    """`and` becomes `or` and back; with `xor`, `or` leads on to `xor` first."""
    group = node_at(expression, path)
    if not isinstance(group, Logical):
        return Refusal("only a group has a join: add a second row first")
    following: dict[str, LogicalOperator] = {"and": "or", "or": "xor" if xor else "and", "xor": "and"}
    return set_join(expression, path, following[group.operator])


def wrap(expression: Expression, path: Path, count: int = 1, operator: LogicalOperator | None = None) -> EditResult:
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


def _wrap_some(
    expression: Expression, path: Path, parent: Logical, count: int, operator: LogicalOperator
) -> EditResult:
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


def unwrap(expression: Expression, path: Path) -> EditResult:
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


def _dissolve(expression: Expression, path: Path, group: Logical, parent: Logical) -> EditResult:
    parts, seps = pieces(expression, parent)
    inner, joins = pieces(expression, group)
    operator, index = parent.operator, path[-1]
    inner = [(text, node, origin, needs_pair(node, operator)) for text, node, origin, _ in inner]
    joins = [separator(operator, join) for join in joins]
    parts[index : index + 1] = inner
    seps[index:index] = joins
    return Edit(put_group(expression, path[:-1], operator, parts, seps), path)
