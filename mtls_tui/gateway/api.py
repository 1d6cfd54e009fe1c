"""The gateway for Python: `with Gateway("x.bundle.json", listen=("127.0.0.1", 0)) as gateway: …`."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mtls_tui.gateway.settings import GatewayError, Settings
from mtls_tui.gateway.supervisor import Supervisor

START_SECONDS = 600.0


class Gateway:
    """Envoy and the decision processes on a bundle, run from a thread of this process.

    `start` returns when requests are answered, or raises GatewayError and leaves nothing behind. `stop` drains and ends
    every process; it may be called twice. `listen` is an address and a port, 0 for any free one: see `address`.
    `settings` holds the rest; `tell` gets lines of narration (reloads, restarts), from another thread.
    """

    def __init__(
        self,
        bundle: Path | str,
        settings: Settings | None = None,
        *,
        listen: tuple[str, int] | None = None,
        log: Path | None = None,
        shadow: bool | None = None,
        verify_key: bytes | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        settings = settings or Settings()
        given: dict[str, Any] = {"listen": listen, "log": log, "shadow": shadow, "verify_key": verify_key}
        self._settings = replace(settings, **{name: value for name, value in given.items() if value is not None})
        self._bundle = Path(bundle)
        self._tell = tell or (lambda text: None)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._supervisor: Supervisor | None = None
        self._started: Future[None] = Future()
        self._ending: asyncio.Event | None = None

    def start(self) -> Self:
        """Start; GatewayError names what is broken and the cure."""
        if self._thread is not None:
            raise GatewayError("this gateway was started already; make another one")
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), name="gateway", daemon=True)
        self._thread.start()
        try:
            self._started.result(START_SECONDS)
        except BaseException:
            self.stop()
            raise
        return self

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ending = asyncio.Event()
        supervisor = Supervisor(self._bundle, self._settings, self._tell)
        try:
            await supervisor.start()
        except BaseException as error:  # handed to the thread that asked
            self._started.set_exception(error)
            return
        self._supervisor = supervisor
        self._started.set_result(None)
        await self._ending.wait()
        await supervisor.stop()

    def stop(self) -> None:
        """Close the port, let open requests end, end every process."""
        if self._loop is not None and self._ending is not None and self._thread is not None:
            if self._thread.is_alive():
                with contextlib.suppress(RuntimeError):  # the loop has just ended
                    self._loop.call_soon_threadsafe(self._ending.set)
            self._thread.join(60.0)

    def status(self) -> dict[str, Any]:
        """What `/status` shows, with fresh counters: healthy, digest, last_reload, decisions, rules, workers."""

        async def fetch(supervisor: Supervisor) -> dict[str, Any]:
            await supervisor.refresh()
            return supervisor.status()

        return self._call(fetch)  # type: ignore[no-any-return]

    def reload(self) -> bool:
        """Take over what is on disk now, without waiting to notice it. False: refused, see `status()`."""
        return bool(self._call(lambda supervisor: supervisor.reload()))

    def _call(self, function: Callable[[Supervisor], Any]) -> Any:
        if self._supervisor is None or self._loop is None or not self._loop.is_running():
            raise GatewayError("the gateway is not running")
        return asyncio.run_coroutine_threadsafe(function(self._supervisor), self._loop).result(90.0)

    @property
    def address(self) -> tuple[str, int]:
        """Where clients connect, with the real port."""
        if self._supervisor is None:
            raise GatewayError("the gateway is not running")
        return self._supervisor.address

    @property
    def status_address(self) -> Path | tuple[str, int] | None:
        """Where `/status` is served."""
        return self._supervisor.status_address if self._supervisor else None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
