"""The one route table, as data: what depends on the rules. Envoy swaps it on live connections without draining them.

A host's requests are routed only when they came by a connection for that host: a Host that doesn't belong to the
connection's SNI has nowhere to go but to 421.
"""

from __future__ import annotations

from collections.abc import Sequence

from mtls_tui.gateway.envoy.filters import API, CHAIN_HEADER, OURS, VERDICTS_FILTER, Data, asking, seconds, watched
from mtls_tui.gateway.envoy.hostplan import HostPlan
from mtls_tui.gateway.envoy.verdict_cache import VERDICT_HEADER
from mtls_tui.gateway.settings import Settings

ROUTE_TYPE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
ROUTES = "hosts"
MISDIRECTED = {
    "status": 421,
    "body": {"inline_string": "misdirected request: this host is not served on this connection\n"},
}


def route_table(plans: Sequence[HostPlan], settings: Settings, generation: int = 1) -> Data:
    """The route table of all chains.

    `generation` counts the bundles: what Envoy remembers of another one is not used.
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
            "typed_per_filter_config": asking(plan.ask) | remembering(plan, settings, generation),
        }
        hosts.append(
            {
                "name": plan.name,
                "domains": [plan.name],
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
        "response_headers_to_remove": [*OURS, VERDICT_HEADER],
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


def remembering(plan: HostPlan, settings: Settings, generation: int) -> Data:
    """Per-route settings that let Envoy remember verdicts of this generation; none where it must always ask."""
    if not plan.remember or plan.ask != "plain" or not settings.remember_seconds:
        return {}
    context = {"@type": f"{API}.filters.http.lua.v3.LuaPerRoute", "filter_context": {"generation": generation}}
    return {VERDICTS_FILTER: context}


def _misdirected() -> Data:
    return {
        "match": {"prefix": "/"},
        "direct_response": MISDIRECTED,
        "typed_per_filter_config": asking("nothing"),
    }
