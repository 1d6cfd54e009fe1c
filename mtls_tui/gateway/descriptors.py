"""Open files: how many a gateway's processes need, may have, and what that means for its connections."""

from __future__ import annotations

import contextlib
import resource

from mtls_tui.gateway.settings import GatewayError

PER_CONNECTION = 3
"""A client's connection, the upstream's, and the one of its question."""
RESERVE, RESERVE_PER_CORE = 64, 16
"""What Envoy holds open without any client: log, sockets, and those of each of its threads."""
CURE = "LimitNOFILE= in a systemd unit, `ulimit -Hn` in a shell"


def needed(connections: int, cores: int) -> int:
    """Open files of a process that serves so many connections."""
    return connections * PER_CONNECTION + RESERVE + RESERVE_PER_CORE * cores


def allowed() -> int:
    """How many a process may have at most (the hard limit); 0: any number."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return 0 if hard == resource.RLIM_INFINITY else hard


def raise_limit(number: int) -> None:
    """Raise the soft limit of this process to a number, as far as the hard one goes; never lowers it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number if hard == resource.RLIM_INFINITY else min(number, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def fitting(connections: int, cores: int, most: int) -> tuple[int, str]:
    """How many connections `most` open files (0: any number) let us serve, and what there is to say about it.

    Beyond them a client would hang in its handshake; so the rest is closed at once. Raises GatewayError if none fits.
    """
    need = needed(connections, cores)
    if not most or need <= most:
        return connections, ""
    fit = (most - needed(0, cores)) // PER_CONNECTION
    if fit < 1:
        raise GatewayError(f"at most {most} open files are allowed, which serves nobody; raise the limit: {CURE}")
    return fit, (
        f"at most {most} open files are allowed: {fit} connections instead of {connections}, which need {need}; "
        f"raise the limit ({CURE}) or set --limit connections={fit}"
    )
