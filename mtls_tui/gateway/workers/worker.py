"""One decision process: `python -m mtls_tui.gateway.workers.worker CONTROL LISTEN LOG TALLY PEERS`.

The first four are inherited file descriptors (log -1: none).

It answers questions on the listening socket by the bundle that the supervisor commits. It ends when the supervisor
is gone, and it never decides by anything that was not committed.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mtls_tui.engine.model import HttpRequest
from mtls_tui.engine.policy import Policy
from mtls_tui.gateway import proxy_styles
from mtls_tui.gateway.accesslog import FLUSH_SECONDS, LogWriter
from mtls_tui.gateway.crlfiles import policy_of
from mtls_tui.gateway.decision import Decider
from mtls_tui.gateway.descriptors import raise_limit
from mtls_tui.gateway.parts import needed
from mtls_tui.gateway.peers import Peers
from mtls_tui.gateway.service import Connection, Service
from mtls_tui.gateway.settings import GatewayError
from mtls_tui.gateway.tally import Tally
from mtls_tui.gateway.tunnels import Tunnels
from mtls_tui.gateway.workers.control import (
    Commit,
    Committed,
    Ping,
    Pong,
    Prepare,
    Prepared,
    Reopen,
    Reopened,
    frame,
    read_by_worker,
)

MOST_OPEN_FILES = 65_536
REOPEN_SECONDS = 2.0
MOST_BODY = 16 * 1024 * 1024
MANY_RULES = 500
"""On one host. A tenth of a millisecond each, at the first request."""


def prepare(message: Prepare, counters_of: Service) -> Decider:
    """A decider of a bundle; whatever is wrong with it is raised."""
    policy = policy_of(message.bundle, message.verify_key, message.lists)
    warm(policy)
    return Decider(
        policy=policy,
        reader=proxy_styles.reader(message.style, message.escaped_slashes, needed(policy)),
        generation=message.generation,
        shadow=message.shadow,
        upstream_headers=message.upstream_headers,
        asks=message.asks,
        facts=message.facts,
        statuses=proxy_styles.statuses(message.style),
        counters=counters_of.counters,
    )


def warm(policy: Policy) -> None:
    """Decide once for every host with many rules: they are compiled at the first request, which would time out."""
    for host in policy.hosts:
        if len(policy.ruleset.index.positions_for_host(host.encode("ascii"))) >= MANY_RULES:
            policy.decide(HttpRequest(host=host))


async def obey(
    service: Service,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    open_up: Callable[[], Awaitable[object]],
    reopen: Callable[[Path], Awaitable[str]],
) -> None:
    """Do what the supervisor says until it is gone. Nobody is let in before the first commit: questions queue."""
    loop = asyncio.get_running_loop()
    ready: Decider | None = None
    current = 0
    while True:
        message = await read_by_worker(reader)
        if isinstance(message, Ping):
            usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            service.draining = service.draining or message.draining
            connections = len(service.connections)
            writer.write(frame(Pong(current, service.counters.plain(), service.log.error, usage, connections)))
        elif isinstance(message, Reopen):
            writer.write(frame(Reopened(await reopen(Path(message.path)))))
        elif isinstance(message, Prepare):
            try:
                # In a thread: reading a thousand rules takes a while, and questions don't wait.
                ready = await loop.run_in_executor(None, prepare, message, service)
                answer = Prepared(message.generation)
            except Exception as error:
                answer = Prepared(message.generation, f"{type(error).__name__}: {error}"[:2000])
            writer.write(frame(answer))
        elif isinstance(message, Commit) and ready is not None and ready.generation == message.generation:
            service.answer = ready.answer
            if service.tunnels is not None and ready.asks:  # only our own Envoy is told what to ask
                service.tunnels.follow(ready)
            if current == 0:
                await open_up()
            current = ready.generation
            ready = None
            gc.collect()
            gc.freeze()  # what a bundle holds stays: the collector need not walk it again and again
            writer.write(frame(Committed(current)))
        await writer.drain()


async def run(control: int, listen: int, log: int, tally: int, peers: Peers) -> None:
    """Serve and obey."""
    loop = asyncio.get_running_loop()
    writer = LogWriter(log if log >= 0 else None, Tally(tally))
    os.close(tally)
    # A thread of its own: the log's reader or the disk may make it wait, and questions must not.
    logging = ThreadPoolExecutor(1, "log")
    service = Service(writer, MOST_BODY)
    service.admit = peers.admit
    service.tunnels = Tunnels(writer, service.counters)
    server_socket = socket.socket(fileno=listen)
    server_socket.setblocking(False)
    servers: list[asyncio.Server] = []

    async def open_up() -> None:
        make = loop.create_unix_server if server_socket.family == socket.AF_UNIX else loop.create_server
        servers.append(await make(lambda: Connection(service), sock=server_socket, backlog=1024))

    reader, commands = await asyncio.open_connection(sock=socket.socket(fileno=control))

    async def flush() -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            if lines := writer.take():
                await loop.run_in_executor(logging, writer.write, lines)

    async def reopen(path: Path) -> str:
        try:
            opening = loop.run_in_executor(logging, writer.reopen, path)
            await asyncio.wait_for(asyncio.shield(opening), REOPEN_SECONDS)
        except GatewayError as error:
            return str(error)
        except TimeoutError:
            return "the old file takes lines too slowly; the new one is opened as soon as they are written"
        return ""

    flushing = asyncio.create_task(flush())
    watching = asyncio.create_task(service.tunnels.run())
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    obeying = asyncio.create_task(obey(service, reader, commands, open_up, reopen))
    stopping = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait((obeying, stopping), return_when=asyncio.FIRST_COMPLETED)
    for server in servers:
        server.close()
    for connection in list(service.connections):
        connection.close()
    watching.cancel()
    flushing.cancel()
    await loop.run_in_executor(logging, writer.write, writer.take())
    for task in done:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            task.result()


def main() -> None:
    """Run a decision process with the descriptors that its supervisor hands over."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)  # these are for the supervisor, even when the whole group gets them
    raise_limit(MOST_OPEN_FILES)
    control, listen, log, tally = (int(text) for text in sys.argv[1:5])
    peers = Peers.from_text(sys.argv[5])
    try:
        import uvloop
    except ImportError:
        asyncio.run(run(control, listen, log, tally, peers))
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(control, listen, log, tally, peers))


if __name__ == "__main__":
    main()
