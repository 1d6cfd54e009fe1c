"""The decision service alone, for proxies that people already run: processes on one socket, reload, status."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mtls_tui.engine.fresh_crls import crl_files
from mtls_tui.gateway import planning, styles
from mtls_tui.gateway.control import Prepare
from mtls_tui.gateway.counters import Counters
from mtls_tui.gateway.logfile import LogFile
from mtls_tui.gateway.logwatch import LogWatch
from mtls_tui.gateway.peers import Peers
from mtls_tui.gateway.pool import PING_SECONDS, Pool
from mtls_tui.gateway.processes import listen_tcp, listen_unix
from mtls_tui.gateway.reload import Watch
from mtls_tui.gateway.settings import Address, GatewayError, Settings, address_text
from mtls_tui.gateway.status import StatusServer


class Authz:
    """Decision processes on one address, asked by proxies of one style, on one bundle."""

    def __init__(
        self,
        bundle: Path,
        listen: Address,
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
        self._lists: dict[str, bytes] = {}
        self._list_files: list[Path] = []
        self.last_reload: dict[str, object] = {}
        self.reloads = {"taken": 0, "refused": 0}
        self._pool: Pool | None = None
        self._sockets: list[socket.socket] = []
        self._status: StatusServer | None = None
        self._watching: asyncio.Task[None] | None = None
        self._log: LogFile | None = None
        self._log_watching: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._stopping = False

    async def start(self) -> None:
        """Listen and answer, or GatewayError and nothing left behind."""
        try:
            message = await self._read()
            self._lists = message.lists
            self._log = LogFile(self.settings.log)
            self._sockets = [self._listen()]
            for _ in range(self.settings.worker_count - 1):
                self._sockets.append(self._sockets[0].dup())
            self.listen = self.listen if isinstance(self.listen, Path) else self._sockets[0].getsockname()[:2]
            self._pool = Pool(self._sockets, self._log, self.peers, self._tell)
            await self._pool.start(message)
            self._note("taken", "started")
            if self.settings.status is not None:
                self._status = StatusServer(self, self.settings.status)
                await self._status.start()
            self._log_watching = asyncio.create_task(self._watch_log())
            self._watching = asyncio.create_task(Watch(lambda: [self.bundle, *self._list_files], self._changed).run())
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

    async def _read(self) -> Prepare:
        data = planning.read_bundle(self.bundle)
        opened = await asyncio.to_thread(planning.open_bundle, self.bundle, data, self.settings.verify_key, self._lists)
        styles.check(styles.BY_NAME[self.style], opened.policy, str(self.bundle))
        for note in opened.notes:
            self._tell(note)
        self._list_files = [Path(path) for path in crl_files(opened.bundle)]
        self.generation += 1
        self.digest = opened.digest
        return Prepare(
            generation=self.generation,
            bundle=data,
            verify_key=self.settings.verify_key,
            style=self.style,
            asks={},
            shadow=self.settings.shadow,
            upstream_headers=self.settings.upstream_headers,
            escaped_slashes=self.settings.escaped_slashes,
            lists=opened.lists,
        )

    async def _changed(self) -> None:
        await self.reload()

    async def reload(self) -> bool:
        """Take over what is on disk now. False when it is broken: the old bundle stays."""
        async with self._reloading:
            assert self._pool is not None
            before = self.digest, self.generation
            try:
                message = await self._read()
                await self._pool.switch(message)
                self._lists = message.lists
            except GatewayError as error:
                self.digest, self.generation = before
                self._note("refused", str(error))
                self._tell(f"reload refused, the old state stays: {error}")
                return False
            self._note("taken", "bundle")
            self._tell(f"reloaded: bundle {planning.short(self.digest)}")
            return True

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

    def _note(self, result: str, detail: str) -> None:
        self.reloads[result] += 1
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.last_reload = {"result": result, "detail": detail, "time": now}

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
            "last_reload": self.last_reload,
            "reloads": self.reloads,
            "shadow": self.settings.shadow,
            "decisions": outcomes,
            "workers": [worker.shown() for worker in (self._pool.workers if self._pool else ())],
            "log": {
                "file": str(self.settings.log or "standard output"),
                "lost": self._pool.log_lost if self._pool else {},
            },
        }

    async def envoy_metrics(self) -> bytes:
        """There is no Envoy of ours here."""
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
