"""How a text is broken into the lines that are shown, and which of them the cursor is in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from mtls_tui.tui.drawing.safe_text import safe, width
from mtls_tui.tui.layout.scroll import scrolled
from mtls_tui.tui.state.view_state import ViewState
from mtls_tui.tui.text.highlight import tokens_of


@dataclass(frozen=True, slots=True)
class Wrapped:
    """One shown line: the range of the text that it shows."""

    start: int
    end: int


@lru_cache(maxsize=8)
def wrap_text(text: str, total: int) -> tuple[Wrapped, ...]:
    """Lines of a text: its own; where one is too long, each operand of the outermost join begins a line.

    What is longer still is broken after a blank or, in need, anywhere. So a letter that is typed moves the rest of
    its own clause, not of the whole text.
    """
    lines: list[Wrapped] = []
    start = 0
    for line in text.split("\n"):
        end = start + len(line)
        if width(safe(line)) <= total:
            lines.append(Wrapped(start, end))
        else:
            for left, right in pairwise((start, *joins(text, start, end), end)):
                lines += _broken(text, left, right, total)
        start = end + 1
    return tuple(lines)


def joins(text: str, start: int, end: int) -> list[int]:
    """Where the outermost joins of a line stand: those at the least depth of brackets."""
    depth = 0
    found: list[tuple[int, int]] = []
    for token in tokens_of(text[start:end]):
        if token.text in _OPENING:
            depth += 1
        elif token.text in _CLOSING:
            depth -= 1
        elif token.text in _JOINS and token.kind in {"word", "sign"}:
            found.append((depth, start + token.start))
    least = min((level for level, _ in found), default=0)
    return [place for level, place in found if level == least]


_OPENING, _CLOSING = frozenset("({["), frozenset(")}]")


_JOINS = frozenset({"and", "or", "xor", "&&", "||", "^^"})


def _broken(text: str, start: int, end: int, total: int) -> list[Wrapped]:
    lines: list[Wrapped] = []
    at = start
    while width(safe(text[at:end])) > total:
        stop = fits(text, at, end, total)
        blank = text.rfind(" ", at + 1, stop)
        stop = blank + 1 if blank > at + total // 3 else stop
        lines.append(Wrapped(at, stop))
        at = stop
    if at < end:
        lines.append(Wrapped(at, end))
    return lines


def fits(text: str, start: int, end: int, total: int) -> int:
    """The end of the part of a text that fits `total` cells; at least one character."""
    stop = min(end, start + total)
    while stop > start + 1 and width(safe(text[start:stop])) > total:
        stop -= 1
    return stop


def line_of(wrapped: tuple[Wrapped, ...], offset: int) -> int:
    """The index of the shown line that holds an offset."""
    for place, line in enumerate(wrapped):
        following = wrapped[place + 1].start if place + 1 < len(wrapped) else None
        if offset < line.end or (offset == line.end and following != line.end):
            return place
    return len(wrapped) - 1


def top_of_text(view: ViewState, total: int, height: int) -> int:
    """The first line shown of a text under edit."""
    assert view.text is not None
    wrapped = wrap_text(view.text.text, max(10, total - 3))
    return scrolled(view.tops.get("text", 0), line_of(wrapped, view.text.cursor), max(1, height - 2), len(wrapped), 0)
