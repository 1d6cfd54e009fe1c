"""Where the authority is, how it is opened, and the one message when something goes wrong with it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from mtls_tui.cli.errors import as_input_error
from mtls_tui.files import FileError, read_bounded
from mtls_tui.pki.authority import LARGEST, Authority, AuthorityError
from mtls_tui.pki.inventory import InventoryError
from mtls_tui.pki.issue import IssueError


class Store:
    """Where the authority is and how to open it; errors become one message and exit code 2."""

    def __init__(self, folder: Path, passphrase_file: Path | None) -> None:
        self.folder = folder
        self.passphrase_file = passphrase_file

    def passphrase(self) -> bytes | None:
        """From the file given, or `MTLS_TUI_CA_PASSPHRASE`; never from the command line, where others can read it."""
        if self.passphrase_file is not None:
            return read(self.passphrase_file).rstrip(b"\r\n")
        text = os.environ.get("MTLS_TUI_CA_PASSPHRASE")
        return text.encode("utf-8") if text else None

    def open(self) -> Authority:
        """The authority of the folder."""
        return Authority(self.folder, passphrase=self.passphrase())


fallible = as_input_error(AuthorityError, InventoryError, IssueError)
"""For what can go wrong with an authority."""


@as_input_error(FileError)
def read(path: Path) -> bytes:
    """The content of a named file. Raises InputError if it can't be read."""
    return read_bounded(path, LARGEST, "file", pipes=True)


def now() -> datetime:
    """The present time, in UTC."""
    return datetime.now(UTC)
