"""From text to expression or to a diagnostic: limits before, place and hint after the grammar has spoken."""

from __future__ import annotations

from typing import cast

from mtls_tui.lang.ast import Expr, Expression, Span, Value
from mtls_tui.lang.diagnostics import Diagnostic, ParseError
from mtls_tui.lang.failure import Rejected, too_deep
from mtls_tui.lang.hints import hint
from mtls_tui.lang.limits import MAX_DEPTH, MAX_LENGTH
from mtls_tui.lang.parser import FILTER, VALUE, FilterExpression, ValueExpression, trimmed


def parse(text: str, *, max_length: int | None = MAX_LENGTH, check: bool = True) -> Expression:
    """The expression that a text says; raises ParseError.

    Names and types are checked while reading; `check=False` reads syntax alone, so that the builder and repairs can
    work on what is not right yet. `max_length` is in characters, None for no limit.
    """
    return Expression(cast("Expr", _read(FILTER[check], text, max_length)), text)


def parse_value(text: str, *, max_length: int | None = MAX_LENGTH, check: bool = True) -> Value:
    """The value expression that a text says (a field, or a function's result, of any type); raises ParseError."""
    return cast("Value", _read(VALUE[check], text, max_length))


def _read(grammar: FilterExpression | ValueExpression, text: str, max_length: int | None) -> object:
    try:
        if max_length is not None and len(text) > max_length:
            message = f"expression exceeds the maximum length of {max_length} characters"
            raise Rejected(text, max_length, len(text), "too-long", message)
        if not text.isascii():
            _refuse_surrogates(text)
        return grammar.parse_string(trimmed(text))[0]
    except Rejected as rejected:
        raise ParseError(_diagnostic(text, rejected), text) from None
    except RecursionError:  # the caller stands so deep in calls that even the nesting limit is too much
        raise ParseError(_diagnostic(text, too_deep(text, 0, MAX_DEPTH)), text) from None


def _refuse_surrogates(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Rejected(text, error.start, error.end, "not-unicode", "unrecognised input") from None


def _diagnostic(text: str, rejected: Rejected) -> Diagnostic:
    start = rejected.start
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", start)
    end = min(rejected.end, len(text) if line_end < 0 else line_end)
    return Diagnostic(
        rejected.code,
        rejected.message,
        text.count("\n", 0, start) + 1,
        start - line_start + 1,
        Span(start, max(start, end)),
        hint(text, rejected),
    )
