"""The explaining evaluator: it walks the tree, notes the value of every node, and says which clauses decided.

Written apart from the compiler, with which it shares nothing but the language's functions, the members of lists and
the patterns: each is the test of the other. It is three-valued: a field may be unknown, and then so is every clause
that looks at it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Any, TypeAlias

from mtls_tui.engine import regex, sets
from mtls_tui.engine.fields_of import canonical_field, default_of, fields_of, names_of
from mtls_tui.engine.functions import FUNCTIONS
from mtls_tui.engine.model import Request
from mtls_tui.engine.sets import ListError, Lists
from mtls_tui.engine.trace import Absent, Step, Trace
from mtls_tui.engine.types_of import kind_of
from mtls_tui.lang import ast, tree
from mtls_tui.lang.formatter import format_node
from mtls_tui.lang.types import Fields

MISSING, UNKNOWN = Absent.MISSING, Absent.UNKNOWN
Truth: TypeAlias = "bool | Absent"
_CONDITIONS = (ast.Always, ast.Test, ast.Comparison, ast.Not, ast.Logical)


def explain(
    expression: ast.Expression,
    fields: Request | Fields,
    *,
    lists: Lists | None = None,
    unknown: Iterable[str] = (),
) -> Trace:
    """Evaluate and tell how: the trace of every node.

    `unknown` are fields whose value nobody knows; whatever `fields` has for them is not looked at. A clause over a
    list that is not among `lists` is unknown too.
    """
    values = fields.fields if isinstance(fields, Request) else fields
    walker = _Walker(values, lists or {}, frozenset(canonical_field(name) for name in unknown))
    seen = walker.condition(expression.root, (), reached=True)
    decisive = {id(item) for item in _deciding(seen)}
    root = _step(seen, expression.text, decisive)
    return Trace(expression, walker.unknown, root)


def explain_value(
    value: ast.Value, fields: Request | Fields, *, lists: Lists | None = None, unknown: Iterable[str] = ()
) -> Step:
    """The step of a value expression, every part of it with its value."""
    values = fields.fields if isinstance(fields, Request) else fields
    walker = _Walker(values, lists or {}, frozenset(canonical_field(name) for name in unknown))
    return _step(walker.value(value, (), reached=True), "", set())


@dataclass(slots=True, eq=False)
class _Seen:
    """A node while it is being evaluated."""

    node: tree.Node
    path: tree.Path
    value: Any
    reached: bool
    children: list[_Seen] = field(default_factory=list)


class _Several(list[Any]):
    """What a value over `[*]` stands for: not an array of the language, but its elements one after the other."""

    absent = False


class _Walker:
    """Evaluates under one set of fields."""

    def __init__(self, fields: Fields, lists: Lists, unknown: frozenset[str]) -> None:
        self.fields = fields
        self.lists = lists
        self.unknown = unknown

    # --- what is true or false -------------------------------------------------------------------------------------

    def condition(self, node: ast.Expr, path: tree.Path, *, reached: bool, column: bool = False) -> _Seen:
        """A truth value; with `column`, inside `any` and `all`, a list of truth values (or MISSING)."""
        match node:
            case ast.Always():
                return _Seen(node, path, node.value, reached)
            case ast.Not():
                item = self.condition(node.item, (*path, 0), reached=reached, column=column)
                return _Seen(node, path, _negated(item.value, column), reached, [item])
            case ast.Logical():
                return self.column_of(node, path, reached) if column else self.logical(node, path, reached)
            case ast.Test():
                value = self.value(node.value, (*path, 0), reached)
                return _Seen(node, path, value.value if column else _truth(value.value), reached, [value])
            case ast.Comparison():
                return self.comparison(node, path, reached)

    def logical(self, node: ast.Logical, path: tree.Path, reached: bool) -> _Seen:
        """`and` and `or` stop at the item that decides; what stands behind it is evaluated but was not reached."""
        children: list[_Seen] = []
        decided: bool | None = None
        stops_at = {"and": False, "or": True}.get(node.operator)
        for index, item in enumerate(node.items):
            child = self.condition(item, (*path, index), reached=reached and decided is None)
            children.append(child)
            if decided is None and stops_at is not None and child.value is stops_at:
                decided = stops_at
        truths = [child.value for child in children]
        if decided is not None:
            value: Truth = decided
        elif UNKNOWN in truths:
            value = UNKNOWN
        elif node.operator == "xor":
            value = truths.count(True) % 2 == 1
        else:
            value = node.operator == "and"
        return _Seen(node, path, value, reached, children)

    def column_of(self, node: ast.Logical, path: tree.Path, reached: bool) -> _Seen:
        """Element by element, as far as the shortest goes."""
        children = [
            self.condition(item, (*path, index), reached=reached, column=True) for index, item in enumerate(node.items)
        ]
        if any(child.value is UNKNOWN for child in children):
            return _Seen(node, path, UNKNOWN, reached, children)
        columns: list[Sequence[bool]] = [() if child.value is MISSING else child.value for child in children]
        value = []
        for place in range(min(len(column) for column in columns)):
            row = [column[place] for column in columns]
            value.append(_joined(node.operator, row))
        return _Seen(node, path, value, reached, children)

    def comparison(self, node: ast.Comparison, path: tree.Path, reached: bool) -> _Seen:
        left = self.value(node.left, (*path, 0), reached)
        right, holds = self.right(node, (*path, 1), reached)
        value: Any
        if left.value is UNKNOWN or holds is None:
            value = UNKNOWN
        elif isinstance(left.value, _Several):
            value = [holds(item) for item in left.value]
        else:
            value = left.value is not MISSING and holds(left.value)
        return _Seen(node, path, value, reached, [left, right])

    def right(self, node: ast.Comparison, path: tree.Path, reached: bool) -> tuple[_Seen, Callable[[Any], bool] | None]:
        """The right side, and the test of a left side that is there; None when that can't be known."""
        right, operator = node.right, node.operator
        match right:
            case ast.Set():
                inside = sets.of_set(right)
                return _Seen(right, path, None, reached), lambda left: left in inside
            case ast.ListName():
                return self.listed(node, right, path, reached)
            case ast.Pattern():
                matches = _pattern(operator, right.value)
                return _Seen(right, path, right.value, reached), matches
            case ast.String() | ast.Integer() | ast.Address():
                constant = right.value
                return _Seen(right, path, constant, reached), lambda left: _compare(operator, left, constant)
        seen = self.value(right, path, reached)
        other = seen.value
        if other is UNKNOWN:
            return seen, None
        return seen, lambda left: other is not MISSING and _compare(operator, left, other)

    def listed(
        self, node: ast.Comparison, right: ast.ListName, path: tree.Path, reached: bool
    ) -> tuple[_Seen, Callable[[Any], bool] | None]:
        try:
            listed = sets.of_list(right.name, kind_of(node.left), self.lists)
        except ListError:
            return _Seen(right, path, UNKNOWN, reached), None
        return _Seen(right, path, None, reached), lambda left: left in listed

    # --- values ----------------------------------------------------------------------------------------------------

    def value(self, node: ast.Argument, path: tree.Path, reached: bool) -> _Seen:
        """A value, MISSING or UNKNOWN; a `_Several` for one over `[*]`."""
        match node:
            case ast.Field():
                return _Seen(node, path, self.field(node.name), reached)
            case ast.Index():
                base = self.value(node.base, (*path, 0), reached)
                return _Seen(node, path, _indexed(base.value, node.key), reached, [base])
            case ast.Call():
                return self.call(node, path, reached)
            case ast.String() | ast.Integer() | ast.Address():
                return _Seen(node, path, node.value, reached)
        # A whole expression as an argument.
        seen = self.condition(node, path, reached=reached, column=_gives_column(node))
        if self.unknown and not self.unknown.isdisjoint(fields_of(node)):
            seen.value = UNKNOWN
        return seen

    def field(self, name: str) -> Any:
        names = names_of(name)
        if names[0] in self.unknown:
            return UNKNOWN
        for known in names:
            if known in self.fields:
                value = self.fields[known]
                return MISSING if value is None else value
        default = default_of(names[0])
        return MISSING if default is None else default

    def call(self, node: ast.Call, path: tree.Path, reached: bool) -> _Seen:
        if node.name in ("any", "all"):
            return self.quantifier(node, path, reached)
        children = [self.value(argument, (*path, index), reached) for index, argument in enumerate(node.arguments)]
        values = [child.value for child in children]
        function = FUNCTIONS.get(node.name)
        value: Any
        if function is None or any(item is UNKNOWN for item in values):
            value = UNKNOWN
        elif values and isinstance(values[0], _Several):
            first, rest = values[0], [None if item is MISSING else item for item in values[1:]]
            results = [function(item, *rest) for item in first]
            value = MISSING if first.absent else [result for result in results if result is not None]
        else:
            value = function(*(None if item is MISSING else item for item in values))
            value = MISSING if value is None else value
        return _Seen(node, path, value, reached, children)

    def quantifier(self, node: ast.Call, path: tree.Path, reached: bool) -> _Seen:
        argument = node.arguments[0]
        if isinstance(argument, _CONDITIONS):
            child = self.condition(argument, (*path, 0), reached=reached, column=True)
        else:
            child = self.value(argument, (*path, 0), reached)
        value: Truth
        if child.value is UNKNOWN:
            value = UNKNOWN
        elif child.value is MISSING:
            value = False
        elif node.name == "any":
            value = True in child.value
        else:
            value = False not in child.value
        return _Seen(node, path, value, reached, [child])


def _joined(operator: str, row: Sequence[bool]) -> bool:
    if operator == "xor":
        return row.count(True) % 2 == 1
    return False not in row if operator == "and" else True in row


def _negated(value: Any, column: bool) -> Any:
    if value is UNKNOWN:
        return UNKNOWN
    if column:
        return [] if value is MISSING else [not item for item in value]
    return value is not True


def _truth(value: Any) -> Truth:
    return UNKNOWN if value is UNKNOWN else value is True


def _gives_column(node: ast.Argument) -> bool:
    """Whether an expression is a list of truth values."""
    match node:
        case ast.Comparison():
            left: ast.Argument = node.left
            while isinstance(left, ast.Index):
                if left.key is None:
                    return True
                left = left.base
            return False
        case ast.Not():
            return _gives_column(node.item)
        case ast.Logical():
            return any(_gives_column(item) for item in node.items)
        case ast.Test():
            return kind_of(node.value) == "Array"
    return False


def _indexed(base: Any, key: int | ast.String | None) -> Any:
    if base is UNKNOWN:
        return UNKNOWN
    if isinstance(base, _Several):
        inner = [_indexed(item, key) for item in base]
        flat = [part for item in inner for part in item] if key is None else [i for i in inner if i is not MISSING]
        return _several(flat, absent=base.absent)
    if key is None:
        if base is MISSING:
            return _several((), absent=True)
        return _several(base.values() if isinstance(base, dict) else base, absent=False)
    if base is MISSING:
        return MISSING
    if isinstance(key, int):
        return base[key] if key < len(base) else MISSING
    return base.get(key.value, MISSING)


def _several(items: Iterable[Any], *, absent: bool) -> _Several:
    several = _Several(items)
    several.absent = absent
    return several


def _pattern(operator: str, pattern: bytes) -> Callable[[bytes], bool]:
    if operator == "matches":
        compiled = regex.compile_pattern(pattern)
        return lambda text: compiled.search(text) is not None
    return regex.wildcard(pattern, strict=operator == "strict wildcard")


def _compare(operator: str, left: Any, right: Any) -> bool:
    """A comparison of two values that are there; addresses of two families are neither equal nor in any order."""
    match operator:
        case "eq":
            return bool(left == right)
        case "ne":
            return bool(left != right)
        case "contains":
            return bool(right in left)
        case "bitwise_and":
            return bool(left & right)
    if isinstance(left, IPv4Address | IPv6Address):
        if left.version != right.version:
            return False
        left, right = int(left), int(right)
    match operator:
        case "lt":
            return bool(left < right)
        case "le":
            return bool(left <= right)
        case "gt":
            return bool(left > right)
        case "ge":
            return bool(left >= right)
    raise AssertionError(operator)


# --- what decided ---------------------------------------------------------------------------------------------------


def _deciding(seen: _Seen) -> list[_Seen]:
    """The clauses that suffice for the value of a condition: no clause of them can be spared."""
    node = seen.node
    if isinstance(node, ast.Not):
        return _deciding(seen.children[0])
    if not isinstance(node, ast.Logical) or isinstance(seen.value, list):
        return [seen]
    if seen.value is UNKNOWN:
        return [part for child in seen.children if child.value is UNKNOWN for part in _deciding(child)]
    stops_at = {"and": False, "or": True}.get(node.operator)
    if seen.value is stops_at:
        return _deciding(next(child for child in seen.children if child.value is stops_at))
    return [part for child in seen.children for part in _deciding(child)]


def _step(seen: _Seen, text: str, decisive: set[int]) -> Step:
    node = seen.node
    span = node.span
    written = text[span.start : span.end] if span is not None and text else format_node(node)
    return Step(
        node=node,
        path=seen.path,
        text=written,
        value=list(seen.value) if isinstance(seen.value, _Several) else seen.value,
        reached=seen.reached,
        decisive=id(seen) in decisive,
        children=tuple(_step(child, text, decisive) for child in seen.children),
    )
