"""Colours for the language, also for text that doesn't parse."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import lru_cache

from mtls_tui.lang.catalogue import FUNCTIONS
from mtls_tui.lang.scan import Token, tokens
from mtls_tui.lang.terminals import JOINS, OPERATORS

_WORDS = frozenset({"not", "!", "true", "false", *JOINS})
_OPERATORS = frozenset(" ".join(OPERATORS).split())


@lru_cache(maxsize=4)
def tokens_of(text: str) -> tuple[Token, ...]:
    """The tokens of a text; colours and line breaks both ask for them."""
    return tuple(tokens(text))


def highlight_in(text: str, start: int, end: int) -> tuple[tuple[int, int, str], ...]:
    """The ranges of a text that lie in a part of it, cut to it."""
    ranges = highlight(text)
    first = bisect_right(ranges, start, key=lambda one: one[1])
    last = bisect_left(ranges, end, key=lambda one: one[0])
    return tuple((max(left, start), min(right, end), style) for left, right, style in ranges[first:last])


@lru_cache(maxsize=4)
def highlight(text: str) -> tuple[tuple[int, int, str], ...]:
    """Ranges of a text with their styles, in order, without gaps."""
    return tuple(_joined(_styled(text)))


def _styled(text: str) -> Iterator[tuple[int, int, str]]:
    at = 0
    for token in tokens_of(text):
        if token.start > at:
            yield at, token.start, "soft"
        at = token.start + len(token.text)
        yield token.start, at, _style(token.kind, token.text)
    if at < len(text):
        yield at, len(text), "soft"


def _style(kind: str, text: str) -> str:
    if kind in {"string", "raw"}:
        return "value"
    if kind == "number":
        return "number"
    if kind == "list":
        return "value"
    if text in _WORDS:
        return "word"
    if text in _OPERATORS:
        return "operator"
    if kind == "word":
        return "accent" if text in FUNCTIONS else "field"
    return "soft"


def _joined(ranges: Iterator[tuple[int, int, str]]) -> Iterator[tuple[int, int, str]]:
    """Neighbours of one style as one; blanks take the style of what stands before them."""
    last: tuple[int, int, str] | None = None
    for start, end, style in ranges:
        if last is not None and last[2] == style and last[1] == start:
            last = (last[0], end, style)
            continue
        if last is not None:
            yield last
        last = (start, end, style)
    if last is not None:
        yield last
