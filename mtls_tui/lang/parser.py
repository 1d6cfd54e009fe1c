"""The two pyparsing elements of the language: a whole filter expression and a whole value expression.

Terminals are pyparsing tokens (`terminals.py`, `literals.py`). What they make up is read by a `Reader` instead of by
combined elements, since every step depends on the types before it and a rule has to be read in well under a
millisecond.
"""

from __future__ import annotations

from typing import Any

from pyparsing import Token

from mtls_tui.lang.failure import type_mismatch, unrecognised
from mtls_tui.lang.loose import LooseReader
from mtls_tui.lang.reader import Reader
from mtls_tui.lang.terminals import LEADING, WHITE
from mtls_tui.lang.types import BOOL, array


class _Whole(Token):
    """The text from its first to its last character."""

    def __init__(self, *, check: bool) -> None:
        super().__init__()
        self.check = check
        self.reader = Reader if check else LooseReader
        self.leave_whitespace()
        self.parse_with_tabs()

    def _generateDefaultName(self) -> str:  # noqa: N802 - named by pyparsing
        return type(self).__name__


class FilterExpression(_Whole):
    """A whole expression, true or false."""

    def parseImpl(self, instring: str, loc: int, do_actions: bool = True) -> tuple[int, Any]:  # noqa: N802
        """The position after the expression, and its root."""
        start = first_character(instring)
        root, kind, after = self.reader(instring).logical(start, 0)
        if self.check and kind is not None and kind != BOOL:
            raise type_mismatch(instring, after, after + 1, BOOL, kind)
        if after < len(instring):
            raise unrecognised(instring, after)
        return after, root


class ValueExpression(_Whole):
    """A whole value: what an action may compute."""

    def parseImpl(self, instring: str, loc: int, do_actions: bool = True) -> tuple[int, Any]:  # noqa: N802
        """The position after the value, and the node."""
        start = first_character(instring)
        value, kind, each, after = self.reader(instring).value(start, 0)
        if self.check and each and kind is not None:
            raise type_mismatch(instring, start, after, kind, array(kind))
        if after < len(instring):
            raise unrecognised(instring, after)
        return after, value


def first_character(text: str) -> int:
    """The position of the first character that is no white space of any kind."""
    found = LEADING.match(text)
    assert found is not None
    return found.end()


def trimmed(text: str) -> str:
    """The text without white space at its end; what is before it keeps its place."""
    return text.rstrip(WHITE)


FILTER = {check: FilterExpression(check=check) for check in (True, False)}
VALUE = {check: ValueExpression(check=check) for check in (True, False)}
