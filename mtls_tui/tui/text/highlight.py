"""Colours for the language, also for text that doesn't parse."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import lru_cache
from typing import TypeAlias

from mtls_tui.lang.catalogue import FUNCTIONS
from mtls_tui.lang.scan import Token, tokens
from mtls_tui.lang.terminals import JOINS, OPERATORS

_WORDS = frozenset({"not", "!", "true", "false", *JOINS})
_OPERATORS = frozenset(" ".join(OPERATORS).split())


@lru_cache(maxsize=4)
def tokens_of(text: str) -> tuple[Token, ...]:
    """The tokens of a text; colours and line breaks both ask for them."""
    return tuple(tokens(text))


Ranges: TypeAlias = tuple[tuple[int, int, str], ...]
"""Start, end and style."""


def highlight_in(text: str, start: int, end: int) -> Ranges:
    """The ranges of a text that lie in a part of it, cut to it."""
    ranges = highlight(text)
    first = bisect_right(ranges, start, key=lambda one: one[1])
    last = bisect_left(ranges, end, key=lambda one: one[0])
    return tuple((max(left, start), min(right, end), style) for left, right, style in ranges[first:last])


@lru_cache(maxsize=4)
def highlight(text: str) -> Ranges:
    """Ranges of a text with their styles, in order, without gaps; neighbours of one style are one."""
    found: list[tuple[int, int, str]] = []

    def styled(end: int, style: str) -> None:
        start = found[-1][1] if found else 0
        if found and found[-1][2] == style:
            start, _, _ = found.pop()
        if start < end:
            found.append((start, end, style))

    for token in tokens_of(text):
        styled(token.start, "soft")
        styled(token.start + len(token.text), _style(token.kind, token.text))
    styled(len(text), "soft")
    return tuple(found)


def _style(kind: str, text: str) -> str:
    if kind in {"string", "raw", "list"}:
        return "value"
    if kind == "number":
        return "number"
    if text in _WORDS:
        return "word"
    if text in _OPERATORS:
        return "operator"
    if kind == "word":
        return "accent" if text in FUNCTIONS else "field"
    return "soft"
