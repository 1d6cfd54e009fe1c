"""Keeping what runs in step with the disk: noticing changes, taking them over, trying again, keeping account.

By the system's notices and by a look now and then. What is refused is tried again with back-off until disk and running
state agree: its reason may pass without any file changing.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from watchfiles import awatch

from mtls_tui.gateway.settings import GatewayError

LOOK_SECONDS = 0.5
"""How often the files are looked at regardless: notices get lost on network file systems and at mount points."""
FIRST_RETRY, LONGEST_RETRY = 0.5, 15.0
"""Seconds until what was refused is tried again; doubled each time."""
SHARE_OF_RETRIES = 0.1
"""A reload that takes long is tried less often: at most this part of the time goes into it."""

Mark = tuple[int, int, int, int] | None


def mark(path: Path) -> Mark:
    """What changes when a file is replaced or rewritten; None while it is not there."""
    try:
        found = os.stat(path)  # noqa: PTH116 - all four values at once
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def marks(paths: Iterable[Path]) -> dict[Path, Mark]:
    """The marks of some files. Take them before reading: a file that changes meanwhile has to look changed."""
    return {path: mark(path) for path in paths}


class Taken(NamedTuple):
    """What one reload came to."""

    changed: str = ""
    """What is in force now that was not before; empty: nothing."""
    refused: tuple[str, ...] = ()
    """What stands on disk and is not in force, and why."""


@contextlib.contextmanager
def refusals(refused: list[str]) -> Iterator[None]:
    """Collect why one part could not be taken over: the others go on."""
    try:
        yield
    except GatewayError as error:
        refused.append(str(error))
    except Exception as error:
        refused.append(f"{type(error).__name__}: {error}")


class Reloads:
    """Takes over what changes on disk.

    `take` (asked to do it even if nothing changed, or not) takes over what it can. `seen` are the files that matter,
    with their marks from before they were last read. `running` names what runs, for messages.
    """

    def __init__(
        self,
        take: Callable[[bool], Awaitable[Taken]],
        seen: Callable[[], Mapping[Path, Mark]],
        running: Callable[[], str],
        tell: Callable[[str], None],
    ) -> None:
        self._take, self._seen, self._running, self._tell = take, seen, running, tell
        self.refused: tuple[str, ...] = ()
        self.last: dict[str, object] = {}
        self.counts = {"taken": 0, "refused": 0}
        self.last_success = 0.0
        """When disk and running state last agreed, POSIX seconds."""
        self._lock = asyncio.Lock()
        self._retry_at, self._delay = 0.0, FIRST_RETRY

    def started(self, refused: tuple[str, ...] = ()) -> None:
        """Note that the first state was taken; what it could not take is tried again."""
        self._account(Taken("", refused), again=False)
        self._note("taken", "started")

    async def reload(self, *, force: bool = False, again: bool = False) -> bool:
        """Take over what is on disk now. False when not all of it could be; `refused` says what and why.

        Never raises. `again`: nobody asked and no file changed, so the same refusal is not reported again.
        """
        async with self._lock:
            loop = asyncio.get_running_loop()
            begin = loop.time()
            try:
                taken = await self._take(force)
            except Exception as error:
                taken = Taken("", (f"{type(error).__name__}: {error}",))
            self._account(taken, again=again)
            self._delay = min(self._delay * 2, LONGEST_RETRY) if again else FIRST_RETRY
            now = loop.time()
            self._retry_at = now + max(self._delay, (now - begin) / SHARE_OF_RETRIES)
            return not taken.refused

    def status(self) -> dict[str, object]:
        """For the status."""
        return {
            "last_reload": self.last,
            "reloads": self.counts,
            "refused": list(self.refused),
            "last_reload_success": self.last_success,
        }

    def _account(self, taken: Taken, *, again: bool) -> None:
        before, self.refused = self.refused, taken.refused
        why = "; ".join(taken.refused)
        if taken.changed:
            self._note("taken", taken.changed)
            self._tell(f"reloaded ({taken.changed}); now running {self._running()}")
        if taken.refused and not (again and taken.refused == before):
            self._note("refused", f"{why} (taken over: {taken.changed})" if taken.changed else why)
            stays = "for the rest its last good state stays" if taken.changed else "the old state stays"
            self._tell(f"reload refused, {stays}: {why}")
        if not taken.refused:
            self.last_success = time.time()
            if before and not taken.changed:
                # What was broken is mended, back to what runs: the status has to show it.
                self._note("taken", "as it was")
                self._tell("what was refused is gone; what is on disk is what runs")

    def _note(self, result: str, detail: str) -> None:
        self.counts[result] += 1
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.last = {"result": result, "detail": detail, "time": now}

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            seen = self._seen()
            if marks(seen) != dict(seen):
                await self.reload()
            elif self.refused and loop.time() >= self._retry_at:
                await self.reload(again=True)
            await self._notice(list(self._seen()))

    async def _notice(self, files: list[Path]) -> None:
        """Return at the first notice, or when it is time to look."""
        folders = {path.parent for path in files if path.parent.is_dir()}
        names = {path.name for path in files}
        stop = asyncio.Event()

        async def listen() -> None:
            # Where the system gives no notices (their number has a limit), the look now and then is all there is.
            with contextlib.suppress(OSError, RuntimeError):
                async for _ in awatch(
                    *folders, stop_event=stop, recursive=False, debounce=20, step=10, rust_timeout=100,
                    watch_filter=lambda _, path: Path(path).name in names,
                ):  # fmt: skip
                    return
            if not stop.is_set():
                await asyncio.sleep(LOOK_SECONDS)

        listening = asyncio.create_task(listen())
        try:
            await asyncio.wait((listening,), timeout=LOOK_SECONDS)
        finally:
            stop.set()
            await asyncio.gather(listening, return_exceptions=True)
