"""The one route table, as data: what depends on the rules. Envoy swaps it on live connections without draining them.

A host's requests are routed only when they came by a connection for that host: a Host that doesn't belong to the
connection's SNI has nowhere to go but to 421.
"""

from __future__ import annotations

from collections.abc import Sequence

from mtls_tui.gateway.envoy.facts import FACTS_HEADER
from mtls_tui.gateway.envoy.filters import (
    API,
    CHAIN_HEADER,
    INSIDE_FILTER,
    OURS,
    Data,
    asking,
    seconds,
    watched,
)
from mtls_tui.gateway.envoy.hostplan import HostPlan
from mtls_tui.gateway.settings import Settings

ROUTE_TYPE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
ROUTES = "hosts"
LUA_PER_ROUTE = f"{API}.filters.http.lua.v3.LuaPerRoute"
MISDIRECTED = {
    "status": 421,
    "body": {"inline_string": "misdirected request: this host is not served on this connection\n"},
}


def route_table(plans: Sequence[HostPlan], settings: Settings, generation: int = 1) -> Data:
    """The route table of all chains.

    `generation` counts the bundles: what Envoy remembers under another number is not used.
    """
    hosts: list[Data] = []
    for plan in plans:
        served = {
            "match": {
                "prefix": "/",
                "headers": [{"name": CHAIN_HEADER, "string_match": {"exact": plan.name}}],
            },
            "route": {"cluster": plan.upstream.cluster, "timeout": "0s"},
            # What is buffered for the rules; without it a body longer than a connection's buffer is refused.
            "request_body_buffer_limit": settings.limits.body_bytes,
            "typed_per_filter_config": asking(plan.ask),
        }
        hosts.append(
            {
                "name": plan.name,
                "domains": [plan.name],
                "typed_per_filter_config": inside(plan, generation),
                "metadata": _program(plan),
                "routes": [_websocket(served, settings), served, _misdirected()],
                "request_headers_to_remove": list(OURS),
                "request_headers_to_add": [
                    {
                        "header": {
                            "key": "x-forwarded-for",
                            "value": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%",
                        },
                        "append_action": "APPEND_IF_EXISTS_OR_ADD",
                    }
                ],
            }
        )
    hosts.append({"name": "others", "domains": ["*"], "routes": [_misdirected()]})
    return {
        "@type": ROUTE_TYPE,
        "name": ROUTES,
        "virtual_hosts": hosts,
        "validate_clusters": False,
        # What the decision service and Envoy tell each other must not be written by an upstream.
        "response_headers_to_remove": [*OURS, FACTS_HEADER],
    }


def _websocket(served: Data, settings: Settings) -> Data:
    """A host's route for WebSockets. They are watched, so that none outlives its certificate and its rules."""
    longest = {"max_stream_duration": seconds(settings.limits.websocket_seconds)}
    asked_for = {"name": "upgrade", "string_match": {"exact": "websocket", "ignore_case": True}}
    match = served["match"] | {"headers": [*served["match"]["headers"], asked_for]}
    return served | {
        "match": match,
        "route": served["route"] | {"max_stream_duration": longest},
        "typed_per_filter_config": served["typed_per_filter_config"] | watched(),
    }


def inside(plan: HostPlan, generation: int) -> Data:
    """What the filter in Lua gets to know of a host: its rules if they run there, and how the service is asked."""
    context: Data = {"ask": plan.ask}
    if plan.program is not None:
        # The key tells programs apart: their text is looked at once. Envoy copies this context for every request.
        context |= {"key": f"{generation}/{plan.name}", "generation": generation}
    return {INSIDE_FILTER: {"@type": LUA_PER_ROUTE, "filter_context": context}}


def _program(plan: HostPlan) -> Data:
    """The rules that run inside Envoy, where the filter finds them when it has to load them."""
    source = plan.program.source if plan.program is not None else ""
    return {"filter_metadata": {INSIDE_FILTER: {"source": source}}}


def _misdirected() -> Data:
    return {
        "match": {"prefix": "/"},
        "direct_response": MISDIRECTED,
        "typed_per_filter_config": asking("nothing") | {INSIDE_FILTER: {"@type": LUA_PER_ROUTE, "disabled": True}},
    }
