"""Reads values: fields, their indexes, calls and their arguments, with names and types looked up on the way."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from mtls_tui.lang import literals, scheme
from mtls_tui.lang.ast import Argument, Call, Expr, Field, Index, Span, String, Test, Value
from mtls_tui.lang.catalogue import FunctionInfo
from mtls_tui.lang.failure import Rejected, expected_literal, expected_name, too_deep, unrecognised
from mtls_tui.lang.limits import INDEX_MAX, MAX_DEPTH
from mtls_tui.lang.literals import after_spaces, rust_quoted
from mtls_tui.lang.terminals import COMPARISON, FIELD_ARGUMENT, HEAD, INDEX, NAME
from mtls_tui.lang.types import BYTES, INT, IP, Type

_name = NAME.match
_comparison = COMPARISON.match
_head = HEAD.match
_index = INDEX.match
_field_argument = FIELD_ARGUMENT.match

Read = Callable[[str, int], tuple[int, Any]]
"""Reads one literal: from a text and a position to the position after it and the node."""
LITERALS: dict[Type, Read] = {BYTES: literals.string, INT: literals.integer, IP: literals.address}
"""How a literal of a type is read."""


class ValueReader:
    """Reads one text. Every method gives what it read, its type, and the position after it."""

    __slots__ = ("around", "calls", "fields", "functions", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.calls: list[str] = []
        """Names of the calls so far."""
        self.around: list[str] = []
        """Names of the calls that are still open."""
        self.fields = scheme.fields()
        self.functions = scheme.functions()

    def logical(self, at: int, depth: int) -> tuple[Expr, Type, int]:
        """Operands joined by operators."""
        raise NotImplementedError

    def compared(self, left: Value, kind: Type, each: int, at: int, depth: int) -> tuple[Expr, Type, int]:
        """What follows a value that has been read."""
        raise NotImplementedError

    def _skip(self, at: int) -> int:
        found: re.Match[str] | None = after_spaces(self.text, at)
        assert found is not None
        return found.end()

    def value(self, at: int, depth: int) -> tuple[Value, Type, int, int]:
        """A field or a call with its indexes; besides, how many `[*]` are among them."""
        text = self.text
        found = _name(text, at)
        if found is None:
            raise expected_name(text, at, "identifier character")
        name, after = found[0], found.end()
        if text.startswith(".", after):
            raise expected_name(text, after + 1, "identifier character")
        value, kind, after = self._named(name, at, after, depth)
        each = indexes = 0
        while text.startswith("[", after):
            indexes += 1
            key, opening = None, after
            found = _index(text, after)
            if found is None:
                key, after = self._index(after)
            else:
                after = found.end()
                if found[3]:
                    key = int(found[3])
                elif found[1] is None:
                    quote = found.start(2) - 1
                    key = String(found[2].encode(), text[quote : found.end(2) + 1], Span(quote, found.end(2) + 1))
            each += key is None
            kind = self._element(kind, key, opening, after)
            value = Index(value, key, Span(at, after))
        return value, kind, each, after

    def _named(self, name: str, at: int, after: int, depth: int) -> tuple[Value, Type, int]:
        """The field or the call that a name means."""
        kind = self.fields.get(name)
        if kind is not None:
            return Field(name, Span(at, after)), kind, after
        if name not in self.functions or name in ("any", "all"):
            raise Rejected(self.text, at, after, "unknown-identifier", "unknown identifier")
        return self.call(self.functions[name], name, at, after, depth)

    def _index(self, at: int) -> tuple[int | String | None, int]:
        """An index that is not of the usual form."""
        text = self.text
        start = self._skip(at + 1)
        key: int | String | None
        if text.startswith("*", start):
            key, after = None, start + 1
        elif text.startswith('"', start):
            after, key = literals.string(text, start)
            assert isinstance(key, String)
            try:
                key.value.decode()
            except UnicodeDecodeError:
                raise expected_literal(text, start, "expected utf8 string") from None
        else:
            try:
                after, number = literals.integer(text, start)
            except Rejected:
                raise expected_literal(text, start, "expected quoted utf8 string or positive integer") from None
            key = number.value
            if not 0 <= number.value <= INDEX_MAX:
                raise expected_literal(text, start, "expected positive integer as index")
        after = self._skip(after)
        if not text.startswith("]", after):
            raise expected_literal(text, after, "]")
        return key, after + 1

    def _element(self, kind: Type, key: int | String | None, start: int, end: int) -> Type:
        item = kind.item
        if item is not None and (key is None or kind.name == ("Map" if isinstance(key, String) else "Array")):
            return item
        if key is None:
            index = "MapEach"
        elif isinstance(key, String):
            index = f"MapKey({rust_quoted(key.value.decode())})"
        else:
            index = f"ArrayIndex({key})"
        message = f"cannot access index {index} for type {kind}"
        raise Rejected(self.text, start, end, "bad-index", message)

    def call(self, function: FunctionInfo, name: str, start: int, at: int, depth: int) -> tuple[Call, Type, int]:
        """The arguments of a function whose name has been read."""
        text = self.text
        at = self._skip(at)
        if depth >= MAX_DEPTH:
            raise too_deep(text, at, MAX_DEPTH)
        if not text.startswith("(", at):
            raise expected_literal(text, at, "(")
        at = self._skip(at + 1)
        arguments: list[Argument] = []
        kinds: list[Type] = []
        mapped = False
        self._enter(function, name, start)
        while at < len(text) and text[at] != ")":
            if arguments:
                if text[at] != ",":
                    raise expected_literal(text, at, ",")
                at = self._skip(at + 1)
            argument, kind, each, after = self.argument(at, depth + 1)
            self._check_argument(function, argument, kind, each, (at, after), kinds)
            kinds.append(kind)
            mapped = mapped or (each > 0 and not arguments)
            arguments.append(argument)
            at = self._skip(after)
        self._leave(function, len(arguments), at)
        if at >= len(text):
            raise expected_literal(text, at, ")")
        call = Call(name, tuple(arguments), Span(start, at + 1))
        result = scheme.result_type(function, kinds[0] if kinds else None, mapped=mapped)
        assert result is not None  # the arguments have been counted
        return call, result, at + 1

    def _enter(self, function: FunctionInfo, name: str, start: int) -> None:
        """Take note of a call whose arguments are about to be read."""
        fault = scheme.call_fault(function, self.calls, self.around)
        if fault is not None:
            raise Rejected(self.text, start, start + len(name), fault.code, fault.message)
        self.calls.append(name)
        self.around.append(name)

    def _leave(self, function: FunctionInfo, count: int, at: int) -> None:
        """A call has so many arguments."""
        self.around.pop()
        if count < function.min_arguments:
            raise _bad_count(self.text, at)

    def _check_argument(
        self,
        function: FunctionInfo,
        argument: Argument,
        kind: Type,
        each: int,
        place: tuple[int, int],
        given: list[Type],
    ) -> None:
        text, (start, end), index = self.text, place, len(given)
        if each and index:
            message = "invalid use of map each access operator"
            raise Rejected(text, start, end, "each-not-first", message)
        if function.param(index) is None:
            raise _bad_count(text, start)
        literal = isinstance(argument, scheme.LITERALS)
        fault = scheme.argument_fault(
            function, index, argument, kind, literal=literal, first=given[0] if given else None
        )
        if fault is not None:
            raise Rejected(text, start, end, fault.code, fault.message)

    def argument(self, at: int, depth: int) -> tuple[Argument, Type, int, int]:
        """A literal, a value or an expression; besides, how many `[*]` are behind a value's name."""
        text = self.text
        mark = text[at : at + 1]
        if mark == '"' or (mark == "r" and text[at + 1 : at + 2] in ("#", '"')):
            after, node = literals.string(text, at)
            return node, BYTES, 0, after
        found = _head(text, at)
        if found is not None and found.lastgroup != "always":
            expression, kind, after = self.logical(at, depth)
            if isinstance(expression, Test) and not expression.parens:
                return expression.value, kind, 0, after
            return expression, kind, 0, after
        if _field_argument(text, at):
            value, kind, each, after = self.value(at, depth)
        else:  # a name of hexadecimal digits at its beginning, or a literal
            try:
                value, kind, each, after = self.value(at, depth)
            except Rejected:
                return self._literal_argument(at)
        if _comparison(text, after):
            comparison, kind, after = self.compared(value, kind, each, after, depth)
            return comparison, kind, 0, after
        return value, kind, each, after

    def _literal_argument(self, at: int) -> tuple[Argument, Type, int, int]:
        for kind in (IP, INT, BYTES):
            try:
                after, node = LITERALS[kind](self.text, at)
            except Rejected:
                continue
            return node, kind, 0, after
        raise unrecognised(self.text, at)


def _bad_count(text: str, at: int) -> Rejected:
    return Rejected(text, at, at + 1, "argument-count", "invalid number of arguments")
