"""Edits of the items of a set. See `edit`."""

from __future__ import annotations

from mtls_tui.lang.ast import Expression, Set, Span
from mtls_tui.lang.edit_rows import Edit, EditResult, Refusal, replace_span
from mtls_tui.lang.splice import parent_of, with_text
from mtls_tui.lang.tree import Path, extent, node_at


def add_item(expression: Expression, path: Path, text: str, index: int | None = None) -> EditResult:
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
    done = replace_span(expression, path, Span(at, at), new)
    return Edit(done.expression, (*path, place)) if isinstance(done, Edit) else done


def remove_item(expression: Expression, path: Path) -> EditResult:
    """The set without the item at `path`; an empty set matches nothing. The answer's path is the set's."""
    expression = with_text(expression)
    parent = parent_of(expression, path)
    if not isinstance(parent, Set):
        return Refusal("this is not an item of a set")
    index = path[-1]
    if not 0 <= index < len(parent.items):
        return Refusal("the set has no such item")
    span = extent(parent.items[index])
    if index:
        span = Span(extent(parent.items[index - 1]).end, span.end)
    elif len(parent.items) > 1:
        span = Span(span.start, extent(parent.items[1]).start)
    done = replace_span(expression, path, span, "")
    return Edit(done.expression, path[:-1]) if isinstance(done, Edit) else done
