"""The access log's file for all processes: appending, so that lines of several never overwrite each other."""

from __future__ import annotations

import os
from pathlib import Path

from mtls_tui.gateway.settings import GatewayError


def open_log(path: Path | None) -> int | None:
    """A descriptor: standard output for None, and None for `/dev/null`. Raises GatewayError if it can't be written."""
    if path is None:
        return os.dup(1)
    if str(path) == os.devnull:
        return None
    try:
        # Without waiting: a pipe that nobody reads would hold us here for good.
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK, 0o640)
    except OSError as error:
        raise GatewayError(f"{path}: the access log can't be written: {error.strerror}") from None
    os.set_blocking(descriptor, True)
    return descriptor


class LogFile:
    """The log as the supervisor holds it: what processes that start later inherit. GatewayError as `open_log`."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.descriptor = open_log(path)

    @property
    def has_name(self) -> bool:
        """Whether it is a file that can be renamed: not standard output, and not switched off."""
        return self.path is not None and self.descriptor is not None

    def reopen(self) -> None:
        """Open the file that has the name now.

        Raises GatewayError if it can't be written; the old file then stays open.
        """
        if self.has_name:
            new = open_log(self.path)
            self.close()
            self.descriptor = new

    def close(self) -> None:
        """Close it."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None
