"""Start the application, and end it cleanly, even if the terminal disappears."""

from __future__ import annotations

import gc
import os
import signal
from pathlib import Path
from types import FrameType

from mtls_tui.files import read_bounded


def run(path: Path | None, *, mouse: bool = True, theme: str | None = None, status: str = "") -> int:
    """Run on the terminal; returns the exit code. `status` is the address of a gateway's status (`127.0.0.1:9443`)."""
    # Textual waits this long for the rest of an escape sequence; its 100 ms make every Esc feel late.
    os.environ.setdefault("ESCDELAY", "50")
    gc.disable()  # while the modules come in: nothing of them is garbage; the application turns it on again
    from mtls_tui.tui.app.app import MtlsApp

    app = MtlsApp(path if path is not None else _last(), theme_name=theme, take_mouse=mouse, status=status)

    def hang_up(_number: int, _frame: FrameType | None) -> None:
        # The link is gone: keep what is unsaved, and go.
        if app.controller is not None:
            from mtls_tui.tui.files.handlers import flush_draft

            flush_draft(app.controller)
        app.exit(1)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    signal.signal(signal.SIGHUP, hang_up)
    signal.signal(signal.SIGTERM, hang_up)
    code = app.run(mouse=mouse)
    return 1 if app.return_code is None else (code if isinstance(code, int) else app.return_code)


def _last() -> Path | None:
    from platformdirs import user_state_path

    try:
        data = read_bounded(user_state_path("mtls-tui", appauthor=False) / "last", 1 << 16)
        path = Path(data.decode("utf-8").strip())
    except (OSError, ValueError):
        return None
    return path if path.is_file() else None
