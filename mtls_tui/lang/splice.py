"""Splicing: a row's text and node put into an expression, everything else byte for byte where it was.

The new tree is the old one with the spans behind the change moved, so an edit costs no parsing of what it doesn't
touch, and still equals `parse(text)` with all spans. `edit` builds on this; nothing here knows what an edit is for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

from mtls_tui.lang import formatter
from mtls_tui.lang.ast import Call, Comparison, Expr, Expression, Logical, LogicalOperator, Not, Span, Test
from mtls_tui.lang.tree import EXPRESSIONS, Node, Path, children, extent, node_at, shifted, source

PRECEDENCE = {"and": 0, "xor": 1, "or": 2}
"""Smaller binds tighter."""
SYMBOLS = {"and": "&&", "xor": "^^", "or": "||"}


@dataclass(frozen=True, slots=True)
class Fragment:
    """A row with its text, cut out or newly written; spans of `node` count from the start of `text`."""

    text: str
    node: Expr


NewRow: TypeAlias = "str | Expr | Fragment"
"""How a new row may be given."""
GroupItem: TypeAlias = tuple[str, Expr, int, bool]
"""An item of a group: its text, its node, the offset of that text where the node's spans count, whether to put a pair
of parentheses around it."""


# --- fragments ----------------------------------------------------------------------------------------------------


def parse(text: str) -> Expression:
    """The syntax tree of a text of any length, unchecked. Raises ParseError if it does not parse."""
    from mtls_tui import lang  # the front door imports this module

    return lang.parse(text, max_length=None, check=False)


def with_text(expression: Expression) -> Expression:
    """The expression with a text and spans; one made by hand gets its canonical text."""
    return expression if expression.text else parse(formatter.format(expression))


def fragment(expression: Expression, path: Path) -> Fragment:
    """A row as it stands, to be kept (muted, copied) and put back later."""
    node = node_at(expression, path)
    if not isinstance(node, EXPRESSIONS):
        raise LookupError("only a row can be cut out")
    return Fragment(source(expression, path), shifted(node, -extent(node).start))  # type: ignore[arg-type]


def inside(expression: Expression, path: Path) -> Fragment:
    """A row as it stands, without its own parentheses."""
    node = node_at(expression, path)
    assert isinstance(node, EXPRESSIONS) and node.span is not None
    start, end = node.span.start, node.span.end
    return Fragment(expression.text[start:end], shifted(bare(node), -start))  # type: ignore[arg-type]


def peeled(expression: Expression, path: Path) -> Fragment:
    """A row as it stands, without the outermost pair of its parentheses (it must have one)."""
    node = node_at(expression, path)
    assert isinstance(node, EXPRESSIONS) and node.outer is not None
    start, end = node.outer.start + 1, node.outer.end - 1
    text = expression.text[start:end]
    start += len(text) - len(text.lstrip())
    text = text.strip()
    outer = Span(start, start + len(text)) if node.parens > 1 else None
    peeled_node = replace(node, parens=node.parens - 1, outer=outer)
    return Fragment(text, shifted(peeled_node, -start))  # type: ignore[arg-type]


def as_fragment(part: NewRow) -> Fragment:
    """A part of any form as a fragment. Raises ParseError if a text is not an expression."""
    if isinstance(part, Fragment):
        return part
    text = part.strip() if isinstance(part, str) else formatter.format_node(part)
    return Fragment(text, parse(text).root)


# --- splicing -----------------------------------------------------------------------------------------------------


def _word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _gap(before: str, after: str) -> str:
    """A space where two words would run together."""
    return " " if before and after and _word(before[-1]) and _word(after[0]) else ""


class Composer:
    """Builds the new text of one stretch, left to right, and places nodes in it, by offsets of the whole text."""

    def __init__(self, start: int, before: str) -> None:
        self.start = start
        self.parts: list[str] = []
        self.position = start
        self._last = before[-1:]

    def add(self, text: str) -> None:
        """Appends text, with a space before it where two words would run together."""
        if not text:
            return
        for piece in (_gap(self._last, text), text):
            self.parts.append(piece)
            self.position += len(piece)
        self._last = text[-1]

    def place(self, text: str, node: Expr, origin: int, *, pair: bool = False) -> Expr:
        """Adds a row whose text began at `origin` of the text that its spans count in."""
        if pair:
            self.add("(")
        begin = self.position + len(_gap(self._last, text))
        self.add(text)
        placed: Expr = shifted(node, begin - origin)  # type: ignore[assignment]
        if pair:
            self.add(")")
            placed = replace(placed, parens=placed.parens + 1, outer=Span(begin - 1, self.position))
        return placed

    @property
    def text(self) -> str:
        """What was built so far."""
        return "".join(self.parts)


def _spliced(expression: Expression, path: Path, text: str, node: Expr, *, inner: bool) -> Expression:
    """The expression with the row at `path` replaced by `text`, whose `node` is already placed at the row's start.

    `inner` keeps the row's own parentheses around it.
    """
    old = expression.text
    target = node_at(expression, path)
    assert isinstance(target, EXPRESSIONS)
    span = target.span if inner else extent(target)
    assert span is not None
    lead = extent(node).start - span.start
    trail = _gap(text, old[span.end : span.end + 1])
    delta = len(text) + len(trail) - (span.end - span.start)
    if inner:
        around = extent(target)
        if target.parens:
            outer = Span(around.start, around.end + delta)
            node = replace(node, parens=node.parens + target.parens, outer=outer)
    changed = _Change(span.start, span.end, delta, lead, len(trail))
    root = _rebuilt(expression.root, path, node, changed)
    return Expression(root, old[: span.start] + text + trail + old[span.end :])  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class _Change:
    """The old range, by how much everything behind it moves, and the spaces put in at its two ends."""

    start: int
    end: int
    delta: int
    lead: int
    trail: int

    def around(self, span: Span | None) -> Span | None:
        """The new range of a node that holds the changed one."""
        if span is None:
            return None
        start = span.start + (self.lead if span.start == self.start else 0)
        end = span.end + self.delta - (self.trail if span.end == self.end else 0)
        return Span(start, end)


def _rebuilt(parent: Node, path: Path, node: Node, change: _Change) -> Node:
    if not path:
        return node
    index, rest = path[0], path[1:]
    parts = children(parent)
    new = [
        part if place < index else _rebuilt(part, rest, node, change) if place == index else shifted(part, change.delta)
        for place, part in enumerate(parts)
    ]
    span = change.around(parent.span)
    match parent:
        case Logical():
            return replace(parent, items=tuple(new), span=span, outer=change.around(parent.outer))  # type: ignore[arg-type]
        case Not():
            return replace(parent, item=new[0], span=span, outer=change.around(parent.outer))  # type: ignore[arg-type]
        case Comparison():
            outer = change.around(parent.outer)
            return replace(parent, left=new[0], right=new[1], span=span, outer=outer)  # type: ignore[arg-type]
        case Test():
            return replace(parent, value=new[0], span=span, outer=change.around(parent.outer))  # type: ignore[arg-type]
        case Call():
            # a value alone is an argument as it is, not a row
            if isinstance(changed := new[index], Test) and not changed.parens:
                new[index] = changed.value
            return replace(parent, arguments=tuple(new), span=span)  # type: ignore[arg-type]
        case _:  # an index, whose key may be the second part
            based = replace(parent, base=new[0], span=span)  # type: ignore[arg-type]
            return replace(based, key=new[1]) if len(new) > 1 else based  # type: ignore[arg-type]


def put(expression: Expression, path: Path, part: Fragment, *, pair: bool) -> Expression:
    """The row at `path`, parentheses and all, replaced."""
    return _guarded(_put(expression, path, part, pair=pair), path)


def _put(expression: Expression, path: Path, part: Fragment, *, pair: bool) -> Expression:
    start = extent(node_at(expression, path)).start
    composer = Composer(start, expression.text[max(start - 1, 0) : start])
    node = composer.place(part.text, part.node, 0, pair=pair)
    return _spliced(expression, path, composer.text, node, inner=False)


def put_group(
    expression: Expression,
    path: Path,
    operator: LogicalOperator,
    parts: Sequence[GroupItem],
    seps: Sequence[str],
) -> Expression:
    """The inside of the row at `path` replaced by a group of pieces and separators; one piece stands alone."""
    target = node_at(expression, path)
    assert isinstance(target, EXPRESSIONS) and target.span is not None
    start = target.span.start
    composer = Composer(start, expression.text[max(start - 1, 0) : start])
    items = []
    for place, (text, node, origin, pair) in enumerate(parts):
        if place:
            composer.add(seps[place - 1])
        items.append(composer.place(text, node, origin, pair=pair))
    if len(items) == 1:
        return _guarded(_spliced(expression, path, composer.text, items[0], inner=True), path)
    span = Span(extent(items[0]).start, extent(items[-1]).end)
    node = Logical(operator, tuple(items), tuple(sep.strip() for sep in seps), span)
    return _guarded(_spliced(expression, path, composer.text, node, inner=True), path)


def _guarded(expression: Expression, path: Path) -> Expression:
    """A pair around a group on the way to `path` that is an argument: the language wants one there."""
    for depth in range(len(path), 0, -1):
        node = node_at(expression, path[:depth])
        if isinstance(node, Logical) and node.parens == 0 and isinstance(node_at(expression, path[: depth - 1]), Call):
            return _put(expression, path[:depth], fragment(expression, path[:depth]), pair=True)
    return expression


# --- what a group is made of --------------------------------------------------------------------------------------


def pieces(expression: Expression, group: Logical) -> tuple[list[GroupItem], list[str]]:
    """The items of a group as they stand, and the text between them."""
    text = expression.text
    spans = [extent(item) for item in group.items]
    parts = [
        (text[span.start : span.end], item, span.start, False) for span, item in zip(spans, group.items, strict=True)
    ]
    seps = [text[left.end : right.start] for left, right in pairwise(spans)]
    return parts, seps


def new_piece(part: Fragment) -> GroupItem:
    """A new row as an item of a group; a group without parentheses gets a pair."""
    return (part.text, part.node, 0, isinstance(part.node, Logical) and part.node.parens == 0)


def separator(operator: LogicalOperator, like: str = " and ") -> str:
    """A join with the spaces and the notation (words or signs) of another one."""
    sign = like.strip()
    return like.replace(sign, SYMBOLS[operator] if sign in SYMBOLS.values() else operator)


def needs_pair(item: Expr, operator: LogicalOperator) -> bool:
    """Whether an item without parentheses would dissolve in a group of this operator."""
    return isinstance(item, Logical) and item.parens == 0 and PRECEDENCE[item.operator] >= PRECEDENCE[operator]


def row_path(expression: Expression, path: Path) -> Path:
    """The path of the whole row: with the `not`s that stand before it."""
    while path and isinstance(node_at(expression, path[:-1]), Not):
        path = path[:-1]
    return path


def parent_of(expression: Expression, path: Path) -> Node | None:
    """The node above the one at `path`; None for the root."""
    return node_at(expression, path[:-1]) if path else None


def bare(node: Expr) -> Expr:
    """The same node without its own parentheses."""
    return replace(node, parens=0, outer=None)


def joined(first: Fragment, second: Fragment, operator: LogicalOperator) -> tuple[str, Logical]:
    """Text and node of a new group of two rows."""
    composer = Composer(0, "")
    pair = isinstance(first.node, Logical) and first.node.parens == 0
    items = [composer.place(first.text, first.node, 0, pair=pair)]
    composer.add(f" {operator} ")
    text, node, origin, pair = new_piece(second)
    items.append(composer.place(text, node, origin, pair=pair))
    span = Span(0, composer.position)
    return composer.text, Logical(operator, tuple(items), (operator,), span)
