"""What an operator may set of the gateway, checked and immutable. Knows no files but by name, and starts nothing."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from mtls_tui.engine.model import BODY_BYTES

ListenAddress: TypeAlias = tuple[str, int] | Path
"""Where to listen: an IP address with a port (0: any free one), or the path of a Unix socket."""

EscapedSlashes: TypeAlias = Literal["reject", "unescape", "keep"]
UpstreamHeader: TypeAlias = Literal["client-cert", "client-cert-chain", "verified", "subject", "fingerprint"]
UPSTREAM_HEADERS: tuple[UpstreamHeader, ...] = get_args(UpstreamHeader)
TlsVersion: TypeAlias = Literal["1.2", "1.3"]
TLS_VERSIONS: tuple[TlsVersion, ...] = get_args(TlsVersion)
TLS_CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305",
)  # fmt: skip
"""Suites of TLS 1.2 with forward secrecy and authenticated encryption; weaker ones can't be chosen. Those of TLS 1.3
are fixed (BoringSSL)."""


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
    websocket_seconds: float = 900.0
    """From a WebSocket's handshake to its end at the latest, whatever moves on it."""
    upstream_connect_seconds: float = 5.0
    decision_seconds: float = 1.0
    """What the decision may take; after half of it the question is put to another process, after all of it the request
    is refused with 503."""
    header_kib: int = 60
    """All headers of a request together."""
    header_count: int = 100
    concurrent_streams: int = 100
    """Requests at a time on one HTTP/2 connection."""
    body_bytes: int = BODY_BYTES
    """How much of a body the rules see; the rest is passed on unseen and `http.request.body.truncated` says so."""
    drain_seconds: float = 3.0
    """After a stop is asked for: how long the port stays open while every answer asks its client to leave. Over as soon
    as no client is connected."""
    finish_seconds: float = 5.0
    """After the port is closed: how long open requests may go on."""
    closing_seconds: float = 1.0
    """How long a client that was refused may take to read why."""
    buffer_bytes: int = 65_536
    """Buffered per connection before the other side is slowed down; also the window of an HTTP/2 stream."""

    def __post_init__(self) -> None:
        for name, (least, most) in LIMIT_RANGES.items():
            value = getattr(self, name)
            if not math.isfinite(value) or not least <= value <= most:
                raise GatewayError(f"limit {name.replace('_', '-')}={value}: give {least} to {most}")

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Limits:
        """Limits out of texts such as `drain-seconds=10`; the rest as by default.

        Raises GatewayError for anything else.
        """
        defaults: dict[str, float] = asdict(cls())
        values: dict[str, float] = {}
        for text in texts:
            name, _, value = text.partition("=")
            field_name = name.replace("-", "_")
            if field_name not in defaults:
                known = ", ".join(one.replace("_", "-") for one in defaults)
                raise GatewayError(f"`{text}`: no such limit; give NAME=NUMBER, NAME being one of {known}")
            whole = isinstance(defaults[field_name], int)
            try:
                values[field_name] = int(value) if whole else float(value)
            except ValueError:
                what = "a whole number" if whole else "a number"
                raise GatewayError(f"`{text}`: give {what}, as in {name}={defaults[field_name]}") from None
        return cls(**values)  # type: ignore[arg-type]


LIMIT_RANGES: dict[str, tuple[float, float]] = {
    "connections": (1, 1_000_000),
    "handshake_seconds": (0.1, 300),
    "headers_seconds": (0.1, 300),
    "request_seconds": (0.1, 86_400),
    "idle_seconds": (0.1, 86_400),
    "websocket_seconds": (0.1, 86_400),
    "upstream_connect_seconds": (0.1, 300),
    "decision_seconds": (0.05, 60),
    "header_kib": (1, 128),
    "header_count": (1, 10_000),
    "concurrent_streams": (1, 100_000),
    "body_bytes": (1, 8 * 1024 * 1024),
    "drain_seconds": (0, 3600),
    "finish_seconds": (0, 3600),
    "closing_seconds": (0, 60),
    "buffer_bytes": (65_535, 16 * 1024 * 1024),
}
"""Least and greatest value of each. Headers: what a question to the decision service holds beside the certificates;
buffers: a window of HTTP/2 is never smaller (RFC 9113 section 6.9.2)."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to run. The bundle says what is enforced; this says where and how."""

    listen: tuple[str, int] = ("127.0.0.1", 8443)
    status: ListenAddress | None = None
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
    """How long rules inside Envoy may go by what the decision service told of a certificate; 0: no rule runs there, and
    the service is asked about every request. A reload ends it at once."""
    verify_key: bytes | None = None
    """PEM of the Ed25519 public key that must have signed the bundle; None: signatures are not asked for."""
    tls_minimum: TlsVersion = "1.2"
    tls_maximum: TlsVersion = "1.3"
    """The versions that clients may use; the upstreams' are 1.2 and 1.3."""
    tls_ciphers: tuple[str, ...] = ()
    """Suites for TLS 1.2, the preferred first, out of TLS_CIPHERS; empty: all of them in BoringSSL's order."""
    state_dir: Path | None = None
    """Where the newest revocation lists are kept over restarts; None: systemd's `STATE_DIRECTORY`, else the user's."""
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if TLS_VERSIONS.index(self.tls_minimum) > TLS_VERSIONS.index(self.tls_maximum):
            raise GatewayError(f"TLS {self.tls_minimum} at least and {self.tls_maximum} at most leave no version")
        if self.tls_ciphers and self.tls_minimum != "1.2":
            raise GatewayError(
                "cipher suites can be chosen for TLS 1.2 only, which is switched off; those of 1.3 are fixed"
            )
        for name in self.tls_ciphers:
            if name not in TLS_CIPHERS:
                raise GatewayError(f"`{name}`: no such cipher suite; choose from {', '.join(TLS_CIPHERS)}")
        if not 0 <= self.remember_seconds <= 1:
            raise GatewayError("certificates may be remembered for at most one second")

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


def parse_address(text: str, *, sockets: bool = True) -> ListenAddress:
    """`127.0.0.1:8443`, `[::1]:8443`, or `unix:/run/x.sock`. Raises GatewayError, with the cure, for anything else."""
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


def address_text(address: ListenAddress) -> str:
    """The address as it is written on the command line."""
    if isinstance(address, Path):
        return f"unix:{address}"
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
