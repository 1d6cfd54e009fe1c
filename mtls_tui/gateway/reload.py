"""Noticing that the bundle or a certificate on disk changed: by the system's notices, and by a look now and then."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from watchfiles import awatch

LOOK_SECONDS = 0.5
"""How often the files are looked at regardless: notices get lost on network file systems and at mount points."""

Mark = tuple[int, int, int, int] | None


def mark(path: Path) -> Mark:
    """What changes when a file is replaced or rewritten; None while it is not there."""
    try:
        found = os.stat(path)  # noqa: PTH116 - all four values at once
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


class Watch:
    """Calls `changed` after any of the files changed. `files` is asked anew each time: a bundle names others."""

    def __init__(self, files: Callable[[], list[Path]], changed: Callable[[], Awaitable[None]]) -> None:
        self._files = files
        self._changed = changed
        self._seen: dict[Path, Mark] = {}

    async def run(self) -> None:
        """Until cancelled."""
        self._seen = {path: mark(path) for path in self._files()}
        while True:
            await self._notice()
            now = {path: mark(path) for path in self._files()}
            if now != self._seen:
                self._seen = now
                await self._changed()
                self._seen = {path: now.get(path, mark(path)) for path in self._files()}

    async def _notice(self) -> None:
        """Return at the first notice, or when it is time to look."""
        folders = {path.parent for path in self._files() if path.parent.is_dir()}
        names = {path.name for path in self._files()}
        stop = asyncio.Event()

        async def listen() -> None:
            async for _ in awatch(
                *folders, stop_event=stop, recursive=False, debounce=20, step=10, rust_timeout=100,
                watch_filter=lambda _, path: Path(path).name in names,
            ):  # fmt: skip
                return

        listening = asyncio.create_task(listen())
        try:
            await asyncio.wait((listening,), timeout=LOOK_SECONDS)
        finally:
            stop.set()
            await asyncio.gather(listening, return_exceptions=True)
