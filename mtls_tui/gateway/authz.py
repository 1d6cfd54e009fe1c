"""The decision service alone, for proxies that people already run: processes on one socket, reload, status."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mtls_tui.gateway import planning, proxy_styles
from mtls_tui.gateway.counters import Counters
from mtls_tui.gateway.crlreport import CrlReport
from mtls_tui.gateway.crlstore import CrlStore, default_folder
from mtls_tui.gateway.logfile import LogFile
from mtls_tui.gateway.logwatch import LogWatch
from mtls_tui.gateway.peers import Peers
from mtls_tui.gateway.reload import Mark, Reloads, Taken, mark, refusals
from mtls_tui.gateway.settings import GatewayError, ListenAddress, Settings, address_text
from mtls_tui.gateway.status import StatusServer
from mtls_tui.gateway.workers.control import Prepare
from mtls_tui.gateway.workers.pool import PING_SECONDS, Pool
from mtls_tui.gateway.workers.processes import listen_tcp, listen_unix


class Authz:
    """Decision processes on one address, asked by proxies of one style, on one bundle."""

    def __init__(
        self,
        bundle: Path,
        listen: ListenAddress,
        style: str,
        peers: Peers,
        settings: Settings,
        tell: Callable[[str], None],
        *,
        socket_mode: int = 0o660,
        socket_group: int | None = None,
    ) -> None:
        self.bundle, self.listen, self.style, self.peers = bundle.absolute(), listen, style, peers
        self.settings, self._tell = settings, tell
        self._mode, self._group = socket_mode, socket_group
        self.generation = 0
        self.digest = ""
        self._generations = 0
        """Numbers given out; none is used twice."""
        self._lists = CrlStore(settings.state_dir or default_folder())
        self._report = CrlReport()
        self._bundle_seen: Mark = None
        self._data = b""
        self._opened: planning.Opened | None = None
        self._reloads = Reloads(self._take, self._seen, lambda: f"bundle {planning.short(self.digest)}", tell)
        self._pool: Pool | None = None
        self._sockets: list[socket.socket] = []
        self._status: StatusServer | None = None
        self._watching: asyncio.Task[None] | None = None
        self._log: LogFile | None = None
        self._log_watching: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._stopping = False

    async def start(self) -> None:
        """Listen and answer, or GatewayError and nothing left behind."""
        try:
            self._bundle_seen = mark(self.bundle)
            data = planning.read_bundle(self.bundle)
            opened = await asyncio.to_thread(self._open, data, True)
            await asyncio.to_thread(self._lists.keep, opened.lists)
            for note in (*opened.notes, self._lists.problem):
                if note:
                    self._tell(note)
            self._log = LogFile(self.settings.log)
            self._sockets = [self._listen()]
            for _ in range(self.settings.worker_count - 1):
                self._sockets.append(self._sockets[0].dup())
            self.listen = self.listen if isinstance(self.listen, Path) else self._sockets[0].getsockname()[:2]
            self._pool = Pool(self._sockets, self._log, self.peers, self._tell)
            await self._pool.start(self._message(data, opened))
            self._use(data, opened)
            self._reloads.started(opened.refused)
            if self.settings.status is not None:
                self._status = StatusServer(self, self.settings.status)
                await self._status.start()
            self._log_watching = asyncio.create_task(self._watch_log())
            self._watching = asyncio.create_task(self._reloads.run())
        except BaseException:
            await self.stop()
            raise

    def _listen(self) -> socket.socket:
        try:
            if isinstance(self.listen, Path):
                return listen_unix(self.listen, self._mode, self._group)
            return listen_tcp(*self.listen)
        except PermissionError as error:
            text = address_text(self.listen)
            cure = "choose another with --listen"
            if self._group is not None:
                cure = f"it may be that its user is not in group {self._group} (--socket-group): make it a member"
            raise GatewayError(f"{text}: can't listen: {error.strerror}; {cure}") from None
        except OSError as error:
            text = address_text(self.listen)
            raise GatewayError(f"{text}: can't listen: {error.strerror}; choose another with --listen") from None

    def _open(self, data: bytes, first: bool) -> planning.Opened:
        opened = planning.open_bundle(self.bundle, data, self.settings.verify_key, self._lists, strict=first)
        proxy_styles.check(proxy_styles.BY_NAME[self.style], opened.policy, str(self.bundle))
        return opened

    def _message(self, data: bytes, opened: planning.Opened) -> Prepare:
        self._generations += 1
        return Prepare(
            generation=self._generations,
            bundle=data,
            verify_key=self.settings.verify_key,
            style=self.style,
            asks={},
            shadow=self.settings.shadow,
            upstream_headers=self.settings.upstream_headers,
            escaped_slashes=self.settings.escaped_slashes,
            lists=opened.lists,
        )

    def _use(self, data: bytes, opened: planning.Opened) -> None:
        self._data, self._opened, self.digest, self.generation = data, opened, opened.digest, self._generations

    def _seen(self) -> dict[Path, Mark]:
        return {**(self._opened.seen if self._opened else {}), self.bundle: self._bundle_seen}

    async def reload(self) -> bool:
        """Take over what is on disk now. False when not all of it could be; the status says what and why."""
        return await self._reloads.reload()

    async def _take(self, force: bool) -> Taken:
        """Newer lists first, by the bundle that runs; then a new bundle."""
        assert self._opened is not None
        self._bundle_seen = mark(self.bundle)
        changed: list[str] = []
        refused: list[str] = []
        with refusals(refused):
            if await self._enforce(self._data):
                changed.append("revocation lists")
        with refusals(refused):
            data = await asyncio.to_thread(planning.read_bundle, self.bundle)
            if data != self._data and await self._enforce(data):
                changed = ["bundle"]
        await asyncio.to_thread(self._lists.keep, self._opened.lists)
        return Taken(", ".join(changed), (*refused, *self._opened.refused))

    async def _enforce(self, data: bytes) -> bool:
        """Let a bundle with the newest lists rule; False when it does. Raises, and nothing changed, if it can't."""
        assert self._pool is not None and self._opened is not None
        opened = await asyncio.to_thread(self._open, data, False)
        old = self._opened
        for note in opened.notes:
            if note not in old.notes:
                self._tell(note)
        if data == self._data and opened.lists == old.lists:
            self._opened = opened
            return False
        self._opened = old._replace(seen=old.seen | opened.seen)
        await self._pool.switch(self._message(data, opened))
        self._use(data, opened)
        self._lists.remember(opened.lists)
        return True

    @property
    def pending(self) -> tuple[str, ...]:
        """What on disk is not in force, and why."""
        return self._reloads.refused

    async def reopen_log(self) -> None:
        """Go on in what has the log's name now, in all processes; what can't be done is told."""
        if self._pool is not None:
            problems = await self._pool.reopen_log()
            self._tell(f"log not opened again: {'; '.join(problems)}" if problems else "log opened again")

    async def _watch_log(self) -> None:
        assert self._pool is not None
        watch = LogWatch("decision processes", self._tell)
        while True:
            await asyncio.sleep(PING_SECONDS)
            watch.look(self._pool.log_error, self._pool.log_lost["decision"], asyncio.get_running_loop().time())

    @property
    def healthy(self) -> bool:
        """Whether questions are answered."""
        return self._pool is not None and self._pool.ready > 0 and not self._stopping

    @property
    def counters(self) -> Counters:
        """What was decided since the start."""
        return self._pool.counters if self._pool is not None else Counters()

    async def refresh(self) -> None:
        """Fetch fresh counters."""
        if self._pool is not None:
            await self._pool.refresh()

    def status(self) -> dict[str, Any]:
        """Everything an operator asks first."""
        outcomes: dict[str, int] = {}
        for (_, _, outcome), number in self.counters.decisions.items():
            outcomes[outcome] = outcomes.get(outcome, 0) + number
        return {
            "healthy": self.healthy,
            "listen": address_text(self.listen),
            "style": self.style,
            "bundle": str(self.bundle),
            "digest": self.digest,
            "generation": self.generation,
            **self._reloads.status(),
            "pending": list(self._reloads.refused),
            "revocation_lists": self._report.of(self._opened.policy, self._opened.lists) if self._opened else [],
            "notes": [note for note in (*(self._opened.notes if self._opened else ()), self._lists.problem) if note],
            "shadow": self.settings.shadow,
            "decisions": outcomes,
            "workers": [worker.shown() for worker in (self._pool.workers if self._pool else ())],
            "log": {
                "file": str(self.settings.log or "standard output"),
                "lost": self._pool.log_lost if self._pool else {},
            },
        }

    async def envoy_metrics(self) -> bytes:
        """Envoy is not part of this service."""
        return b""

    async def stop(self) -> None:
        """Ask the proxies to leave for `drain_seconds` (answers have `Connection: close`), end, free the address."""
        self._stopping = True
        tasks = [task for task in (self._watching, self._log_watching) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._pool is not None:
            await self._pool.drain(self.settings.limits.drain_seconds, self._hurry)
        if self._status is not None:
            await self._status.stop()
        if self._pool is not None:
            await self._pool.stop()
        for one in self._sockets:
            one.close()
        if isinstance(self.listen, Path) and self._sockets:
            self.listen.unlink(missing_ok=True)
        if self._log is not None:
            self._log.close()

    def hurry(self) -> None:
        """Drain no longer."""
        self._hurry.set()
