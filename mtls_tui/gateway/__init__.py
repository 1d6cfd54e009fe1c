"""Enforcement: the decision service and the Envoy that asks it. Knows no screens.

    with Gateway("api.bundle.json", listen=("127.0.0.1", 0), log=Path("access.jsonl")) as gateway:
        gateway.address          # ("127.0.0.1", 43210)
        gateway.status()         # {"healthy": True, "digest": "sha256:…", "decisions": {"allow": 3, "block": 1}, …}

Names are fetched when they are asked for: the middleware needs no Envoy, and `--help` none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtls_tui.gateway.settings import GatewayError, Limits, Settings

if TYPE_CHECKING:
    from mtls_tui.gateway.api import Gateway

__all__ = ["Gateway", "GatewayError", "Limits", "Settings"]


def __getattr__(name: str) -> Any:
    if name == "Gateway":
        from mtls_tui.gateway.api import Gateway

        return Gateway
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
