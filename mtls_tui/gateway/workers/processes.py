"""The decision processes as the supervisor sees them: start, talk to, notice that they hang or die."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from pathlib import Path

from mtls_tui.gateway.counters import Counters, total
from mtls_tui.gateway.logfile import LogFile
from mtls_tui.gateway.peers import Peers
from mtls_tui.gateway.tally import Tally, memory
from mtls_tui.gateway.workers.control import (
    Commit,
    Committed,
    FromWorker,
    Ping,
    Pong,
    Prepare,
    Prepared,
    Reopen,
    Reopened,
    ToWorker,
    frame,
)
from mtls_tui.gateway.workers.control import read_by_supervisor as read

PREPARE_SECONDS = 60.0
COMMIT_SECONDS = 5.0
HANG_SECONDS = 3.0


class WorkerGone(Exception):  # noqa: N818 - an event, not an error of anybody's
    """The process died or hangs."""


class WorkerProcess:
    """One decision process. Its listening socket is ours and outlives it: while it is replaced, questions queue."""

    def __init__(self, index: int, listening: socket.socket, log: LogFile, peers: Peers) -> None:
        self.index = index
        self.listening = listening
        self._log = log
        self._peers = peers
        self.process: asyncio.subprocess.Process | None = None
        self.generation = 0
        self.counters = Counters()
        self.past: list[Counters] = []
        """Counters of earlier processes in this place."""
        self._tally = Tally()
        self.lost_before = self.killed_before = 0
        """Log lines of earlier processes in this place: those that could not be written, those that died with one."""
        self.log_error = ""
        self.resident_kib = 0
        self.connections = 0
        self.restarts = 0
        self._lock = asyncio.Lock()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.returncode is None

    async def spawn(self) -> None:
        """Start the process; it knows no bundle yet."""
        ours, theirs = socket.socketpair()
        self.generation = 0
        log, shared = self._log.descriptor, memory()
        self.lost_before += self._tally.lost
        self.killed_before += self._tally.open
        self._tally, self.log_error = Tally(shared), ""
        descriptors = [theirs.fileno(), self.listening.fileno(), shared, *([] if log is None else [log])]
        try:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "mtls_tui.gateway.workers.worker",
                str(theirs.fileno()), str(self.listening.fileno()), str(-1 if log is None else log), str(shared),
                self._peers.text(),
                pass_fds=descriptors, stdin=asyncio.subprocess.DEVNULL, start_new_session=True,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )  # fmt: skip
        finally:
            theirs.close()
            os.close(shared)
        self._reader, self._writer = await asyncio.open_connection(sock=ours)
        self.past.append(self.counters)
        self.past = [total(self.past)]
        self.counters = Counters()

    async def prepare(self, message: Prepare) -> str:
        """Have it prepare a bundle; the text is why it can't. WorkerGone when it died or hangs."""
        answer = await self._ask(message, PREPARE_SECONDS)
        if not isinstance(answer, Prepared) or answer.generation != message.generation:
            raise WorkerGone
        return answer.error

    async def commit(self, generation: int) -> None:
        """Have it switch."""
        answer = await self._ask(Commit(generation), COMMIT_SECONDS)
        if not isinstance(answer, Committed) or answer.generation != generation:
            raise WorkerGone
        self.generation = generation

    async def reopen(self, path: Path) -> str:
        """Have it open the log again; the text is why it can't."""
        answer = await self._ask(Reopen(str(path)), HANG_SECONDS)
        if not isinstance(answer, Reopened):
            raise WorkerGone
        return answer.error

    async def ping(self, *, draining: bool = False) -> None:
        """Ask for a sign of life, and its counters; with `draining`, also have it ask clients to leave."""
        answer = await self._ask(Ping(draining), HANG_SECONDS)
        if not isinstance(answer, Pong):
            raise WorkerGone
        self.counters = Counters.from_plain(answer.counters)
        self.log_error, self.resident_kib, self.connections = answer.log_error, answer.resident_kib, answer.connections

    async def _ask(self, message: ToWorker, seconds: float) -> FromWorker:
        async with self._lock:
            if not self.alive:
                raise WorkerGone
            try:
                async with asyncio.timeout(seconds):
                    self._writer.write(frame(message))
                    await self._writer.drain()
                    return await read(self._reader)
            except (TimeoutError, OSError, asyncio.IncompleteReadError, ValueError):
                self.kill()  # after a missed answer the two would talk past each other
                raise WorkerGone from None

    def kill(self) -> None:
        """End it at once."""
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()

    async def dead(self) -> int | None:
        """End it at once, wait for it, and tell its exit code."""
        self.kill()
        return await self.process.wait() if self.process is not None else None

    async def end(self, seconds: float) -> None:
        """Ask it to end, then make it."""
        if self.process is None:
            return
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.terminate()
            try:
                async with asyncio.timeout(seconds):
                    await self.process.wait()
            except TimeoutError:
                self.kill()
                await self.process.wait()
        self._writer.close()

    def shown(self) -> dict[str, int | None]:
        """For the status."""
        return {
            "process": self.process.pid if self.process else None,
            "generation": self.generation,
            "restarts": self.restarts,
            "resident_kib": self.resident_kib,
            "log_lines_lost": self.log_lost,
        }

    @property
    def log_lost(self) -> int:
        """Log lines that could not be written, by this process and those before it."""
        return self.lost_before + self._tally.lost

    @property
    def log_killed(self) -> int:
        """Log lines that died with a process in this place."""
        return self.killed_before + (0 if self.alive else self._tally.open)

    @property
    def log_open(self) -> int:
        """Log lines that this process has not written yet."""
        return self._tally.open

    def all_counters(self) -> Counters:
        """Of this process and those before it."""
        return total([*self.past, self.counters])


def listen_unix(path: Path, mode: int, group: int | None = None) -> socket.socket:
    """A listening Unix socket. A dead process' stale socket is replaced.

    `group` is the id of the group that the socket file gets; None: that of this process. Raises OSError if the path or
    group can't be used.
    """
    if path.is_socket():
        probe = socket.socket(socket.AF_UNIX)
        try:
            probe.settimeout(1.0)
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
        except OSError:
            pass
        finally:
            probe.close()
    listening = socket.socket(socket.AF_UNIX)
    try:
        listening.bind(str(path))
        # Nobody can connect before `listen`, whatever the file's mode was until now.
        try:
            if group is not None:
                os.chown(path, -1, group)
            path.chmod(mode)
        except OSError:
            path.unlink()
            raise
        listening.listen(1024)
    except OSError:
        listening.close()
        raise
    listening.setblocking(False)
    return listening


def listen_tcp(host: str, port: int) -> socket.socket:
    """A listening TCP socket. Raises OSError if address or port can't be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(1024)
    except OSError:
        listening.close()
        raise
    listening.setblocking(False)
    return listening


def free_port(host: str, port: int) -> int:
    """The port, or any free one for 0, after a look whether it can be had. Raises OSError if not."""
    probe = listen_tcp(host, port)
    try:
        return int(probe.getsockname()[1])
    finally:
        probe.close()
