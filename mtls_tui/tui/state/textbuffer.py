"""A text under edit: text, cursor and selection, and pure functions from one to the next. Offsets count characters."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from rich.cells import split_graphemes

_WORD = re.compile(r"\w+|[^\w\s]+")


@dataclass(frozen=True, slots=True)
class Buffer:
    """`anchor` is the other end of the selection, None when nothing is selected."""

    text: str = ""
    cursor: int = 0
    anchor: int | None = None
    multiline: bool = False

    @staticmethod
    def of(text: str, *, multiline: bool = False, select: bool = False) -> Buffer:
        """A buffer with the cursor at the end, or with everything selected."""
        text = text if multiline else text.replace("\r\n", "\n").replace("\n", " ")
        return Buffer(text, len(text), 0 if select and text else None, multiline)

    @property
    def selection(self) -> tuple[int, int]:
        """Start and end of what is selected; both the cursor when nothing is."""
        if self.anchor is None:
            return self.cursor, self.cursor
        return min(self.anchor, self.cursor), max(self.anchor, self.cursor)

    @property
    def selected(self) -> str:
        """The selected text."""
        start, end = self.selection
        return self.text[start:end]

    @property
    def place(self) -> tuple[int, int]:
        """Line and column of the cursor, from 0, in characters."""
        before = self.text[: self.cursor]
        line = before.count("\n")
        return line, self.cursor - (before.rfind("\n") + 1)

    @property
    def lines(self) -> list[str]:
        """The lines."""
        return self.text.split("\n")


EMPTY = Buffer()


def insert(buffer: Buffer, text: str) -> Buffer:
    """Type or paste over the selection. A single-line buffer takes newlines as blanks."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not buffer.multiline:
        text = text.strip("\n").replace("\n", " ")
    start, end = buffer.selection
    return replace(buffer, text=buffer.text[:start] + text + buffer.text[end:], cursor=start + len(text), anchor=None)


def _previous(text: str, offset: int) -> int:
    """One grapheme to the left."""
    begin = text.rfind("\n", 0, offset) + 1
    if begin == offset:
        return max(0, offset - 1)
    spans = split_graphemes(text[begin:offset])[0]
    return begin + spans[-1][0] if spans else max(0, offset - 1)


def _next(text: str, offset: int) -> int:
    """One grapheme to the right."""
    if offset >= len(text) or text[offset] == "\n":
        return min(len(text), offset + 1)
    end = text.find("\n", offset)
    spans = split_graphemes(text[offset : end if end >= 0 else None])[0]
    return offset + spans[0][1] if spans else offset + 1


def _word_left(text: str, offset: int) -> int:
    starts = [match.start() for match in _WORD.finditer(text, 0, offset) if match.start() < offset]
    return starts[-1] if starts else 0


def _word_right(text: str, offset: int) -> int:
    match = _WORD.search(text, offset)
    return match.end() if match else len(text)


def _line_start(text: str, offset: int) -> int:
    return text.rfind("\n", 0, offset) + 1


def _line_end(text: str, offset: int) -> int:
    end = text.find("\n", offset)
    return len(text) if end < 0 else end


def _vertical(text: str, offset: int, step: int) -> int:
    start = _line_start(text, offset)
    column = offset - start
    if step < 0:
        if start == 0:
            return 0
        above = _line_start(text, start - 1)
        return min(above + column, start - 1)
    end = _line_end(text, offset)
    if end == len(text):
        return end
    below = end + 1
    return min(below + column, _line_end(text, below))


_MOVES: Mapping[str, Callable[[str, int], int]] = {
    "left": _previous,
    "right": _next,
    "word_left": _word_left,
    "word_right": _word_right,
    "line_start": _line_start,
    "line_end": _line_end,
    "up": lambda text, offset: _vertical(text, offset, -1),
    "down": lambda text, offset: _vertical(text, offset, 1),
    "start": lambda text, _offset: 0,
    "end": lambda text, _offset: len(text),
}


def move(buffer: Buffer, how: str, *, select: bool = False) -> Buffer:
    """Move the cursor (`left`, `word_right`, `line_end`, …), growing the selection when asked to."""
    if not select and buffer.anchor is not None and how in {"left", "right"}:
        start, end = buffer.selection
        return replace(buffer, cursor=start if how == "left" else end, anchor=None)
    anchor = (buffer.cursor if buffer.anchor is None else buffer.anchor) if select else None
    cursor = _MOVES[how](buffer.text, buffer.cursor)
    return replace(buffer, cursor=cursor, anchor=None if anchor == cursor else anchor)


def delete(buffer: Buffer, how: str) -> Buffer:
    """Delete the selection, or from the cursor as far as a move would go (`left`, `word_left`, `line_end`, …)."""
    start, end = buffer.selection
    if start == end:
        start, end = sorted((buffer.cursor, _MOVES[how](buffer.text, buffer.cursor)))
    return replace(buffer, text=buffer.text[:start] + buffer.text[end:], cursor=start, anchor=None)


def select_all(buffer: Buffer) -> Buffer:
    """Select everything."""
    return replace(buffer, cursor=len(buffer.text), anchor=0 if buffer.text else None)


def put(buffer: Buffer, start: int, end: int, text: str) -> Buffer:
    """Replace a range and stand after it (completion)."""
    return replace(buffer, text=buffer.text[:start] + text + buffer.text[end:], cursor=start + len(text), anchor=None)


_MOVING = {
    "left": "left", "right": "right", "up": "up", "down": "down", "home": "line_start", "end": "line_end",
    "ctrl+left": "word_left", "alt+b": "word_left", "ctrl+right": "word_right", "alt+f": "word_right",
    "ctrl+home": "start", "ctrl+end": "end",
}  # fmt: skip
_SELECTING = {f"shift+{key}": _MOVING[key] for key in ("left", "right", "up", "down", "home", "end")}
_DELETING = {
    "backspace": "left", "delete": "right", "ctrl+w": "word_left", "alt+backspace": "word_left",
    "ctrl+u": "line_start", "ctrl+k": "line_end",
}  # fmt: skip
KEYS: frozenset[str] = frozenset(_MOVING | _SELECTING | _DELETING)
"""The editing keys, the same in every text field."""


def press(buffer: Buffer, key: str, character: str | None) -> Buffer | None:
    """The buffer after a key; None if the key does nothing in a text."""
    how = _MOVING.get(key) or _SELECTING.get(key)
    if how in {"up", "down"} and not buffer.multiline:
        return None
    if how is not None:
        return move(buffer, how, select=key in _SELECTING)
    if key in _DELETING:
        return delete(buffer, _DELETING[key])
    if key == "enter" and buffer.multiline:
        return insert(buffer, "\n")
    if character and character.isprintable():
        return insert(buffer, character)
    return None
