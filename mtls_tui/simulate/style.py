"""Text for a terminal: colours only where they are welcome, nothing from outside that could move a cursor.

Colour follows NO_COLOR (no-color.org), CLICOLOR_FORCE, TERM=dumb and whether the stream is a terminal.
"""

from __future__ import annotations

import os
import shutil
import textwrap
import unicodedata
from dataclasses import dataclass
from typing import IO

_CODES = {
    "bold": "1", "dim": "2", "italic": "3", "underline": "4", "reverse": "7", "red": "31", "green": "32",
    "yellow": "33", "cyan": "36",
}  # fmt: skip
_NAMES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\x1b": "\\e", "\0": "\\0"}
MAX_WIDTH = 120


@dataclass(frozen=True, slots=True)
class Style:
    """How to write: with or without colour, and how many columns there are."""

    color: bool = False
    width: int = 100

    def __call__(self, text: str, *names: str) -> str:
        """`text` in these colours and weights; plain where colour is not wanted."""
        if not self.color or not names or not text:
            return text
        return f"\x1b[{';'.join(_CODES[name] for name in names)}m{text}\x1b[0m"

    def title(self, text: str) -> str:
        """The heading of a section; plain where colour is not wanted."""
        return self(text, "bold", "underline")

    def wrapped(self, text: str, indent: str = "", first: str | None = None) -> str:
        """Plain text broken at blanks to the width; never breaks a long word."""
        return "\n".join(
            textwrap.wrap(
                text, self.width, initial_indent=indent if first is None else first, subsequent_indent=indent,
                break_long_words=False, break_on_hyphens=False,
            )
        )  # fmt: skip


def style_for(stream: IO[str], *, color: bool | None = None) -> Style:
    """The style that suits a stream."""
    if color is None:
        if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
            color = False
        elif os.environ.get("CLICOLOR_FORCE", "0") not in ("", "0"):
            color = True
        else:
            color = stream.isatty()
    width = shutil.get_terminal_size((100, 24)).columns
    return Style(color, max(40, min(width, MAX_WIDTH)))


def safe(value: str | bytes, most: int = 0) -> str:
    """Text that can be shown anywhere: control, format and lone surrogate characters as escapes; cut after `most`."""
    text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
    cut = most and len(text) > most
    if cut:
        text = text[: most - 1]
    if not (text.isascii() and text.isprintable()):
        text = "".join(_shown(char) for char in text)
    return text + "…" if cut else text


def columns(text: str) -> int:
    """How many columns plain text takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def padded(text: str, width: int) -> str:
    """Plain text with blanks up to a number of columns."""
    return text + " " * max(0, width - columns(text))


def _shown(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Cs" and 0xDC80 <= ord(char) <= 0xDCFF:  # a byte that is not UTF-8
        return f"\\x{ord(char) - 0xDC00:02x}"
    # Cc and Cf move cursors and turn the reading direction; Zl and Zp break lines.
    if category in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return _NAMES.get(char) or (f"\\x{ord(char):02x}" if ord(char) < 256 else f"\\u{{{ord(char):x}}}")
    return char


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
