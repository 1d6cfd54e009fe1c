"""Reads an expression from left to right, looking up names and types on the way, as the original does.

The type on the left of an operator decides how its right side is read. So the first mistake from the left is the one
reported, at the original's place. `grammar.py` reads the same syntax without asking names and types.
"""

from __future__ import annotations

import re
from typing import Any

from mtls_tui.lang import literals
from mtls_tui.lang.ast import (
    Always,
    Call,
    Comparison,
    Expr,
    ListName,
    Logical,
    LogicalOperator,
    Not,
    Operator,
    Pattern,
    Right,
    Set,
    Span,
    Test,
    Value,
)
from mtls_tui.lang.failure import Rejected, expected_literal, expected_name, too_deep, type_mismatch, unsupported
from mtls_tui.lang.limits import MAX_DEPTH
from mtls_tui.lang.patterns import regex_literal, wildcard_literal
from mtls_tui.lang.scheme import BOOL_ARRAY
from mtls_tui.lang.terminals import COMPARISON, HEAD, JOINS, LITERAL_BEGUN, LOGICAL, NAME, OPERATORS, ORDERING
from mtls_tui.lang.types import BOOL, BYTES, INT, IP, Type, array
from mtls_tui.lang.value_reader import LITERALS, Read, ValueReader

_name = NAME.match
_comparison = COMPARISON.match
_logical = LOGICAL.match
_head = HEAD.match

_ITEMS: dict[Type, Read] = {
    BYTES: literals.string,
    INT: literals.integer_item,
    IP: literals.address_item,
}


class _Group:
    """Operands joined by one operator, still being collected."""

    __slots__ = ("items", "kind", "operator", "strength", "symbols")

    def __init__(self, strength: int, operator: LogicalOperator, symbol: str, first: Expr, kind: Type) -> None:
        self.strength = strength
        self.operator = operator
        self.symbols = [symbol]
        self.items = [first]
        self.kind = kind

    def closed(self) -> Logical:
        first, last = self.items[0], self.items[-1]
        start, end = first.outer or first.span, last.outer or last.span
        assert start is not None
        assert end is not None
        return Logical(self.operator, tuple(self.items), tuple(self.symbols), Span(start.start, end.end))


def _wrap(node: Expr, start: int, end: int) -> None:
    """Count one more pair of parentheses. The node was made a moment ago, nobody else has it yet: so it may change."""
    object.__setattr__(node, "parens", node.parens + 1)
    object.__setattr__(node, "outer", Span(start, end))


class Reader(ValueReader):
    """Reads what is true or false."""

    __slots__ = ()

    def logical(self, at: int, depth: int) -> tuple[Expr, Type, int]:
        """Operands joined by `or`, `xor` and `and`."""
        node, kind, at = self.operand(at, depth)
        pending: list[_Group] = []  # weakest first
        while True:
            found = _logical(self.text, at)
            strength, operator = JOINS[found[1]] if found else (0, "or")
            after = found.end() if found else at
            while pending and pending[-1].strength > strength:
                group = pending.pop()
                self._join(group, node, kind, after)
                node, kind = group.closed(), group.kind
            if found is None:
                return node, kind, at
            if pending and pending[-1].strength == strength:
                self._join(pending[-1], node, kind, after)
                pending[-1].symbols.append(found[1])
            else:
                pending.append(_Group(strength, operator, found[1], node, kind))
            node, kind, at = self.operand(after, depth)

    def _join(self, group: _Group, node: Expr, kind: Type, after: int) -> None:
        self._check_join(group.kind, kind, after)
        group.items.append(node)

    def _check_join(self, left: Type, right: Type, after: int) -> None:
        """Both sides are true or false, or both are arrays of that."""
        both_arrays = left.name == right.name == "Array"
        if not both_arrays and not left == right == BOOL:
            raise type_mismatch(self.text, after, after + 1, left, right)

    def operand(self, at: int, depth: int) -> tuple[Expr, Type, int]:
        """Any number of `not`s before a group in parentheses or a comparison."""
        text = self.text
        negations: list[tuple[int, str]] = []
        node: Expr
        kind: Type
        while True:
            found = _head(text, at)
            if found is None:
                node, kind, after = self.comparison(at, depth)
                break
            head = found.lastgroup
            if head == "always":
                node, kind, after = Always(found[0] == "true", Span(at, found.end())), BOOL, found.end()
                break
            if head == "quantifier":
                call, kind, after = self.quantifier(found["quantifier"], at, depth)
                node = Test(call, call.span)
                break
            if depth >= MAX_DEPTH:
                raise too_deep(text, at, MAX_DEPTH)
            depth += 1
            if head == "open":
                node, kind, after = self.logical(found.end(), depth)
                after = self._close(after)
                _wrap(node, at, after)
                break
            negations.append((at, found["not"]))
            at = found.end()
        for start, symbol in reversed(negations):
            node = Not(node, symbol, Span(start, after))
        return node, kind, after

    def _close(self, at: int) -> int:
        """The position after `)`, blanks before it skipped."""
        at = self._skip(at)
        if not self.text.startswith(")", at):
            raise expected_literal(self.text, at, ")")
        return at + 1

    def quantifier(self, name: str, at: int, depth: int) -> tuple[Call, Type, int]:
        """`any(…)` and `all(…)`: one argument, an array of Booleans."""
        text = self.text
        opening = self._skip(at + len(name))
        if depth >= MAX_DEPTH:
            raise too_deep(text, opening, MAX_DEPTH)
        start = self._skip(opening + 1)
        argument, kind, _, after = self.argument(start, depth + 1)
        self._check_quantified(kind, start, after)
        after = self._close(after)
        return Call(name, (argument,), Span(at, after)), BOOL, after

    def _check_quantified(self, kind: Type, start: int, end: int) -> None:
        if kind != BOOL_ARRAY:
            raise type_mismatch(self.text, start, end, BOOL_ARRAY, kind)

    def comparison(self, at: int, depth: int) -> tuple[Expr, Type, int]:
        """A value with an operator and its right side, or a Boolean value alone."""
        value, kind, each, after = self.value(at, depth)
        return self.compared(value, kind, each, after, depth)

    def compared(self, left: Value, kind: Type, each: int, at: int, depth: int) -> tuple[Expr, Type, int]:
        """What follows a value that has been read."""
        text = self.text
        assert left.span is not None
        start = left.span.start
        if kind == BOOL:
            return Test(left, Span(start, at)), BOOL_ARRAY if each else BOOL, at
        if kind.item == BOOL:
            if each:
                raise unsupported(text, at, at, array(array(BOOL)))
            return Test(left, Span(start, at)), kind, at
        found = _comparison(text, at)
        if found is None:
            raise expected_name(text, self._skip(at), "ComparisonOp")
        symbol = found[1]
        operator = OPERATORS[symbol]
        right, after = self._right(kind, operator, found, depth)
        node = Comparison(left, operator, right, symbol, Span(start, after))
        return node, BOOL_ARRAY if each else BOOL, after

    def _right(self, kind: Type, operator: Operator, found: re.Match[str], depth: int) -> tuple[Right, int]:
        at = found.end()
        if kind in LITERALS:
            if operator == "in":
                return self._members(kind, at)
            if operator in ORDERING:
                return self._operand_right(kind, at, depth)
            if kind == INT and operator == "bitwise_and":
                after, node = literals.integer(self.text, at)
                return node, after
            if kind == BYTES and operator != "bitwise_and":
                return self._string_right(operator, at)
        raise unsupported(self.text, found.start(1), found.end(1), kind)

    def _members(self, kind: Type, at: int) -> tuple[Set | ListName, int]:
        text = self.text
        if text.startswith("$", at):
            after, name = literals.list_name(text, at)
            return name, after
        if not text.startswith("{", at):
            raise expected_literal(text, at, "{")
        item = _ITEMS[kind]
        items: list[Any] = []
        after = self._skip(at + 1)
        while not text.startswith("}", after):
            after, node = item(text, after)
            items.append(node)
            after = self._skip(after)
        return Set(tuple(items), Span(at, after + 1)), after + 1

    def _operand_right(self, kind: Type, at: int, depth: int) -> tuple[Right, int]:
        """A literal, or else the value of another field or a function's result."""
        text = self.text
        name = _name(text, at)
        if name is None or (name[0] not in self.fields and name[0] not in self.functions):
            try:
                after, node = LITERALS[kind](text, at)
            except Rejected:
                if name is None or LITERAL_BEGUN.match(text, at):
                    raise
            else:
                return node, after
        value, actual, each, after = self.value(at, depth)
        if each:
            actual = array(actual)
        if actual != kind:
            raise type_mismatch(text, at, after, kind, actual)
        return value, after

    def _string_right(self, operator: Operator, at: int) -> tuple[Right, int]:
        text = self.text
        if operator == "contains":
            after, node = literals.string(text, at)
            return node, after
        after, value = (regex_literal if operator == "matches" else wildcard_literal)(text, at)
        return Pattern(value, text[at:after], Span(at, after)), after
