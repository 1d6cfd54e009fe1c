"""The gentle end of a running Envoy: clients are asked to leave, then the port closes, then open requests end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

from mtls_tui.gateway.envoy.xds import ask_admin
from mtls_tui.gateway.settings import Limits

LOOK_SECONDS = 0.05
CONNECTED = ("downstream_cx_active", "downstream_pre_cx_active")
BUSY = ("downstream_rq_active", "downstream_cx_tx_bytes_buffered")
"""Gauges of Envoy: connections (including those before their TLS handshake); requests, and bytes of answers
that wait for their client."""


async def drain(admin: Path, limits: Limits, hurry: asyncio.Event) -> None:
    """Drain an Envoy; returns at once when its admin socket fails or `hurry` is set.

    For `drain_seconds` the port stays open, and every answer has `Connection: close` (HTTP/2: GOAWAY follows): a load
    balancer sees `/healthz` fail and turns elsewhere before anybody is refused. Then the port closes, and open requests
    have `finish_seconds`. Either ends as soon as nobody is left to wait for.
    """
    with contextlib.suppress(OSError, ValueError, TimeoutError):
        await ask_admin(admin, "/drain_listeners?graceful&skip_exit", "POST")
        await _until(admin, lambda gauges: not any(gauges[name] for name in CONNECTED), limits.drain_seconds, hurry)
        await ask_admin(admin, "/drain_listeners", "POST")
        await _until(admin, lambda gauges: not any(gauges[name] for name in BUSY), limits.finish_seconds, hurry)


async def _until(admin: Path, done: Callable[[dict[str, int]], bool], seconds: float, hurry: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not hurry.is_set() and not done(await gauges(admin)):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(hurry.wait(), LOOK_SECONDS)


async def gauges(admin: Path) -> dict[str, int]:
    """CONNECTED and BUSY as Envoy has them now, over everything but its admin socket. Only whether one is 0 counts."""
    names = (*CONNECTED, *BUSY)
    found = dict.fromkeys(names, 0)
    for line in (await ask_admin(admin, f"/stats?filter=({'|'.join(names)})$")).decode().splitlines():
        name, _, value = line.rpartition(": ")
        short = name.rpartition(".")[2]
        if short in found and not name.startswith(("listener.admin.", "http.admin.", "cluster.")):
            found[short] += int(value)
    return found
