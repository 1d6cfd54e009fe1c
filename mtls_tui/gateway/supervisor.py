"""Runs the gateway: decision processes, Envoy, reloads, drain. Everything that starts or ends a process is here.

Order at a start: bundle → Envoy's own check of the configuration, and decision processes → Envoy → port open. How
something newer comes to rule is in `takeover`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mtls_tui.gateway import descriptors, planning, rundir
from mtls_tui.gateway.counters import Counters, total
from mtls_tui.gateway.crlreport import CrlReport
from mtls_tui.gateway.crlstore import CrlStore, default_folder
from mtls_tui.gateway.envoy import binary as envoy
from mtls_tui.gateway.envoy.drain import drain
from mtls_tui.gateway.envoy.insidecount import STATISTICS, InsideCount
from mtls_tui.gateway.envoy.insidecount import read as read_inside
from mtls_tui.gateway.envoy.sync import EnvoySync, Wanted
from mtls_tui.gateway.envoy.xds import Files, ask_admin, taken
from mtls_tui.gateway.logfile import LogFile
from mtls_tui.gateway.logwatch import WRITES, EnvoyLog, LogWatch
from mtls_tui.gateway.peers import Peers
from mtls_tui.gateway.planning import ReadyBundle
from mtls_tui.gateway.reload import Reloads, mark
from mtls_tui.gateway.settings import GatewayError, ListenAddress, Settings, address_text, available_cores
from mtls_tui.gateway.status import StatusServer
from mtls_tui.gateway.takeover import Takeover
from mtls_tui.gateway.workers.control import Prepare
from mtls_tui.gateway.workers.pool import PING_SECONDS, Pool
from mtls_tui.gateway.workers.processes import free_port, listen_unix

READY_SECONDS = 120.0
SETTLE_SECONDS = 10.0
"""How long somebody who asks for a reload waits for Envoy."""
FIRST_BACKOFF, LONGEST_BACKOFF, STEADY_SECONDS = 0.1, 5.0, 10.0


class Supervisor:
    """One gateway on one bundle. `start`, `reload`, `stop`; `status` tells all."""

    def __init__(self, bundle: Path, settings: Settings, tell: Callable[[str], None] | None = None) -> None:
        self.bundle = bundle.absolute()
        log = settings.log.absolute() if settings.log is not None else None
        self.settings = replace(settings, log=log)
        self._tell = tell or (lambda text: print(text, file=sys.stderr))  # noqa: T201 - narration of a program
        self._takeover: Takeover | None = None
        self._lists = CrlStore(self.settings.state_dir or default_folder())
        self._report = CrlReport()
        self._reloads: Reloads | None = None
        self._sync: EnvoySync | None = None
        self.envoy_restarts = 0
        self.started = datetime.now(UTC)
        self._envoy: asyncio.subprocess.Process | None = None
        self._pool: Pool | None = None
        self._files: Files | None = None
        self._run: Path | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._status: StatusServer | None = None
        self._log: LogFile | None = None
        self._envoy_log = EnvoyLog()
        self._inside = InsideCount()
        self._stopping = False
        self._hurry = asyncio.Event()
        self.failed: str = ""

    # --- start ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Everything up and ready to answer, or GatewayError and nothing left behind."""
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        binary = envoy.find()
        bundle_seen = mark(self.bundle)
        data = planning.read_bundle(self.bundle)
        few = self._fit_connections()
        self._run = rundir.make()
        state = await asyncio.to_thread(
            planning.make_state, self.bundle, data, self.settings, self._run / "ca", self._lists
        )
        await asyncio.to_thread(self._lists.keep, state.lists)
        for note in (*state.notes, self._lists.problem):
            if note:
                self._tell(note)
        self.settings = replace(self.settings, listen=self._port())
        self._files = Files(self._run, self.settings)
        self._log = LogFile(self.settings.log)
        sockets = [self._run / f"d{index}.sock" for index in range(self.settings.worker_count)]
        validating = asyncio.create_task(self._validate(state, sockets))
        try:
            self._files.clusters(state.plans)
            self._files.routes(state.plans, 1)
            self._files.listeners(state.plans, state.credentials)
            listening = [listen_unix(path, 0o600) for path in sockets]
            self._pool = Pool(listening, self._log, Peers(), self._tell)
            await self._pool.start(self._message(state, 1))
        finally:
            await validating
        config = self._run / "envoy.json"
        from mtls_tui.gateway.envoy.config import bootstrap

        document = bootstrap(self.settings, self._files.xds, self._run / "admin.sock", sockets)
        rundir.write(config, json.dumps(document).encode())
        limits = self.settings.limits
        self._command = envoy.command(
            binary,
            config,
            self._run / "envoy.log",
            available_cores(),
            limits.drain_seconds + limits.finish_seconds,
            descriptors.needed(limits.connections, available_cores()),
        )
        await self._spawn_envoy()
        await self._ready()
        if few:
            self._tell(few)
        self._sync = EnvoySync(self._files, self._admin, Wanted(state.plans, state.credentials, 1), self._tell)
        self._takeover = Takeover(
            self.bundle,
            self.settings,
            self._run / "ca",
            self._lists,
            self._sync,
            lambda new: self._validate(new, sockets),
            self._switch,
            self._tell,
            state,
            bundle_seen,
        )
        self._reloads = Reloads(self._takeover.take, self._takeover.seen, self._takeover.running, self._tell)
        self._reloads.started(state.refused)
        self._status = StatusServer(self, self.settings.status or self._run / "status.sock")
        await self._status.start()
        self._tasks = [
            asyncio.create_task(task)
            for task in (self._keep_envoy(), self._sync.run(), self._reloads.run(), self._watch_log())
        ]

    def _fit_connections(self) -> str:
        limits = self.settings.limits
        fit, note = descriptors.fitting(limits.connections, available_cores(), descriptors.allowed())
        self.settings = replace(self.settings, limits=replace(limits, connections=fit))
        return note

    def _port(self) -> tuple[str, int]:
        host, port = self.settings.listen
        try:
            return host, free_port(host, port)
        except OSError as error:
            text = address_text(self.settings.listen)
            raise GatewayError(f"{text}: can't listen: {error.strerror}; choose another with --listen") from None

    def _message(self, state: ReadyBundle, generation: int) -> Prepare:
        return Prepare(
            generation=generation,
            bundle=state.data,
            verify_key=self.settings.verify_key,
            style="gateway",
            asks=state.asks,
            shadow=self.settings.shadow,
            upstream_headers=self.settings.upstream_headers,
            facts={plan.name: plan.program.facts for plan in state.plans if plan.program is not None},
            lists=state.lists,
        )

    async def _validate(self, state: ReadyBundle, sockets: list[Path]) -> None:
        """Let Envoy validate the whole configuration of a state before any of it is used."""
        assert self._files is not None and self._run is not None
        self._files.authorities(state.upstream_cas)
        whole = self._run / "whole.json"
        document = self._files.static(list(state.plans), sockets, state.credentials)
        rundir.write(whole, json.dumps(document).encode())
        try:
            await asyncio.to_thread(envoy.validate, envoy.find(), whole)
        finally:
            whole.unlink(missing_ok=True)

    # --- Envoy ------------------------------------------------------------------------------------------------------

    async def _spawn_envoy(self) -> None:
        assert self._run is not None
        (self._run / "admin.sock").unlink(missing_ok=True)
        output = None if self.settings.log is None else asyncio.subprocess.DEVNULL
        self._envoy = await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip

    async def _ready(self) -> None:
        """Wait until Envoy answers and has all its files. Raises GatewayError with its last words if it doesn't."""
        assert self._envoy is not None and self._files is not None
        admin = self._admin
        try:
            async with asyncio.timeout(READY_SECONDS):
                while True:
                    if self._envoy.returncode is not None:
                        raise GatewayError(f"Envoy ended at its start: {self._envoy_says()}")
                    with contextlib.suppress(OSError, ValueError, TimeoutError):
                        if (await ask_admin(admin, "/ready")).strip() == b"LIVE":
                            break
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise GatewayError(f"Envoy was not ready within {READY_SECONDS:.0f} s: {self._envoy_says()}") from None
        await taken(admin, self._files)

    @property
    def _admin(self) -> Path:
        assert self._run is not None
        return self._run / "admin.sock"

    def _envoy_says(self) -> str:
        assert self._run is not None
        try:
            return envoy.complaint((self._run / "envoy.log").read_text(errors="replace"))
        except OSError:
            return "it wrote no log"

    async def _keep_envoy(self) -> None:
        loop = asyncio.get_running_loop()
        backoff = FIRST_BACKOFF
        while True:
            assert self._envoy is not None and self._sync is not None
            born = loop.time()
            await self._envoy.wait()
            if self._stopping:
                return
            self.envoy_restarts += 1
            self._sync.check("Envoy ended and is being started again")
            self._tell(
                f"Envoy ended ({self._envoy.returncode}): {self._envoy_says()}; starting it again; "
                f"log lines of its last {envoy.FLUSH_SECONDS} s may be missing"
            )
            if loop.time() - born > STEADY_SECONDS:
                backoff = FIRST_BACKOFF
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, LONGEST_BACKOFF)
            await self._spawn_envoy()
            self._sync.check("Envoy was started again and is not ready yet")

    # --- reload -----------------------------------------------------------------------------------------------------

    @property
    def state(self) -> ReadyBundle | None:
        """What rules; None before the start."""
        return self._takeover.state if self._takeover is not None else None

    @property
    def generation(self) -> int:
        """The number under which it rules."""
        return self._takeover.generation if self._takeover is not None else 0

    async def _switch(self, new: ReadyBundle, number: int) -> None:
        assert self._pool is not None
        await self._pool.switch(self._message(new, number))

    async def reload(self, *, force: bool = False) -> bool:
        """Take over what is on disk now. True when all of it is in force, and in Envoy; the status says what is not."""
        assert self._sync is not None and self._reloads is not None
        taken_all = await self._reloads.reload(force=force)
        return await self._sync.settled(SETTLE_SECONDS) and taken_all

    # --- log --------------------------------------------------------------------------------------------------------

    async def reopen_log(self) -> None:
        """Go on in what has the log's name now, all processes and Envoy; what can't be done is told."""
        if self._log is None or self._pool is None:
            return
        problems = await self._pool.reopen_log()
        if self._log.has_name:
            try:
                await ask_admin(self._admin, "/reopen_logs", "POST")
            except (OSError, ValueError, TimeoutError) as error:
                problems.append(f"Envoy did not open it again ({type(error).__name__})")
        self._tell(f"log not opened again: {'; '.join(problems)}" if problems else "log opened again")

    async def _watch_log(self) -> None:
        assert self._pool is not None
        watches = {name: LogWatch(name, self._tell) for name in ("decision processes", "Envoy")}
        while True:
            await asyncio.sleep(PING_SECONDS)
            await asyncio.gather(self._ask_envoy_log(), self._ask_inside())
            now = asyncio.get_running_loop().time()
            watches["decision processes"].look(self._pool.log_error, self._pool.log_lost["decision"], now)
            why = "writing fails" if self._envoy_log.failing else ""
            watches["Envoy"].look(why, self._envoy_log.lost, now)

    async def _ask_envoy_log(self) -> None:
        with contextlib.suppress(OSError, ValueError, TimeoutError):
            text = (await ask_admin(self._admin, "/stats?filter=^filesystem[.]write_")).decode()
            found = dict(line.removeprefix("filesystem.").split(": ") for line in text.splitlines())
            self._envoy_log.look({name: int(found.get(name, 0)) for name in WRITES})

    async def _ask_inside(self) -> None:
        with contextlib.suppress(OSError, ValueError, TimeoutError):
            text = (await ask_admin(self._admin, f"/stats?filter=^{STATISTICS.replace('.', '[.]')}")).decode()
            self._inside.look(read_inside(text))

    # --- status -----------------------------------------------------------------------------------------------------

    @property
    def address(self) -> tuple[str, int]:
        """Where clients connect."""
        return self.settings.listen

    @property
    def status_address(self) -> ListenAddress | None:
        """Where the status is served."""
        return self._status.address if self._status else None

    @property
    def healthy(self) -> bool:
        """Whether requests are being decided."""
        envoy_up = self._envoy is not None and self._envoy.returncode is None
        envoy_up = envoy_up and self._sync is not None and self._sync.answering
        return envoy_up and self._pool is not None and self._pool.ready > 0 and not self._stopping

    @property
    def pending(self) -> tuple[str, ...]:
        """What on disk is not in force everywhere, and why; empty: what runs is what stands on disk."""
        behind = self._sync.behind if self._sync is not None else ""
        refused = self._reloads.refused if self._reloads is not None else ()
        return (*refused, *((behind,) if behind else ()))

    async def refresh(self) -> None:
        """Fetch fresh counters."""
        if self._pool is not None:
            await asyncio.gather(self._pool.refresh(), self._ask_envoy_log(), self._ask_inside())

    @property
    def counters(self) -> Counters:
        """What was decided since the start."""
        return total([self._pool.counters, self._inside.counters]) if self._pool is not None else Counters()

    def status(self) -> dict[str, Any]:
        """Everything an operator asks first."""
        counters = self.counters
        outcomes: dict[str, int] = {}
        for (_, _, outcome), number in counters.decisions.items():
            outcomes[outcome] = outcomes.get(outcome, 0) + number
        state, pool = self.state, self._pool
        return {
            "healthy": self.healthy,
            "listen": address_text(self.address),
            "bundle": str(self.bundle),
            "digest": state.digest if state else None,
            "generation": self.generation,
            "started": self.started.isoformat(timespec="seconds"),
            **(self._reloads.status() if self._reloads is not None else {}),
            "pending": list(self.pending),
            "revocation_lists": self._report.of(state.policy, state.lists) if state else [],
            "notes": [note for note in (*(state.notes if state else ()), self._lists.problem) if note],
            "draining": self._stopping,
            "connections": self.settings.limits.connections,
            "shadow": self.settings.shadow,
            "hosts": [plan.shown() for plan in (state.plans if state else ())],
            "inside_failures": self._inside.failures,
            "decisions": outcomes,
            "rules": {
                f"{host} {rule}".strip(): number
                for (host, rule, outcome), number in sorted(counters.decisions.items())
                if rule and outcome != "allow"
            },
            "workers": [worker.shown() for worker in (pool.workers if pool else ())],
            "log": {
                "file": str(self.settings.log or "standard output"),
                "lost": (pool.log_lost if pool else {}) | {"envoy": self._envoy_log.lost},
            },
            "envoy": {"process": self._envoy.pid if self._envoy else None, "restarts": self.envoy_restarts},
        }

    async def envoy_metrics(self) -> bytes:
        """Envoy's own metrics in Prometheus' format; empty while it is away."""
        try:
            return await ask_admin(self._admin, "/stats/prometheus?usedonly")
        except (OSError, ValueError, TimeoutError):
            return b""

    # --- stop -------------------------------------------------------------------------------------------------------

    async def stop(self) -> None:
        """Drain, then end every process and remove the run directory. `hurry` cuts it short."""
        if self._stopping:
            return
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._envoy is not None and self._envoy.returncode is None:
            await drain(self._admin, self.settings.limits, self._hurry)
            await self._end_envoy(self._envoy)
        if self._status is not None:
            await self._status.stop()
        if self._pool is not None:
            await self._pool.stop()
        if self._log is not None:
            self._log.close()
        if self._run is not None:
            shutil.rmtree(self._run, ignore_errors=True)

    def hurry(self) -> None:
        """Drain no longer: end what is open."""
        self._hurry.set()

    async def _end_envoy(self, process: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(5.0):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
