"""What Envoy has to know of each host: pure data, made by `planning` from a bundle, read by `config` and its parts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Ask: TypeAlias = Literal["nothing", "plain", "headers", "body"]
"""What the decision service is told of a request: no question at all; host, path and certificate; all headers too;
the body too. Each includes those before it."""
ASK_LEVELS: tuple[Ask, ...] = ("nothing", "plain", "headers", "body")


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where a host's requests go. `name` is the server name for TLS and its check; `ca` the trust file for https."""

    address: str
    port: int
    tls: bool = False
    name: str = ""
    ca: Path | None = None

    @property
    def cluster(self) -> str:
        """The name of its cluster in Envoy: equal upstreams share connections."""
        kind = "https" if self.tls else "http"
        return f"upstream-{kind}-{self.address}-{self.port}" + (f"-{self.name}" if self.name else "")


@dataclass(frozen=True, slots=True)
class HostPlan:
    """One host of the gateway.

    Its name (or `*.example.com`), whether a client certificate is asked for, where its requests go, and what the
    decision service is asked.
    """

    name: str
    mtls: bool
    upstream: Upstream
    ask: Ask = "headers"
    remember: bool = False
    """Whether verdicts follow from host and certificate alone, so that Envoy may remember them for a moment."""


def widest(first: Ask, second: Ask) -> Ask:
    """The one of two that tells the decision service more."""
    return max(first, second, key=ASK_LEVELS.index)


def enough(asked: Ask, needed: Ask) -> bool:
    """Whether a question of one kind carries what another needs."""
    return ASK_LEVELS.index(asked) >= ASK_LEVELS.index(needed)
