"""The terminal, as handlers of effects know it, on Textual's application."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtls_tui.tui.app.app import MtlsApp


class TextualTerminal:
    """`registry.effects.Terminal` of an application."""

    def __init__(self, app: MtlsApp) -> None:
        self.app = app

    def leave(self, code: int) -> None:
        """End the application."""
        self.app.exit(code)

    def redraw(self) -> None:
        """Draw everything again."""
        self.app.redraw()

    def mouse(self, on: bool) -> None:
        """Have the driver take the mouse or leave it."""
        driver = self.app._driver
        name = "_enable_mouse_support" if on else "_disable_mouse_support"
        if driver is not None and hasattr(driver, name):
            getattr(driver, name)()
            driver.flush()

    def write(self, data: str) -> None:
        """Send a control sequence by the driver."""
        driver = self.app._driver
        if driver is not None:
            driver.write(data)
            driver.flush()

    def suspended(self) -> AbstractContextManager[None]:
        """Textual's suspension."""
        return self.app.suspend()
