"""What Envoy has to know of each host: pure data, made by `planning` from a bundle, read by `config` and its parts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from mtls_tui.gateway.envoy.inside import Program

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
    program: Program | None = None
    """Its rules, to be run inside Envoy; None: the decision service is asked about every request."""
    why_asked: str = ""
    """Why there is none."""

    def shown(self) -> dict[str, object]:
        """For the status."""
        asks = self.program.asks if self.program is not None else (self.why_asked,) if self.why_asked else ()
        return {
            "name": self.name,
            "mtls": self.mtls,
            "asks": self.ask,
            "inside": self.program is not None,
            "asked_because": list(asks),
        }


def widest(first: Ask, second: Ask) -> Ask:
    """The one of two that tells the decision service more."""
    return max(first, second, key=ASK_LEVELS.index)


def enough(asked: Ask, needed: Ask) -> bool:
    """Whether a question of one kind carries what another needs."""
    return ASK_LEVELS.index(asked) >= ASK_LEVELS.index(needed)
