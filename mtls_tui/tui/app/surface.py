"""What the controller knows of the application: how it was started, the panes that it puts lines on, the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.theme import Theme

from mtls_tui.tui.drawing.pane import Pane
from mtls_tui.tui.drawing.textual_cell_diff import CellDiffApp
from mtls_tui.tui.drawing.theme import DEFAULT, THEMES

if TYPE_CHECKING:
    from mtls_tui.tui.app.settings import Settings


GROUNDS = {"title": "bar", "footer": "bar", "overlay": "up"}
"""The style of panes that don't have the ground of text."""


class Surface(CellDiffApp, inherit_bindings=False):
    """A terminal with panes. `path` is the rule file, None for the first-run screen."""

    def __init__(
        self,
        path: Path | None = None,
        *,
        settings: Settings | None = None,
        drafts: Path | None = None,
        theme_name: str | None = None,
        take_mouse: bool = True,
        status: str = "",
    ) -> None:
        super().__init__(ansi_color=True)
        self.path = path
        self.given_settings = settings
        self.theme_name = theme_name
        self.take_mouse = take_mouse
        self.status = status
        """Address of the gateway's status, "" to ask no gateway."""
        self.drafts = drafts
        self.animation_level = "none"
        self._panes: dict[str, Pane] = {}
        for palette in THEMES.values():
            self.register_theme(Theme(palette.name, "#87d7ff", dark=palette.dark))
        self.set_reactive(CellDiffApp.theme, DEFAULT)

    def pane(self, name: str) -> Pane:
        """The pane with this name; made when it is first asked for."""
        known = self._panes.get(name)
        if known is None:
            known = self._panes[name] = Pane(name, ground=GROUNDS.get(name, "text"))
            self.screen.mount(known)
        return known

    def place(self, name: str, x: int, y: int, width: int, height: int) -> None:
        """Place a pane, in cells; it is hidden if it has no size."""
        styles = self.pane(name).styles
        shown = width > 0 and height > 0
        if styles.display != ("block" if shown else "none"):
            styles.display = "block" if shown else "none"
        if shown:
            where = (x, y, width, height)
            if self.pane(name).where != where:
                self.pane(name).where = where
                styles.offset = (x, y)
                styles.width = width
                styles.height = height

    def use_mouse(self, on: bool) -> None:
        """Capture the mouse, or leave it to the terminal."""
        name = "_enable_mouse_support" if on else "_disable_mouse_support"
        if self._driver is not None and hasattr(self._driver, name):
            getattr(self._driver, name)()
            self._driver.flush()
