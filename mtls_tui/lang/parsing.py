"""From text to expression or to a diagnostic: limits before, place and hint after the reader has spoken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from mtls_tui.lang.ast import Expr, Expression, Span, Value
from mtls_tui.lang.diagnostics import Diagnostic, ParseError
from mtls_tui.lang.failure import Rejected, too_deep, type_mismatch, unrecognised
from mtls_tui.lang.hints import hint
from mtls_tui.lang.limits import MAX_DEPTH, MAX_LENGTH
from mtls_tui.lang.reader import Reader
from mtls_tui.lang.terminals import LEADING, WHITE
from mtls_tui.lang.types import BOOL, array

Root = TypeVar("Root", Expr, Value)
_LIMITS = {"too-long", "not-unicode", "nesting-limit"}
"""What is refused whether names are looked up or not."""


def parse(text: str, *, max_length: int | None = MAX_LENGTH, check: bool = True) -> Expression:
    """The expression that a text says; raises ParseError.

    Names and types are checked while reading. `check=False` takes what is right by its syntax alone, so that the
    builder and repairs can work on what is not right yet; the error of a text that isn't even that is the checked
    one. `max_length` is in characters, None for no limit.
    """
    try:
        return Expression(_read(_filter, text, max_length), text)
    except ParseError as error:
        root = None if check or error.diagnostic.code in _LIMITS else _grammar().read_expression(text)
        if root is None:
            raise
        return Expression(root, text)


def parse_value(text: str, *, max_length: int | None = MAX_LENGTH, check: bool = True) -> Value:
    """The value expression that a text says (a field, or a function's result, of any type); raises ParseError."""
    try:
        return _read(_value, text, max_length)
    except ParseError as error:
        value: Value | None = None if check or error.diagnostic.code in _LIMITS else _grammar().read_value(text)
        if value is None:
            raise
        return value


def _grammar() -> Any:
    """Imported where it is needed: pyparsing takes as long to import as the rest of the language."""
    from mtls_tui.lang import grammar

    return grammar


def _filter(text: str, start: int) -> Expr:
    root, kind, after = Reader(text).logical(start, 0)
    if kind != BOOL:
        assert kind is not None
        raise type_mismatch(text, after, after + 1, BOOL, kind)
    if after < len(text):
        raise unrecognised(text, after)
    return root


def _value(text: str, start: int) -> Value:
    value, kind, each, after = Reader(text).value(start, 0)
    if each and kind is not None:
        raise type_mismatch(text, start, after, kind, array(kind))
    if after < len(text):
        raise unrecognised(text, after)
    return value


def _read(read: Callable[[str, int], Root], text: str, max_length: int | None) -> Root:
    try:
        if max_length is not None and len(text) > max_length:
            message = f"expression exceeds the maximum length of {max_length} characters"
            raise Rejected(text, max_length, len(text), "too-long", message)
        if not text.isascii():
            _refuse_surrogates(text)
        found = LEADING.match(text)
        assert found is not None
        return read(text.rstrip(WHITE), found.end())
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
