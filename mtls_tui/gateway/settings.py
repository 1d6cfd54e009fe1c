"""What an operator may set of the gateway, checked and immutable. Knows no files but by name, and starts nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from mtls_tui.engine.model import BODY_BYTES

Address: TypeAlias = tuple[str, int] | Path
"""Where to listen: an IP address with a port (0: any free one), or the path of a Unix socket."""

EscapedSlashes: TypeAlias = Literal["reject", "unescape", "keep"]
UpstreamHeader: TypeAlias = Literal["client-cert", "client-cert-chain", "verified", "subject", "fingerprint"]
UPSTREAM_HEADERS: tuple[UpstreamHeader, ...] = get_args(UpstreamHeader)


class GatewayError(Exception):
    """The gateway can't start or go on as asked; the message names the place and the cure."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Every limit and timeout of the gateway, explicit. Times in seconds, sizes in bytes."""

    connections: int = 10_000
    """Client connections at a time; more are closed at once."""
    handshake_seconds: float = 10.0
    headers_seconds: float = 10.0
    request_seconds: float = 300.0
    """From the first byte of a request to its last; streaming uploads need time."""
    idle_seconds: float = 60.0
    """A connection or stream on which nothing moves."""
    upstream_connect_seconds: float = 5.0
    decision_seconds: float = 1.0
    """What the decision may take; after that the request is refused with 503."""
    header_kib: int = 60
    """All headers of a request together."""
    header_count: int = 100
    concurrent_streams: int = 100
    """Requests at a time on one HTTP/2 connection."""
    body_bytes: int = BODY_BYTES
    """How much of a body the rules see; the rest is passed on unseen and `http.request.body.truncated` says so."""
    drain_seconds: float = 5.0
    """How long open requests may go on after a stop is asked for."""
    closing_seconds: float = 1.0
    """How long a client that was refused may take to read why."""
    buffer_bytes: int = 65_536
    """Buffered per connection before the other side is slowed down."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to run. The bundle says what is enforced; this says where and how."""

    listen: tuple[str, int] = ("127.0.0.1", 8443)
    status: Address | None = None
    """Where health, status and metrics are served; None: on a Unix socket in the run directory."""
    workers: int = 0
    """Decision processes; 0: one per core."""
    shadow: bool = False
    """Nothing is blocked; what would be is logged and counted."""
    log: Path | None = None
    """The access log, JSON lines; None: standard output. `/dev/null` switches it off."""
    escaped_slashes: EscapedSlashes = "reject"
    """What to do with `%2F` and `%5C` in a path: refuse with 400, unescape for rules and upstream alike, or keep."""
    upstream_headers: tuple[UpstreamHeader, ...] = ("client-cert", "client-cert-chain")
    """What the upstream learns of a verified client certificate."""
    strip_headers: tuple[str, ...] = ()
    """Further headers that no client may send (see `stripping`): they reach neither rules nor upstream."""
    remember_seconds: float = 0.5
    """How long Envoy may give a verdict again without asking, on hosts whose rules read host and certificate alone; 0:
    it always asks. A reload ends it at once."""
    verify_key: bytes | None = None
    """PEM of the Ed25519 public key that must have signed the bundle; None: signatures are not asked for."""
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not 0 <= self.remember_seconds <= 1:
            raise GatewayError("verdicts may be remembered for at most one second")

    @property
    def worker_count(self) -> int:
        """How many decision processes run."""
        return self.workers or available_cores()


def available_cores() -> int:
    """Cores that this process may use."""
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:  # pragma: no cover - not on Linux
        return os.cpu_count() or 1


def parse_address(text: str, *, sockets: bool = True) -> Address:
    """`127.0.0.1:8443`, `[::1]:8443`, or `unix:/run/x.sock`. GatewayError with the cure for anything else."""
    if text.startswith("unix:"):
        path = Path(text[5:])
        if not sockets or not text[5:]:
            raise GatewayError(f"`{text}`: here an address and a port are needed, as in 127.0.0.1:8443")
        if len(os.fsencode(path.absolute())) > 100:
            raise GatewayError(f"`{text}`: the path of a Unix socket has at most 100 bytes; choose a shorter one")
        return path.absolute()
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535 or not is_ip(host):
        raise GatewayError(f"`{text}`: expected an IP address and a port, as in 127.0.0.1:8443 or [::1]:8443")
    return host, int(port)


def is_ip(text: str) -> bool:
    """Whether a text is an IP address, without asking any name server."""
    import ipaddress

    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def address_text(address: Address) -> str:
    """The address as it is written on the command line."""
    if isinstance(address, Path):
        return f"unix:{address}"
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
