"""A line to show, as data: pieces of text, each with a named style and, for the mouse, what a click on it does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from mtls_tui.tui.drawing.safe_text import cut, safe, width

if TYPE_CHECKING:
    from mtls_tui.tui.action_ids import ActionId


@dataclass(frozen=True, slots=True)
class Click:
    """What a click does: an action of the registry with its arguments."""

    action: ActionId
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text in one style. The text is safe to show (`Line.add` sees to it)."""

    text: str
    style: str = "text"
    click: Click | None = None


Pieces: TypeAlias = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `fill` is the style of what stands to its right up to the edge."""

    pieces: Pieces = ()
    fill: str = "text"

    @property
    def width(self) -> int:
        """Cells taken."""
        return sum(width(piece.text) for piece in self.pieces)

    @property
    def text(self) -> str:
        """The bare text."""
        return "".join(piece.text for piece in self.pieces)

    def with_right(self, text: str, style: str, total: int) -> Line:
        """The line with a text at the right edge of so many cells, where there is room for it."""
        if self.width + width(text) + 1 > total:
            return self
        out = LineBuilder(fill=self.fill, after=self.pieces)
        return out.right([(text, style)], total).line(total)

    def click_at(self, x: int) -> Click | None:
        """What a click on this column does."""
        for piece in self.pieces:
            x -= width(piece.text)
            if x < 0:
                return piece.click
        return None


class LineBuilder:
    """Puts a line together; knows how far it has come."""

    def __init__(self, *, fill: str = "text", click: Click | None = None, after: Pieces = ()) -> None:
        self.pieces = list(after)
        self.at = Line(after).width
        self.fill = fill
        self.click = click

    def add(self, text: str, style: str = "text", click: Click | None = None) -> LineBuilder:
        """Append text, made safe."""
        text = safe(text)
        if text:
            self.pieces.append(Piece(text, style, click or self.click))
            self.at += width(text)
        return self

    def to(self, column: int, style: str = "", minimum: int = 0) -> LineBuilder:
        """Blanks up to a column, or at least so many."""
        blanks = max(column - self.at, minimum)
        return self.add(" " * blanks, style or self.fill) if blanks > 0 else self

    def right(self, pieces: Iterable[tuple[str, str]], total: int) -> LineBuilder:
        """Pieces at the right edge of a line of this width."""
        given = [(safe(text), style) for text, style in pieces]
        self.to(total - sum(width(text) for text, _ in given), minimum=1)
        for text, style in given:
            self.add(text, style)
        return self

    def line(self, total: int | None = None) -> Line:
        """The line, cut to a width when one is given."""
        pieces = tuple(self.pieces)
        if total is not None and self.at > total:
            pieces = crop(pieces, total)
        return Line(pieces, self.fill)


def text_line(text: str, style: str = "text", total: int | None = None, *, fill: str = "text") -> Line:
    """A line of one text."""
    return LineBuilder(fill=fill).add(text, style).line(total)


def crop(pieces: Pieces, total: int) -> Pieces:
    """The pieces, cut to a width; the last one ends in `…`."""
    kept: list[Piece] = []
    room = total
    for index, piece in enumerate(pieces):
        size = width(piece.text)
        more = index + 1 < len(pieces)
        if size > room or (size == room and more):
            kept.append(Piece(cut(piece.text + ("…" if size <= room else ""), room), piece.style, piece.click))
            break
        kept.append(piece)
        room -= size
    return tuple(kept)
