"""The one widget that draws: it shows lines made elsewhere, repaints only those that changed, and reports clicks.

It holds no state of the program. A subject's view makes the lines; a click becomes a message that names
an action of the registry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from mtls_tui.tui.drawing.line import Click, Line
from mtls_tui.tui.drawing.safe_text import cut, width
from mtls_tui.tui.drawing.theme import DEFAULT, THEMES, Palette

if TYPE_CHECKING:
    from textual import events


class Pane(Widget):
    """Shows lines. `ground` is the style of what no line covers."""

    can_focus = False
    ALLOW_SELECT = False

    @dataclass
    class Clicked(Message):
        """A click on something that does something."""

        pane: str
        click: Click

    @dataclass
    class Wheel(Message):
        """The wheel turned over a pane."""

        pane: str
        step: int

    def __init__(self, name: str, *, ground: str = "text") -> None:
        super().__init__(id=name)
        self.lines: tuple[Line, ...] = ()
        self.palette: Palette = THEMES[DEFAULT]
        self.ground = ground
        self.where: tuple[int, int, int, int] = (0, 0, 0, 0)
        self._strips: dict[int, tuple[Line, int, Strip]] = {}

    def show(self, lines: Sequence[Line], palette: Palette) -> None:
        """Show these lines; only what differs is repainted."""
        new = tuple(lines)
        old, self.lines = self.lines, new
        if palette is not self.palette:
            self.palette = palette
            self._strips.clear()
            self.refresh()
            return
        across = self.size.width
        changed = [
            Region(0, y, across, 1)
            for y in range(max(len(old), len(new)))
            if (old[y] if y < len(old) else None) != (new[y] if y < len(new) else None)
        ]
        if changed:
            self.refresh(*changed)

    def render_line(self, y: int) -> Strip:
        """One line as Textual wants it."""
        across = self.size.width
        line = self.lines[y] if y < len(self.lines) else Line((), self.ground)
        known = self._strips.get(y)
        if known is not None and known[0] is line and known[1] == across:
            return known[2]
        strip = self._draw(line, across)
        self._strips[y] = (line, across, strip)
        return strip

    def _draw(self, line: Line, across: int) -> Strip:
        style = self.palette.style
        segments: list[Segment] = []
        room = across
        for piece in line.pieces:
            if room <= 0:
                break
            text = piece.text if width(piece.text) <= room else cut(piece.text, room)
            segments.append(Segment(text, style(piece.style)))
            room -= width(text)
        if room > 0:
            segments.append(Segment(" " * room, style(line.fill)))
        return Strip(segments, across)

    def on_click(self, event: events.Click) -> None:
        """Tell which action a click names."""
        if 0 <= event.y < len(self.lines):
            click = self.lines[event.y].click_at(event.x)
            if click is not None:
                event.stop()
                self.post_message(self.Clicked(self.id or "", click))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Wheel down."""
        event.stop()
        self.post_message(self.Wheel(self.id or "", 1))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Wheel up."""
        event.stop()
        self.post_message(self.Wheel(self.id or "", -1))
