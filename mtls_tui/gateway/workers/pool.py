"""All decision processes together: one bundle for all, replaced when one dies. Used by gateway and `authz` alike."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import socket
from collections.abc import Callable, Sequence

from mtls_tui.gateway.counters import Counters, total
from mtls_tui.gateway.logfile import LogFile
from mtls_tui.gateway.peers import Peers
from mtls_tui.gateway.settings import GatewayError
from mtls_tui.gateway.workers.control import Prepare
from mtls_tui.gateway.workers.processes import HANG_SECONDS, WorkerGone, WorkerProcess

PING_SECONDS = 1.0
DRAIN_LOOK_SECONDS = 0.1
REFRESH_SECONDS = 2.0
"""Less than what an asker of the status waits."""
FIRST_BACKOFF, LONGEST_BACKOFF = 0.1, 5.0
STEADY_SECONDS = 10.0
"""A process that lived so long starts with a fresh back-off."""
LAG = 3
"""So many times as long as the first may the others take to prepare a bundle."""


class Pool:
    """The processes on their listening sockets."""

    def __init__(
        self, sockets: Sequence[socket.socket], log: LogFile, peers: Peers, tell: Callable[[str], None]
    ) -> None:
        self.workers = [WorkerProcess(index, one, log, peers) for index, one in enumerate(sockets)]
        self._log = log
        self._tell = tell
        self._current: Prepare | None = None
        self._watching: list[asyncio.Task[None]] = []
        self._change = asyncio.Lock()
        self._refreshing: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stopping = False

    async def start(self, message: Prepare) -> None:
        """Start all with a first bundle. Raises GatewayError if one can't take it."""
        for library in ("httptools", "h2"):
            if importlib.util.find_spec(library) is None:
                raise GatewayError(f"{library} is not installed here; cure: pip install 'mtls-tui[gateway]'")
        await asyncio.gather(*(worker.spawn() for worker in self.workers))
        await self._prepare_all(message, must=True)
        await self._commit_all(message)
        self._watching = [asyncio.create_task(self._watch(worker)) for worker in self.workers]

    async def switch(self, message: Prepare) -> None:
        """Give all processes another bundle: all prepare it before any switches.

        Raises GatewayError if one can't take it; then nothing has changed.
        """
        async with self._change:
            await self._prepare_all(message, must=False)
            await self._commit_all(message)

    async def _prepare_all(self, message: Prepare, *, must: bool) -> None:
        tasks = [asyncio.create_task(worker.prepare(message)) for worker in self.workers]
        if not must:
            await self._leave_behind(tasks)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, str) and result:
                raise GatewayError(f"a decision process refuses the bundle: {result}")
            if isinstance(result, BaseException) and (must or not isinstance(result, WorkerGone)):
                raise GatewayError("a decision process did not start") from result

    async def _leave_behind(self, tasks: list[asyncio.Task[str]]) -> None:
        """End processes that hang where another has finished: a revocation must not wait for them."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        waiting = set(tasks)
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if any(task.exception() is None for task in done):
                break
        if waiting:
            _, waiting = await asyncio.wait(waiting, timeout=max(HANG_SECONDS, LAG * (loop.time() - begin)))
        for worker, task in zip(self.workers, tasks, strict=True):
            if task in waiting:
                worker.kill()

    async def _commit_all(self, message: Prepare) -> None:
        self._current = message  # who dies from here on comes back with the new bundle
        results = await asyncio.gather(
            *(worker.commit(message.generation) for worker in self.workers if worker.alive), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, WorkerGone):
                raise result

    async def _watch(self, worker: WorkerProcess) -> None:
        """Ping it; replace it when it dies or hangs."""
        loop = asyncio.get_running_loop()
        backoff, born = FIRST_BACKOFF, loop.time()
        while not self._stopping:
            try:
                assert worker.process is not None
                exited = asyncio.create_task(worker.process.wait())
                await asyncio.wait((exited,), timeout=PING_SECONDS)
                if not exited.done():
                    exited.cancel()
                    await worker.ping()
                    # A process that missed a commit (it was being replaced) has no decider: restart it.
                    if self._current is not None and worker.generation != self._current.generation:
                        async with self._change:
                            if worker.generation != self._current.generation:
                                raise WorkerGone
                    continue
            except WorkerGone:
                pass
            if self._stopping:
                return
            code = await worker.dead()
            lines = f", and {worker.log_open} log lines with it" if worker.log_open else ""
            self._tell(f"decision process {worker.index} ended ({code}){lines}; starting another")
            worker.restarts += 1
            if loop.time() - born > STEADY_SECONDS:
                backoff = FIRST_BACKOFF
            await asyncio.sleep(backoff)
            backoff, born = min(backoff * 2, LONGEST_BACKOFF), loop.time()
            await self._replace(worker)

    async def _replace(self, worker: WorkerProcess) -> None:
        async with self._change:
            assert self._current is not None
            try:
                await worker.spawn()
                error = await worker.prepare(self._current)
                if error:
                    self._tell(f"decision process {worker.index}: {error}")
                    worker.kill()
                    return
                await worker.commit(self._current.generation)
            except (WorkerGone, OSError):
                worker.kill()

    async def refresh(self) -> None:
        """Fetch the counters of all; what a busy process has not told in REFRESH_SECONDS is taken as it was."""
        asking = [asyncio.create_task(self._refresh(worker)) for worker in self.workers if worker.alive]
        self._refreshing.update(asking)
        if asking:
            # Not cancelled: an answer that nobody reads would be taken for the next one's.
            await asyncio.wait(asking, timeout=REFRESH_SECONDS)
        self._refreshing -= {task for task in self._refreshing if task.done()}

    async def _refresh(self, worker: WorkerProcess) -> None:
        with contextlib.suppress(WorkerGone):
            await worker.ping()

    async def reopen_log(self) -> list[str]:
        """Open the log again, here and in all processes; the texts say what can't be done."""
        async with self._change:  # who starts now inherits the old file or the new one, and is told or needn't be
            try:
                self._log.reopen()
            except GatewayError as error:
                return [f"the old file goes on: {error}"]
            path = self._log.path
            if path is None or not self._log.has_name:
                return []
            results = await asyncio.gather(
                *(worker.reopen(path) for worker in self.workers if worker.alive), return_exceptions=True
            )
        return [result for result in results if isinstance(result, str) and result]

    @property
    def log_error(self) -> str:
        """What keeps a process from writing the log; empty when nothing does."""
        return next((worker.log_error for worker in self.workers if worker.log_error), "")

    @property
    def log_lost(self) -> dict[str, int]:
        """Lines that could not be written, and lines that died with a process."""
        return {
            "decision": sum(worker.log_lost for worker in self.workers),
            "killed": sum(worker.log_killed for worker in self.workers),
        }

    async def drain(self, seconds: float, hurry: asyncio.Event) -> None:
        """Ask clients to leave until none is connected, for at most so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not hurry.is_set():
                    pings = (worker.ping(draining=True) for worker in self.workers)
                    await asyncio.gather(*pings, return_exceptions=True)
                    if not any(worker.connections for worker in self.workers if worker.alive):
                        return
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(hurry.wait(), DRAIN_LOOK_SECONDS)

    @property
    def counters(self) -> Counters:
        """The sum over all, those of dead processes included."""
        return total(worker.all_counters() for worker in self.workers)

    @property
    def ready(self) -> int:
        """How many answer by the current bundle."""
        generation = self._current.generation if self._current else -1
        return sum(worker.alive and worker.generation == generation for worker in self.workers)

    async def stop(self, seconds: float = 2.0) -> None:
        """End all."""
        self._stopping = True
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        await asyncio.gather(*(worker.end(seconds) for worker in self.workers))
        for worker in self.workers:
            worker.listening.close()
