"""An expression as the rows of the builder: pure, made from the tree alone, so that whatever text can say has its row.

A row stands for a node of the tree (with the `not`s around it) and is made of parts; each part knows the path of what
it shows, so that the editor over it edits just that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from mtls_tui.lang.ast import (
    Address,
    Always,
    Argument,
    Call,
    Comparison,
    Expr,
    Expression,
    Field,
    Index,
    Integer,
    ListName,
    Logical,
    Not,
    Pattern,
    Range,
    Set,
    String,
    Test,
)
from mtls_tui.lang.catalogue import BUILDER, FIELDS
from mtls_tui.lang.formatter import format_node
from mtls_tui.lang.tree import Node, Path
from mtls_tui.tui.drawing.safe_text import decode
from mtls_tui.tui.state.recent import recent

Sort: TypeAlias = Literal["not", "function", "field", "index", "operator", "value", "join", "mark", "constant"]
Column: TypeAlias = Literal["left", "operator", "right"]

QUANTIFIERS = frozenset({"any", "all"})
JOINS = {"and": "all of", "or": "any of", "xor": "one of"}
_AFFIX = frozenset({"starts_with", "ends_with"})
_EXPRESSIONS = (Always, Test, Comparison, Not, Logical)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a row that can be edited (or, as `mark`, only read). `path` leads to the node it shows."""

    sort: Sort
    path: Path
    text: str
    column: Column = "left"


@dataclass(frozen=True, slots=True)
class BuilderRow:
    """One line of the builder.

    `path` is the node with the `not`s around it, `core` the node without them. A group opens and closes with a row
    of the same path. `negated` tells that the innermost `not` is said by the operator's words ("is not in").
    """

    kind: Literal["clause", "open", "close"]
    path: Path
    core: Path
    depth: int
    parts: tuple[Part, ...] = ()
    negated: bool = False
    muted: bool = False

    @property
    def editable(self) -> tuple[Part, ...]:
        """The parts that the cursor stops at."""
        return tuple(part for part in self.parts if part.sort != "mark")

    @property
    def text(self) -> str:
        """The row as bare text, for search."""
        return " ".join(part.text for part in self.parts)


_LABELS: dict[tuple[str, bool, str], str] = {}


def operator_label(operator: str, negated: bool = False, form: str = "") -> str:
    """The words of the builder for an operator or function ("is in list"), "" when it has none for the negated form."""
    if not _LABELS:
        for info in BUILDER.values():
            _LABELS[(info.operator or info.function, info.negated, info.form)] = info.label
    return _LABELS.get((operator, negated, form), "" if negated else operator)


def field_label(name: str) -> str:
    """The builder's name of a field; its own name when the catalogue doesn't know it."""
    info = FIELDS.get(name)
    return info.label if info else name


def literal_text(node: Node) -> str:
    """A literal for reading: a plain string has no quotes unless they are needed to see it."""
    match node:
        case String() | Pattern():
            text = decode(node.value)
            if not text or text != text.strip() or text.startswith(('"', "$", "{")):
                return node.text or format_node(node)
            return text
        case Integer() | Address():
            return node.text or str(node.value)
        case ListName(name=name):
            return f"${name}"
        case Set(items=items):
            return ", ".join(literal_text(item) for item in items) if items else "{ }"
        case Range(first=first, last=last):
            return f"{literal_text(first)} to {literal_text(last)}"
        case _:
            return format_node(node)


def value_parts(node: Node, path: Path, column: Column) -> Iterator[Part]:
    """The parts of a value: function, field and index each by itself."""
    match node:
        case Field(name=name):
            yield Part("field", path, field_label(name), column)
        case Index(base=base, key=key):
            yield from value_parts(base, (*path, 0), column)
            shown = "*" if key is None else (format_node(key) if isinstance(key, String) else str(key))
            yield Part("index", path, f"[{shown}]", column)
        case Call(name=name, arguments=arguments):
            yield Part("function", path, name, column)
            yield Part("mark", path, "(", column)
            for index, argument in enumerate(arguments):
                if index:
                    yield Part("mark", path, ", ", column)
                if isinstance(argument, _EXPRESSIONS):
                    yield from inline_parts(argument, (*path, index), column)
                else:
                    yield from value_parts(argument, (*path, index), column)
            yield Part("mark", path, ")", column)
        case String():
            yield Part("value", path, node.text or format_node(node), column)
        case _:
            yield Part("value", path, literal_text(node), column)


def inline_parts(node: Expr, path: Path, column: Column) -> Iterator[Part]:
    """A whole expression within a row (an argument that is not a group of its own)."""
    match node:
        case Not(item=item):
            yield Part("not", path, "not", column)
            yield Part("mark", path, " ", column)
            yield from inline_parts(item, (*path, 0), column)
        case Logical(operator=operator, items=items):
            yield Part("mark", path, "(", column)
            for index, item in enumerate(items):
                if index:
                    yield Part("mark", path, " ", column)
                    yield Part("join", path, operator, column)
                    yield Part("mark", path, " ", column)
                yield from inline_parts(item, (*path, index), column)
            yield Part("mark", path, ")", column)
        case _:
            for index, part in enumerate(clause_parts(node, path, negated=False)):
                if index and part.sort == "operator":
                    yield Part("mark", path, " ", column)
                    yield replace(part, column=column)
                    yield Part("mark", path, " ", column)
                else:
                    yield replace(part, column=column)


def clause_parts(node: Expr, path: Path, *, negated: bool) -> Iterator[Part]:
    """The parts of one clause in their columns."""
    match node:
        case Always(value=value):
            yield Part("constant", path, "every request" if value else "no request")
        case Comparison(left=left, operator=operator, right=right):
            form = "set" if isinstance(right, Set) else "list" if isinstance(right, ListName) else ""
            yield from value_parts(left, (*path, 0), "left")
            yield Part("operator", path, operator_label(operator, negated, form), "operator")
            if isinstance(right, Field | Index | Call):
                yield from value_parts(right, (*path, 1), "right")
            else:
                yield Part("value", (*path, 1), literal_text(right), "right")
        case Test(value=Call(name=name, arguments=arguments) as call) if name in _AFFIX and len(arguments) == 2:
            inner = (*path, 0)
            yield from value_parts(arguments[0], (*inner, 0), "left")
            yield Part("operator", path, operator_label(call.name, negated), "operator")
            second = arguments[1]
            if isinstance(second, String):
                yield Part("value", (*inner, 1), literal_text(second), "right")
            else:
                yield from value_parts(second, (*inner, 1), "right")
        case Test(value=Call(name=name, arguments=(argument,))) if name in QUANTIFIERS and isinstance(
            argument, _EXPRESSIONS
        ):
            yield Part("function", (*path, 0), name)
            yield Part("mark", (*path, 0), " ")
            yield from _quantified(argument, (*path, 0, 0))
        case Test(value=value):
            yield from value_parts(value, (*path, 0), "left")
        case _:
            yield from inline_parts(node, path, "left")


def _quantified(node: Argument, path: Path) -> Iterator[Part]:
    """What `any` and `all` ask of each element, in the columns of the row."""
    while isinstance(node, Not):
        yield Part("not", path, "not")
        yield Part("mark", path, " ")
        node, path = node.item, (*path, 0)
    if isinstance(node, Always | Test | Comparison):
        yield from clause_parts(node, path, negated=False)
    elif isinstance(node, Logical):
        yield from inline_parts(node, path, "left")


def _says_negation(node: Expr) -> bool:
    """Whether the builder's words have a negative form of this clause ("is not in")."""
    match node:
        case Comparison(operator=operator, right=right):
            form = "set" if isinstance(right, Set) else "list" if isinstance(right, ListName) else ""
            return bool(operator_label(operator, True, form))
        case Test(value=Call(name=name, arguments=arguments)):
            return name in _AFFIX and len(arguments) == 2
        case _:
            return False


def _rows(node: Expr, path: Path, depth: int, muted: frozenset[Path], within: bool) -> Iterator[BuilderRow]:
    hidden = within or path in muted
    core, core_path = node, path
    nots: list[Part] = []
    while isinstance(core, Not):
        nots.append(Part("not", core_path, "not"))
        core, core_path = core.item, (*core_path, 0)
    if isinstance(core, Logical):
        join = Part("join", core_path, _join_words(core))
        yield BuilderRow("open", path, core_path, depth, (*nots, join), muted=hidden)
        for index, item in enumerate(core.items):
            yield from _rows(item, (*core_path, index), depth + 1, muted, hidden)
        yield BuilderRow("close", path, core_path, depth, muted=hidden)
        return
    negated = bool(nots) and _says_negation(core)
    shown = nots[:-1] if negated else nots
    parts = (*shown, *clause_parts(core, core_path, negated=negated))
    yield BuilderRow("clause", path, core_path, depth, parts, negated=negated, muted=hidden)


def _join_words(node: Logical) -> str:
    if node.operator == "xor" and len(node.items) > 2:
        return "an odd number of"
    return JOINS[node.operator]


@recent(8)
def rows_of(expression: Expression, muted: frozenset[Path] = frozenset()) -> tuple[BuilderRow, ...]:
    """The builder's rows of an expression."""
    return tuple(_rows(expression.root, (), 0, muted, False))


def row_at(rows: tuple[BuilderRow, ...], path: Path) -> int:
    """The index of the row that stands for a path, or of the nearest one above it."""
    best, length = 0, -1
    for index, row in enumerate(rows):
        if row.kind != "close" and row.path == path[: len(row.path)] and len(row.path) > length:
            best, length = index, len(row.path)
    return best
