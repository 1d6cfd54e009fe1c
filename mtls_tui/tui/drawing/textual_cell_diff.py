"""Where the cell difference meets Textual: `App._display`, wrapped. Made for the exact Textual that we pin.

`MTLS_TUI_CELLDIFF=0`, or `cell_diff = false` in the settings, gives Textual's own output back.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from textual._compositor import CompositorUpdate
from textual.app import App

from mtls_tui.tui.drawing.celldiff import Cells

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.screen import Screen


def wanted(setting: bool = True) -> bool:
    """Whether to send differences only: the environment wins over the settings."""
    value = os.environ.get("MTLS_TUI_CELLDIFF", "")
    return setting if not value else value not in {"0", "no", "off", "false"}


class CellDiffApp(App[int]):
    """An application that sends only changed cells."""

    cells: Cells | None = None

    def use_cell_diff(self, on: bool) -> None:
        """Switch the layer on or off; either way the next update starts from an unknown screen."""
        self.cells = Cells(self.size.width, self.size.height) if on else None

    def forget_screen(self) -> None:
        """After anything else wrote to the terminal: nothing on it is taken for known."""
        if self.cells is not None:
            self.cells.invalidate()

    def redraw(self) -> None:
        """Clear the terminal and draw everything."""
        self.forget_screen()
        if self._driver is not None and not self.is_headless:
            self._driver.write("\x1b[m\x1b[2J")
        self.screen.refresh(layout=True)

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        cells, driver = self.cells, self._driver
        if (
            cells is None
            or driver is None
            or driver.is_inline
            or self.is_headless
            or self._batch_count
            or not self._running
            or self._closed
            or not isinstance(renderable, CompositorUpdate)
        ):
            if renderable is not None and not self._batch_count:
                self.forget_screen()
            super()._display(screen, renderable)
            return
        try:
            cells.resize(self.size.width, self.size.height)
            console = self.console
            segments = renderable.__rich_console__(console, console.options)
            data = cells.update(segments, console._color_system)
            x, y = self.screen.outer_size.clamp_offset(self.cursor_position)
            if data or (x, y) != self._previous_cursor_position:
                self._begin_update()
                driver.write(f"{data}\x1b[{y + 1};{x + 1}H")
                self._end_update()
                self._previous_cursor_position = self.screen.outer_size.clamp_offset(self.cursor_position)
                driver.flush()
        except Exception as error:
            self.forget_screen()
            self._handle_exception(error)
        finally:
            self.post_display_hook()
