"""Opening the access log for all processes: appending, so that lines of several never overwrite each other."""

from __future__ import annotations

import os
from pathlib import Path

from mtls_tui.gateway.settings import GatewayError


def open_log(path: Path | None) -> int | None:
    """A descriptor: standard output for None, and None for `/dev/null`. GatewayError when it can't be written."""
    if path is None:
        return os.dup(1)
    if str(path) == os.devnull:
        return None
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    except OSError as error:
        raise GatewayError(f"{path}: the access log can't be written: {error.strerror}") from None
