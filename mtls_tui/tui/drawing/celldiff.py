"""Send the terminal only the cells that differ from what it already shows.

Textual's compositor sends every dirty region whole. `Cells` remembers each cell that was sent, takes the compositor's
segments in, and gives back the shortest plain sequence that brings the terminal to the same picture. It knows
nothing of Textual: `textual_cell_diff.py` hooks it in.

What holds:

- A cell of which nothing is known (start, resize, resume, another program's output) is always sent.
- Both halves of a wide character are one: if either changes, what stood there and what comes is sent whole.
- After a character whose width terminals disagree about, the position is set again, so an error can't travel.
- The last column is never trusted to wrap: the next write sets its position.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, TypeAlias

from rich.cells import cell_len, split_graphemes
from rich.color import ColorSystem
from rich.segment import ControlType, Segment
from rich.style import Style

Sgr: TypeAlias = tuple[str, str, str, str]
"""Attributes, foreground and background as SGR parameters, and a link's address; each "" when default."""

Cell: TypeAlias = tuple[str, Sgr]
PLAIN: Final[Sgr] = ("", "", "", "")
ANY: Final = "*"
"""The foreground of a blank: whatever the pen has."""
_ON_BLANKS: Final = frozenset({"1", "2", "3"})
"""Attributes that nobody sees on a blank: bold, dim, italic."""
_OFF: Final = {"1": "22", "2": "22", "3": "23", "4": "24", "5": "25", "6": "25", "7": "27", "8": "28", "9": "29",
               "21": "24", "51": "54", "52": "54", "53": "55"}  # fmt: skip
"""What takes an attribute away."""
UNKNOWN: Final[Cell] = ("\0", PLAIN)
REWRITE: Final = 4
"""Unchanged cells up to this many are sent again when that is cheaper than a jump (`CSI n C` has 4 bytes)."""


@lru_cache(maxsize=4096)
def _plain_sgr(style: Style, color_system: ColorSystem) -> Sgr:
    """The parts of a style, apart, so that a change of one costs only that one."""
    codes = style.without_color._make_ansi_codes(color_system)
    color = style.color.downgrade(color_system).get_ansi_codes() if style.color else ()
    behind = style.bgcolor.downgrade(color_system).get_ansi_codes(foreground=False) if style.bgcolor else ()
    foreground, background = ";".join(color), ";".join(behind)
    return codes, foreground.removeprefix("39"), background.removeprefix("49"), style.link or ""


@lru_cache(maxsize=4096)
def _blank(sgr: Sgr) -> Sgr:
    """How a blank is written: its background, and of its attributes those that show on it."""
    seen = [code for code in sgr[0].split(";") if code and code not in _ON_BLANKS]
    return sgr if seen or sgr[3] else ("", ANY, sgr[2], "")


def sgr_of(style: Style | None, color_system: ColorSystem | None) -> Sgr:
    """What the terminal is told for a style; without a colour system, nothing."""
    if style is None or color_system is None:
        return PLAIN
    return _plain_sgr(style, color_system)


@lru_cache(maxsize=4096)
def _clusters(text: str) -> tuple[tuple[str, int], ...]:
    """Grapheme clusters of a text with their widths in cells; a cluster of no width joins the one before."""
    found: list[tuple[str, int]] = []
    spans, _ = split_graphemes(text)
    for start, end, _width in spans:
        cluster = text[start:end]
        width = cell_len(cluster)
        if width == 0 and found:
            before, before_width = found[-1]
            found[-1] = (before + cluster, before_width)
        elif width:
            found.append((cluster, width))
    return tuple(found)


@lru_cache(maxsize=4096)
def _uncertain(text: str) -> bool:
    """Whether terminals may disagree about the width of this cell's text."""
    return len(text) > 1 or (not text.isascii() and unicodedata.east_asian_width(text) in "WF")


class Cells:
    """The picture the terminal shows, as far as we know it, and the way from there to the next."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.rows: list[list[Cell]] = []
        self.invalidate()

    def invalidate(self) -> None:
        """Forget everything: whatever comes next is sent."""
        self.rows = [[UNKNOWN] * self.width for _ in range(self.height)]

    def resize(self, width: int, height: int) -> None:
        """A terminal of another size: what it shows now is its own affair, so nothing is known."""
        if (width, height) != (self.width, self.height):
            self.width, self.height = width, height
            self.invalidate()

    def update(self, segments: Iterable[Segment], color_system: ColorSystem | None) -> str:
        """Take in what the compositor wants shown; return what has to be sent ("" when nothing differs)."""
        wanted: dict[int, dict[int, Cell]] = {}
        x = y = 0
        for text, style, control in segments:
            if control:
                for code in control:
                    if code[0] is ControlType.CURSOR_MOVE_TO:
                        x, y = int(code[1]), int(code[2])  # type: ignore[misc]
                continue
            if text == "\n":
                continue
            if not 0 <= y < self.height:
                continue
            x = self._collect(wanted.setdefault(y, {}), x, text, sgr_of(style, color_system))
        return self._emit(wanted)

    def _collect(self, row: dict[int, Cell], x: int, text: str, sgr: Sgr) -> int:
        if text.isascii():
            blank = (" ", _blank(sgr))
            for character in text:
                if x < self.width:
                    row[x] = (character, sgr) if character != " " and character.isprintable() else blank
                x += 1
            return x
        for cluster, width in _clusters(text):
            if cluster == " " and x < self.width:
                row[x] = (" ", _blank(sgr))
            elif x + width <= self.width:
                row[x] = (cluster, sgr)
                for half in range(1, width):
                    row[x + half] = ("", sgr)
            else:
                for column in range(x, self.width):
                    row[column] = (" ", _blank(sgr))
            x += width
        return x

    def _emit(self, wanted: dict[int, dict[int, Cell]]) -> str:
        out: list[str] = []
        writer = _Writer(out)
        for y in sorted(wanted):
            old = self.rows[y]
            new = list(old)
            for x, cell in wanted[y].items():
                new[x] = cell
            columns = [x for x in wanted[y] if new[x] != old[x]]
            if not columns:
                continue
            _mend_halves(old, new)
            self._emit_row(writer, y, old, new, _whole_characters(columns, old, new))
            self.rows[y] = new
        writer.finish()
        return "".join(out)

    def _emit_row(self, writer: _Writer, y: int, old: list[Cell], new: list[Cell], columns: list[int]) -> None:
        last = -1
        for x in columns:
            text, sgr = new[x]
            if text == "":
                continue  # a right half comes with its left one
            gap = x - last
            if 0 < last < x and writer.at == (last, y) and gap <= REWRITE:
                between = new[last:x]
                if all(cell[1] == writer.sgr and len(cell[0]) == 1 and cell != UNKNOWN for cell in between):
                    for cell in between:
                        writer.put(cell[0], cell[1], 1, self.width)
            writer.move(x, y)
            width = 2 if x + 1 < self.width and new[x + 1][0] == "" else 1
            writer.put(text, sgr, width, self.width)
            last = x + width


def _whole_characters(columns: list[int], old: list[Cell], new: list[Cell]) -> list[int]:
    """The changed columns, grown so that no wide character, old or new, is touched by half."""
    found = set(columns)
    for x in columns:
        for row in (old, new):
            if row[x][0] == "" and x > 0:
                found.add(x - 1)
            if x + 1 < len(row) and row[x + 1][0] == "":
                found.add(x + 1)
    if len(found) > len(columns):
        return _whole_characters(sorted(found), old, new)
    return sorted(found)


def _mend_halves(old: list[Cell], new: list[Cell]) -> None:
    """Where an update cut a wide character in two, the half that is left over becomes a blank, as terminals do it."""
    for x, (text, sgr) in enumerate(new):
        if text == "":
            torn = x == 0 or cell_len(new[x - 1][0]) < 2
        elif text.isascii():
            torn = False
        else:
            torn = cell_len(text) == 2 and (x + 1 >= len(new) or new[x + 1][0] != "")
        if torn:
            new[x] = (" ", _blank(sgr))


def _kept_on_blanks(old: Sgr | None) -> str:
    """The pen's attributes as far as they may stay for a blank: all, when none of them shows on it."""
    if old is None:
        return ""
    return ";".join(code for code in old[0].split(";") if code in _ON_BLANKS)


@lru_cache(maxsize=256)
def _attribute_changes(old: str, new: str) -> tuple[str, ...]:
    """The codes that lead from some attributes to others."""
    before, after = set(old.split(";")) - {""}, set(new.split(";")) - {""}
    off = {_OFF[code] for code in before - after}
    # 22 takes bold and dim away together, 24 both underlines: what is to stay is said again.
    again = {code for code in before & after if _OFF[code] in off}
    return (*sorted(off), *sorted((after - before) | again))


class _Writer:
    """The terminal's pen: where it is and how it writes, so that nothing is said twice."""

    def __init__(self, out: list[str]) -> None:
        self.out = out
        self.at: tuple[int, int] | None = None
        self.sgr: Sgr | None = None

    def move(self, x: int, y: int) -> None:
        if self.at == (x, y):
            return
        if self.at is not None and self.at[1] == y and x > self.at[0]:
            step = x - self.at[0]
            self.out.append("\x1b[C" if step == 1 else f"\x1b[{step}C")
        else:
            self.out.append(f"\x1b[{y + 1};{x + 1}H")
        self.at = (x, y)

    def put(self, text: str, sgr: Sgr, width: int, line_width: int) -> None:
        self._style(sgr)
        self.out.append(text)
        if self.at is None:
            return
        x, y = self.at
        # At the right edge terminals hold the wrap back; an uncertain width is an unknown place.
        self.at = None if x + width >= line_width or _uncertain(text) else (x + width, y)

    def _style(self, sgr: Sgr) -> None:
        old = self.sgr
        if sgr[1] == ANY:
            sgr = (_kept_on_blanks(old), old[1] if old else "", sgr[2], sgr[3])
        if sgr == old:
            return
        if sgr[3] != (old[3] if old else ""):
            self.out.append(f"\x1b]8;;{sgr[3]}\x1b\\")
        if old is None:
            codes = ";".join(part for part in sgr[:3] if part)
            self.out.append(f"\x1b[0;{codes}m" if codes else "\x1b[m")
        else:
            parts = [*_attribute_changes(old[0], sgr[0])]
            if sgr[1] != old[1]:
                parts.append(sgr[1] or "39")
            if sgr[2] != old[2]:
                parts.append(sgr[2] or "49")
            if parts:
                self.out.append("\x1b[m" if sgr[:3] == ("", "", "") else f"\x1b[{';'.join(parts)}m")
        self.sgr = sgr

    def finish(self) -> None:
        if self.sgr is not None and self.sgr != PLAIN:
            if self.sgr[3]:
                self.out.append("\x1b]8;;\x1b\\")
            self.out.append("\x1b[m")
