"""Where each key and value of a TOML text stands: a scanner for text that `tomllib` has already accepted.

`tomllib` gives values without places and `tomlkit` keeps them to itself, but an error has to name a line and an edit
has to know where a table begins. Paths are tuples: `("rules", 2, "expression")`. Offsets count characters.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

KeyPath: TypeAlias = "tuple[str | int, ...]"

_BLANK = re.compile(r"(?:[ \t\r\n]++|#[^\n]*+)*")
_SPACE = re.compile(r"[ \t]*+")
_KEY = re.compile(r"""[A-Za-z0-9_-]++|"(?:[^"\\]++|\\.)*"|'[^']*+'""")
_STRING = re.compile(
    r'"""(?:[^\\"]++|\\.|"{1,2}(?!"))*"{3,5}'
    r"|'''(?:[^']++|'{1,2}(?!'))*'{3,5}"
    r'|"(?:[^"\\\n]++|\\.)*"'
    r"|'[^'\n]*+'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\n]++")


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """A value from `start` to `end` (half-open), and where its key starts."""

    key: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Header:
    """A table header: its path, whether it was `[[double]]`, where it starts."""

    path: KeyPath
    array: bool
    start: int


class Places:
    """The places of one text."""

    def __init__(self, text: str) -> None:
        """`text` must be valid TOML; anything else gives nonsense or IndexError."""
        self.text = text
        self.values: dict[KeyPath, KeyPlace] = {}
        self.headers: list[Header] = []
        self._counts: dict[KeyPath, int] = {}
        self._scan()

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, both 1-based, of a character offset."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def find(self, path: KeyPath) -> KeyPlace | None:
        """The value at a path, or the nearest table that should hold it."""
        while path:
            if path in self.values:
                return self.values[path]
            path = path[:-1]
        return None

    def line(self, path: KeyPath) -> int:
        """The line of the key at `path` or of the nearest table around it; 1 when there is none."""
        place = self.find(path)
        return self.position(place.key)[0] if place else 1

    # --- the scanner ---------------------------------------------------------------------------------------------

    def _scan(self) -> None:
        text = self.text
        prefix: KeyPath = ()
        position = self._blank(0)
        while position < len(text):
            if text[position] == "[":
                start, array = position, text.startswith("[[", position)
                names, position = self._keys(position + (2 if array else 1))
                path = self._table(names, array)
                position += 2 if array else 1
                self.headers.append(Header(path, array, start))
                self.values.setdefault(path, KeyPlace(start, start, position))
                prefix = path
            else:
                start = position
                names, position = self._keys(position)
                position = self._value((*prefix, *names), start, self._space(position + 1))
            position = self._blank(position)

    def _table(self, names: tuple[str, ...], array: bool) -> KeyPath:
        path: KeyPath = ()
        for name in names[:-1]:
            path = (*path, name)
            if path in self._counts:
                path = (*path, self._counts[path] - 1)
        path = (*path, names[-1])
        if array:
            count = self._counts.get(path, 0)
            self._counts[path] = count + 1
            return (*path, count)
        return path

    def _blank(self, position: int) -> int:
        match = _BLANK.match(self.text, position)
        assert match is not None
        return match.end()

    def _space(self, position: int) -> int:
        match = _SPACE.match(self.text, position)
        assert match is not None
        return match.end()

    def _keys(self, position: int) -> tuple[tuple[str, ...], int]:
        """A dotted key; the position is then at what follows it (`=` or `]`)."""
        names: list[str] = []
        while True:
            match = _KEY.match(self.text, self._space(position))
            assert match is not None
            word = match.group()
            names.append(next(iter(tomllib.loads(f"{word}=0"))) if word[0] in "\"'" else word)
            position = self._space(match.end())
            if self.text[position] != ".":
                return tuple(names), position
            position += 1

    def _value(self, path: KeyPath, key: int, start: int) -> int:
        text = self.text
        first = text[start]
        if first in "\"'":
            match = _STRING.match(text, start)
            assert match is not None
            end = match.end()
        elif first == "[":
            position, index = self._blank(start + 1), 0
            while text[position] != "]":
                position = self._blank(self._value((*path, index), position, position))
                index += 1
                if text[position] == ",":
                    position = self._blank(position + 1)
            end = position + 1
        elif first == "{":
            position = self._blank(start + 1)
            while text[position] != "}":
                inner = position
                names, position = self._keys(position)
                position = self._blank(self._value((*path, *names), inner, self._space(position + 1)))
                if text[position] == ",":
                    position = self._blank(position + 1)
            end = position + 1
        else:
            match = _SCALAR.match(text, start)
            assert match is not None
            end = start + len(match.group().rstrip())
        self.values[path] = KeyPlace(key, start, end)
        return end


def key_name(path: KeyPath) -> str:
    """A path as people write it: `rules[2].response.status`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            word = part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else f'"{part}"'
            text += f".{word}" if text else word
    return text
