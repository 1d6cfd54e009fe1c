"""The application: panes on a screen, keys and clicks in, lines out. It holds no state of the program itself.

Everything that takes time to import is left to `controller`, which comes after the first paint.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.screen import Screen

from mtls_tui.tui.app.surface import GROUNDS, Surface
from mtls_tui.tui.drawing.celldiff import Cells
from mtls_tui.tui.drawing.line import Line, LineBuilder, text_line
from mtls_tui.tui.drawing.pane import Pane
from mtls_tui.tui.drawing.textual_cell_diff import wanted
from mtls_tui.tui.drawing.theme import DEFAULT, THEMES

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from mtls_tui.tui.app.controller import Controller

FIRST = ("title", "builder", "footer")


class MainScreen(Screen[None], inherit_bindings=False):
    """The only screen; keys go to the register of actions, not to widgets."""


class MtlsApp(Surface, inherit_bindings=False):
    """mtls-tui on a terminal."""

    TITLE = "mtls-tui"
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    AUTO_FOCUS = ""
    CSS = """
    MainScreen { layers: base over; overflow: hidden; background: ansi_default; }
    Pane { layer: base; position: absolute; display: none; background: ansi_default; }
    #overlay { layer: over; }
    """

    controller: Controller | None = None
    early: tuple[events.Key | events.Paste, ...] = ()
    """What came before everything was read."""

    def get_default_screen(self) -> Screen[None]:
        """The application's only screen."""
        return MainScreen(id="main")

    def compose(self) -> ComposeResult:
        """The panes of the first paint; the others come when they are first placed."""
        self._panes = {name: Pane(name, ground=GROUNDS.get(name, "text")) for name in FIRST}
        yield from self._panes.values()

    def on_mount(self) -> None:
        """Paint the frame at once; the rest follows."""
        if wanted():
            self.cells = Cells(self.size.width, self.size.height)
        self.first_paint()
        self.call_after_refresh(self.start)

    def first_paint(self) -> None:
        """The frame with the file's name, before anything is read."""
        width, height = self.size.width, self.size.height
        name = self.path.name if self.path else ""
        title = LineBuilder(fill="bar").add(" mtls-tui  ", "bar").add(name, "bar-strong").line(width)
        self.place("title", 0, 0, width, 1)
        self.place("builder", 0, 1, width, height - 2)
        self.place("footer", 0, height - 1, width, 1)
        palette = THEMES["mono" if self.no_color else DEFAULT]
        self.pane("title").show((title,), palette)
        lead = text_line("   reading the rules …", "faint", width)
        self.pane("builder").show((Line(), Line(), lead), palette)
        self.pane("footer").show((Line((), "bar"),), palette)

    def start(self) -> None:
        """Import the rest, and read the file."""
        from mtls_tui.tui.app.controller import Controller

        self.app_resume_signal.subscribe(self, lambda _: self.redraw())
        self.controller = Controller(self)
        self.controller.start()
        gc.freeze()
        gc.enable()
        early, self.early = self.early, ()
        for event in early:
            self.on_key(event) if isinstance(event, events.Key) else self.on_paste(event)

    # --- Textual's names -----------------------------------------------------------------------------------------

    def watch_theme(self, theme: str) -> None:
        """Keep the palette in step with `App.theme`."""
        if self.controller is not None and theme in THEMES and theme != self.controller.document.view.theme:
            self.controller.dispatch("theme.set", key=theme)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """A line in the last row, where every message is: a toast would cover the rules."""
        if self.controller is not None:
            self.controller.dispatch("notice.show", text=message, kind="note" if severity == "information" else "bad")

    # --- input ---------------------------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        """Send every key to the controller; widgets get none."""
        if self.controller is None:
            self.early = (*self.early, event)
        else:
            self.controller.key(event.key, event.character)

    def on_paste(self, event: events.Paste) -> None:
        """Handle a paste as one event."""
        if self.controller is None:
            self.early = (*self.early, event)
        else:
            self.controller.paste(event.text)

    def on_pane_clicked(self, message: Pane.Clicked) -> None:
        """Run the action that was clicked."""
        if self.controller is not None:
            self.controller.clicked(message)

    def on_pane_wheel(self, message: Pane.Wheel) -> None:
        """The wheel moves the cursor of the pane below it."""
        if self.controller is not None:
            self.controller.wheel(message.pane, message.step)

    def on_resize(self, event: events.Resize) -> None:
        """Lay everything out again once Textual has taken the new size."""
        self.call_later(self.controller.show if self.controller is not None else self.first_paint)
