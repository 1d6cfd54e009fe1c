"""Open WebSockets: each is judged again when the rules or the trust changed, or when its certificate's time is over.

Envoy tells of each over a stream that stays open as long as the WebSocket does, and ends the WebSocket when that
stream ends with an error (`tunnelwire`). What is told is the handshake, so it is judged as the handshake would be now,
except that rules which read the time still read the handshake's.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from mtls_tui.gateway.accesslog import LogLine, LogWriter
from mtls_tui.gateway.counters import Counters
from mtls_tui.gateway.decision import Decider, Standing
from mtls_tui.gateway.questions import MalformedError, Question, RawQuestion

LOOK_SECONDS = 0.5
"""How often it is looked whether a certificate's time is over."""
AT_A_TIME = 32
"""Tunnels judged before questions get their turn."""
MOST_BYTES = 128 * 1024 * 1024
"""Of all handshakes that are kept, in one decision process. Beyond it no further WebSocket is opened."""
TUNNEL_BYTES = 4096
"""What a tunnel costs beside the bytes of its handshake."""


@dataclass(slots=True, eq=False)
class Tunnel:
    """One open WebSocket."""

    question: Question
    size: int
    end: Callable[[], None]
    generation: int
    until: float
    """When it has to be judged again although nothing changed, POSIX seconds."""


@dataclass(slots=True, eq=False)
class Tunnels:
    """The open WebSockets that one decision process watches. `follow` lets a new decider judge them all."""

    log: LogWriter
    counters: Counters
    most: int = MOST_BYTES
    bytes: int = 0
    _open: dict[Tunnel, None] = field(default_factory=dict)
    _decider: Decider | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def watching(self) -> bool:
        """Whether there is somebody to judge."""
        return self._decider is not None

    def __len__(self) -> int:
        return len(self._open)

    def follow(self, decider: Decider) -> None:
        """From now on judge by this, the open ones first."""
        self._decider = decider
        self._changed.set()

    def opened(self, asking: RawQuestion, now: float, end: Callable[[], None]) -> Tunnel | None:
        """Watch a WebSocket that is being opened; None when it must not be. `end` ends it later on."""
        decider = self._decider
        size = TUNNEL_BYTES + len(asking.target) + sum(len(name) + len(value) for name, value in asking.headers)
        if decider is None:
            return None
        try:
            question = decider.reader(asking)
        except MalformedError as error:
            self._tell(None, Standing(str(error)), now)
            return None
        if self.bytes + size > self.most:
            self._tell(question, Standing("this process watches as many WebSockets as it has memory for"), now)
            return None
        fixed = {"http.request.timestamp.sec": int(now), "http.request.timestamp.msec": int(now * 1000) % 1000}
        question = replace(question, http=replace(question.http, overrides=fixed))
        tunnel = Tunnel(question, size, end, decider.generation, 0.0)
        if not self._stands(tunnel, decider, now):
            return None
        self._open[tunnel] = None
        self.bytes += size
        return tunnel

    def closed(self, tunnel: Tunnel) -> None:
        """Forget one that is over."""
        if tunnel in self._open:
            del self._open[tunnel]
            self.bytes -= tunnel.size

    async def run(self) -> None:
        """Until cancelled: end what would be refused now."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), LOOK_SECONDS)
            self._changed.clear()
            await self.look()

    async def look(self) -> None:
        """Judge what has to be judged."""
        judged = 0
        for tunnel in list(self._open):
            decider, now = self._decider, time.time()
            if decider is None or tunnel not in self._open:
                continue
            if tunnel.generation == decider.generation and now < tunnel.until:
                continue
            if not self._stands(tunnel, decider, now):
                self.closed(tunnel)
                tunnel.end()
            judged += 1
            if judged % AT_A_TIME == 0:
                await asyncio.sleep(0)

    def _stands(self, tunnel: Tunnel, decider: Decider, now: float) -> bool:
        standing = decider.standing(tunnel.question, now)
        tunnel.generation, tunnel.until = decider.generation, standing.until
        if standing.refused:
            self._tell(tunnel.question, standing, now)
        return not standing.refused

    def _tell(self, question: Question | None, standing: Standing, now: float) -> None:
        self.counters.count(standing.host, standing.rule, "ended")
        line = LogLine.of(
            question, now, action="end", rule=standing.rule, reason=standing.refused, fingerprint=standing.fingerprint
        )
        line.kind = "websocket"
        self.log.add(line)
