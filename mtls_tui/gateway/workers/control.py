"""How the supervisor and its decision processes talk: frames of MessagePack over a socket pair.

Supervisor: prepare (a bundle), commit, ping, reopen (the log). Process: prepared, committed, pong, reopened.
A bundle is prepared by all before any commits, so that all switch together or none does.
"""

from __future__ import annotations

import asyncio
import struct
from typing import Any

import msgspec

from mtls_tui.gateway.envoy.hostplan import Ask
from mtls_tui.gateway.settings import EscapedSlashes, UpstreamHeader

LENGTH = struct.Struct(">I")
LARGEST = 512 * 1024 * 1024


class Prepare(msgspec.Struct, tag="prepare"):
    """Make a decider of this bundle and keep it ready."""

    generation: int
    bundle: bytes
    verify_key: bytes | None
    style: str
    asks: dict[str, Ask]
    shadow: bool
    upstream_headers: tuple[UpstreamHeader, ...]
    facts: dict[str, tuple[str, ...]] = {}
    """What rules inside Envoy have to be told of certificates, by host."""
    escaped_slashes: EscapedSlashes = "reject"
    lists: dict[str, bytes] = {}
    """Revocation lists as they stand on disk, by the path that the bundle has."""


class Commit(msgspec.Struct, tag="commit"):
    """From now on answer by the prepared decider."""

    generation: int


class Ping(msgspec.Struct, tag="ping"):
    """Say that you live, and your counters."""

    draining: bool = False
    """From now on ask clients to leave: close each connection after the next answer."""


class Reopen(msgspec.Struct, tag="reopen"):
    """The log was renamed: go on in what has its name now."""

    path: str


class Prepared(msgspec.Struct, tag="prepared"):
    """The answer to `Prepare`; `error` tells why it could not be done."""

    generation: int
    error: str = ""


class Committed(msgspec.Struct, tag="committed"):
    """The answer to `Commit`."""

    generation: int


class Pong(msgspec.Struct, tag="pong"):
    """The answer to `Ping`."""

    generation: int
    counters: dict[str, Any]
    log_error: str = ""
    resident_kib: int = 0
    connections: int = 0


class Reopened(msgspec.Struct, tag="reopened"):
    """The answer to `Reopen`; `error` tells why the old file goes on."""

    error: str = ""


ToWorker = Prepare | Commit | Ping | Reopen
FromWorker = Prepared | Committed | Pong | Reopened

_encode = msgspec.msgpack.Encoder().encode
_to_worker = msgspec.msgpack.Decoder(ToWorker)
_from_worker = msgspec.msgpack.Decoder(FromWorker)


def frame(message: ToWorker | FromWorker) -> bytes:
    """The bytes of a message."""
    data = _encode(message)
    return LENGTH.pack(len(data)) + data


async def _read(reader: asyncio.StreamReader) -> bytes:
    (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
    if length > LARGEST:
        raise ValueError("a control frame is too long")
    return await reader.readexactly(length)


async def read_by_worker(reader: asyncio.StreamReader) -> ToWorker:
    """The next message of the supervisor. Raises IncompleteReadError if it is gone."""
    message: ToWorker = _to_worker.decode(await _read(reader))
    return message


async def read_by_supervisor(reader: asyncio.StreamReader) -> FromWorker:
    """The next message of a process. Raises IncompleteReadError if it is gone."""
    message: FromWorker = _from_worker.decode(await _read(reader))
    return message
