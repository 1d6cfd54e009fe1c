"""Bringing Envoy to what the decision processes enforce, however long it can't be reached.

Rules and revocation lists take effect in the decision processes, without Envoy. What Envoy has to know (hosts, what is
asked for them, server certificates, and the generation that ends every remembered verdict) stands in its files at once:
an Envoy that was stopped, is slow or starts again takes it from there by itself. Here it is watched until it has.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mtls_tui.gateway.credentials import Credentials
from mtls_tui.gateway.envoy.hostplan import HostPlan
from mtls_tui.gateway.envoy.xds import Files, ask_admin, taken
from mtls_tui.gateway.settings import GatewayError

FIRST_RETRY, LONGEST_RETRY = 0.1, 1.0
HEARTBEAT_SECONDS = 1.0
SILENT_SECONDS = 10.0
"""An Envoy whose admin socket was silent for so long decides nothing. A large configuration keeps it busy for some."""
TELL_SECONDS = 1.0
"""A lag is told when it lasts so long; shorter ones are part of every reload."""
WRITTEN_AGAIN = 6
"""After so many attempts in a row the files are written again: a notice may have been lost."""


class Wanted(NamedTuple):
    """What Envoy is to run."""

    plans: Sequence[HostPlan]
    credentials: Mapping[str, Credentials]
    generation: int


class EnvoySync:
    """Follows `want`; `behind` tells why Envoy is not there yet. `running` is what it runs at the beginning."""

    def __init__(self, files: Files, admin: Path, running: Wanted, tell: Callable[[str], None]) -> None:
        self._files, self._admin, self._tell = files, admin, tell
        self._wanted = running
        self.behind = ""
        self._lingering: tuple[HostPlan, ...] = tuple(running.plans)
        """Hosts that Envoy may still serve: their upstreams stay until it has confirmed others."""
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._attempt: asyncio.Future[None] = self._loop.create_future()
        self._asked = 0
        self._failures = 0
        self._behind_since = 0.0
        self._told = False
        self._heard = self._loop.time()

    @property
    def answering(self) -> bool:
        """Whether Envoy gave a sign of life lately."""
        return self._loop.time() - self._heard < SILENT_SECONDS

    def want(self, plans: Sequence[HostPlan], credentials: Mapping[str, Credentials], generation: int) -> None:
        """From now on Envoy is to run this."""
        self._wanted = Wanted(plans, credentials, generation)
        self._lingering = tuple(dict.fromkeys((*self._lingering, *plans)))
        self.check("Envoy has not taken over the new configuration yet")

    def check(self, why: str) -> None:
        """Envoy may not run what is wanted: find out."""
        if not self.behind:
            self._behind_since = self._loop.time()
        self.behind = why
        self._asked += 1
        self._failures = 0
        if self._attempt.done():
            self._attempt = self._loop.create_future()
        self._wake.set()

    async def settled(self, seconds: float) -> bool:
        """Wait for the next attempt to end; true when Envoy runs what is wanted."""
        if self.behind:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._attempt), seconds)
        return not self.behind

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._wake.clear()
            if self.behind:
                await self._try()
            else:
                await self._listen()
            retry = min(FIRST_RETRY * 2 ** min(self._failures, 10), LONGEST_RETRY)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), retry if self.behind else HEARTBEAT_SECONDS)

    async def _listen(self) -> None:
        with contextlib.suppress(OSError, ValueError, TimeoutError):
            await ask_admin(self._admin, "/ready")
            self._heard = self._loop.time()

    async def _try(self) -> None:
        asked, attempt = self._asked, self._attempt
        try:
            await self._bring(self._wanted)
        except Exception as error:
            why = str(error) if isinstance(error, GatewayError) else f"{type(error).__name__}: {error}"
            self._failed(why)
        else:
            self._heard = self._loop.time()
            if asked == self._asked:
                self._succeeded()
        if asked == self._asked and not attempt.done():
            attempt.set_result(None)

    async def _bring(self, wanted: Wanted) -> None:
        """Upstreams first, those of before included; then what leads there. All is written even if Envoy is away."""
        files = self._files
        if self._failures and self._failures % WRITTEN_AGAIN == 0:
            files.forget()
        files.clusters([*wanted.plans, *self._lingering])
        try:
            await taken(self._admin, files)
        finally:
            if wanted is self._wanted:
                files.routes(wanted.plans, wanted.generation)
                files.listeners(wanted.plans, wanted.credentials)
        await taken(self._admin, files)
        if wanted is self._wanted:
            files.clusters(wanted.plans)
            self._lingering = tuple(wanted.plans)

    def _succeeded(self) -> None:
        self.behind, self._failures = "", 0
        if self._told:
            self._told = False
            self._tell("Envoy runs what the decision processes enforce")

    def _failed(self, why: str) -> None:
        self._failures += 1
        self.behind = why
        if not self._told and self._loop.time() - self._behind_since > TELL_SECONDS:
            self._told = True
            self._tell(f"the decision processes enforce the newest state, Envoy not yet: {why}; trying until it does")
