"""Reads syntax alone: any name, anything beside anything.

The builder and repairs start from texts that aren't right. Nothing is read twice that can hold other expressions, so
the time stays linear.
"""

from __future__ import annotations

import re

from mtls_tui.lang import literals
from mtls_tui.lang.ast import Argument, Comparison, Expr, Field, Operator, Right, Span, String, Test, Value
from mtls_tui.lang.catalogue import FunctionInfo
from mtls_tui.lang.failure import Rejected, expected_literal, unrecognised
from mtls_tui.lang.reader import Reader
from mtls_tui.lang.terminals import COMPARISON, LITERAL_BEGUN, LOGICAL, NAME, OPERATORS
from mtls_tui.lang.types import BOOL, BYTES, INT, IP, Type
from mtls_tui.lang.value_reader import LITERALS, Kind

_NUMBER = re.compile(r"(?:0x[0-9A-Fa-f]+|-?[0-9]+)(?![0-9A-Za-z_:/]|\.[0-9])")
_QUOTED = re.compile(r'"|r#*"')


class LooseReader(Reader):
    """As the checked reader, without looking at names and types but where they say how a literal is meant."""

    __slots__ = ()

    def _check_join(self, left: Kind, right: Kind, after: int) -> None:
        pass

    def _check_quantified(self, kind: Kind, start: int, end: int) -> None:
        pass

    def _enter(self, function: FunctionInfo | None, name: str, start: int) -> None:
        pass

    def _leave(self, function: FunctionInfo | None, count: int, at: int) -> None:
        pass

    def _check_argument(
        self,
        function: FunctionInfo | None,
        argument: Argument,
        kind: Kind,
        each: int,
        place: tuple[int, int],
        given: list[Kind],
    ) -> None:
        pass

    def _named(self, name: str, at: int, after: int, depth: int) -> tuple[Value, Kind, int]:
        kind = self.fields.get(name)
        if kind is None and self.text.startswith("(", self._skip(after)):
            return self.call(self.functions.get(name), name, at, after, depth)
        return Field(name, Span(at, after)), kind, after

    def _element(self, kind: Kind, key: int | String | None, start: int, end: int) -> Kind:
        return kind.item if kind is not None else None

    def compared(self, left: Value, kind: Kind, each: int, at: int, depth: int) -> tuple[Expr, Kind, int]:
        """What follows a value: an operator with anything on its right, or nothing."""
        text = self.text
        assert left.span is not None
        start = left.span.start
        found = COMPARISON.re_match(text, at)
        if found is None or (kind == BOOL and LOGICAL.re_match(text, at)):
            return Test(left, Span(start, at)), None, at
        right, after = self._any_right(kind, OPERATORS[found[1]], found.end(), depth)
        return Comparison(left, OPERATORS[found[1]], right, found[1], Span(start, after)), None, after

    def _any_right(self, kind: Kind, operator: Operator, at: int, depth: int) -> tuple[Right, int]:
        text = self.text
        if operator in ("matches", "wildcard", "strict wildcard"):
            return self._string_right(operator, at)
        if operator != "in":
            return self._any_literal(kind, at, depth)
        if text.startswith("$", at):
            return self._members(BYTES, at)
        if not text.startswith("{", at):
            raise expected_literal(text, at, "{")
        return self._any_set(kind, at)

    def _any_set(self, kind: Kind, at: int) -> tuple[Right, int]:
        """A set of the items that go with the left side, or else of any one kind."""
        for wanted in _first(kind, (INT, IP, BYTES))[:-1]:
            try:
                return self._members(wanted, at)
            except Rejected:
                continue
        return self._members(_first(kind, (INT, IP, BYTES))[-1], at)

    def _any_literal(self, kind: Kind, at: int, depth: int) -> tuple[Right, int]:
        """A literal, of the type of the left side where it can be, or a value."""
        text = self.text
        if _QUOTED.match(text, at):
            after, node = literals.STRING.parseImpl(text, at)
            return node, after
        name = NAME.re_match(text, at)
        if name is None or (name[0] not in self.fields and name[0] not in self.functions):
            problem: Rejected | None = None
            number = (INT,) if _NUMBER.match(text, at) else ()
            for wanted in _first(kind, (*number, IP, BYTES)):
                try:
                    after, node = LITERALS[wanted].parseImpl(text, at)
                except Rejected as rejected:
                    problem = problem or rejected
                    continue
                return node, after
            if problem is not None and LITERAL_BEGUN.match(text, at):
                raise problem
        value, _, _, after = self.value(at, depth)
        return value, after

    def _name_or_literal(self, at: int, depth: int) -> tuple[Value, Kind, int, int]:
        found = NAME.re_match(self.text, at)
        known = found is not None and (found[0] in self.fields or found[0] in self.functions)
        if not known and self._is_literal(at):
            raise unrecognised(self.text, at)
        return self.value(at, depth)

    def _is_literal(self, at: int) -> bool:
        """Whether a number, an address or a byte string begins here."""
        if _NUMBER.match(self.text, at):
            return True
        for token in (literals.ADDRESS, literals.STRING):
            try:
                token.parseImpl(self.text, at)
            except Rejected:
                continue
            return True
        return False


def _first(kind: Kind, kinds: tuple[Type, ...]) -> tuple[Type, ...]:
    """The kinds, the one of the left side before the others."""
    return (kind, *(other for other in kinds if other != kind)) if kind in LITERALS else kinds
