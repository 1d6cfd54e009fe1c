"""Text that is safe to show: nothing of a user's data may move the cursor, turn the direction, or become markup."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from rich.cells import cell_len, split_graphemes

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_INVISIBLE = frozenset("\u00ad\u200b\u200c\u2028\u2029\u2060\ufeff\u180e")


def _shown(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if (
        character in _BIDI
        or character in _INVISIBLE
        or unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn"}
    ):
        return f"⟨{code:04X}⟩"
    return character


@lru_cache(maxsize=8192)
def safe(text: str) -> str:
    """The text with control, bidirectional and invisible characters made visible; one line."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def decode(data: bytes) -> str:
    """Bytes of the language as text; what is not UTF-8 becomes `\\xHH`."""
    return data.decode("utf-8", "backslashreplace")


@lru_cache(maxsize=8192)
def width(text: str) -> int:
    """Cells that a safe text takes."""
    return len(text) if text.isascii() else cell_len(text)


@lru_cache(maxsize=8192)
def cut(text: str, cells: int, ellipsis: str = "…") -> str:
    """The text, shortened to at most so many cells, `…` telling that there is more."""
    if cells <= 0:
        return ""
    if width(text) <= cells:
        return text
    room = cells - width(ellipsis)
    kept, used = [], 0
    for start, end, size in split_graphemes(text)[0]:
        if used + size > room:
            break
        kept.append(text[start:end])
        used += size
    return "".join(kept) + ellipsis


def pad(text: str, cells: int) -> str:
    """The text cut or filled with blanks to exactly so many cells."""
    shown = cut(text, cells)
    return shown + " " * (cells - width(shown))


def wrap(text: str, cells: int) -> list[str]:
    """Words on lines of at most so many cells; a word that is longer is cut into pieces. Newlines end lines."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in safe(paragraph).split(" "):
            while width(word) > cells:
                head = cut(word, cells - width(line) - 1 if line else cells, "")
                if not head:
                    lines.append(line)
                    line = ""
                    continue
                lines.append(f"{line} {head}" if line else head)
                word, line = word[len(head) :], ""
            if not line:
                line = word
            elif width(line) + 1 + width(word) <= cells:
                line = f"{line} {word}"
            else:
                lines.append(line)
                line = word
        lines.append(line)
    return lines
