"""Envoy's clusters, as data: the upstreams of the hosts, and the decision processes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from mtls_tui.gateway.envoy.filters import API, Data, seconds
from mtls_tui.gateway.envoy.hostplan import HostPlan, Upstream
from mtls_tui.gateway.settings import Settings, is_ip

CLUSTER_TYPE = "type.googleapis.com/envoy.config.cluster.v3.Cluster"


def upstreams(plans: Sequence[HostPlan]) -> list[Upstream]:
    """The different upstreams of all hosts."""
    return list(dict.fromkeys(plan.upstream for plan in plans))


def upstream_cluster(upstream: Upstream, settings: Settings) -> Data:
    """Connections to one upstream. TLS upstreams are verified by name against their trust file."""
    config: Data = {
        "@type": CLUSTER_TYPE,
        "name": upstream.cluster,
        "connect_timeout": seconds(settings.limits.upstream_connect_seconds),
        "type": "STATIC" if is_ip(upstream.address) else "STRICT_DNS",
        "per_connection_buffer_limit_bytes": settings.limits.buffer_bytes,
        "circuit_breakers": _breakers(settings),
        "load_assignment": _endpoints(
            upstream.cluster,
            [{"socket_address": {"address": upstream.address, "port_value": upstream.port}}],
        ),
        "typed_extension_protocol_options": _protocol("http", settings.limits.idle_seconds),
    }
    if upstream.tls:
        matcher = {"san_type": "IP_ADDRESS" if is_ip(upstream.name) else "DNS", "matcher": {"exact": upstream.name}}
        context: Data = {
            "@type": f"{API}.transport_sockets.tls.v3.UpstreamTlsContext",
            "common_tls_context": {
                "alpn_protocols": ["http/1.1"],
                "tls_params": {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"},
                "validation_context": {
                    "trusted_ca": {"filename": str(upstream.ca)},
                    "match_typed_subject_alt_names": [matcher],
                },
            },
        }
        if not is_ip(upstream.name):
            context["sni"] = upstream.name
        config["transport_socket"] = {"name": "tls", "typed_config": context}
    return config


def decision_clusters(sockets: Sequence[Path], settings: Settings) -> list[Data]:
    """The decision processes: for questions, and for the streams that tell of open WebSockets."""
    return [_processes("decision", sockets, settings), _processes("tunnels", sockets, settings, http2=True)]


def _processes(name: str, sockets: Sequence[Path], settings: Settings, *, http2: bool = False) -> Data:
    """The decision processes, each on a Unix socket of its own; the least busy one is asked.

    One that did not answer is left out for a moment. What it answers never counts against it.
    """
    return {
        "name": name,
        "connect_timeout": seconds(min(1.0, settings.limits.decision_seconds)),
        "type": "STATIC",
        "lb_policy": "LEAST_REQUEST",
        "circuit_breakers": _breakers(settings, retries=settings.limits.connections * 4),
        "outlier_detection": {
            "split_external_local_origin_errors": True,
            "consecutive_local_origin_failure": 1,
            "enforcing_consecutive_local_origin_failure": 100,
            "enforcing_consecutive_5xx": 0,
            "enforcing_consecutive_gateway_failure": 0,
            "enforcing_success_rate": 0,
            "enforcing_local_origin_success_rate": 0,
            "interval": "0.5s",
            "base_ejection_time": "1s",
            "max_ejection_time": "5s",
            "max_ejection_percent": 50,
        },
        "load_assignment": _endpoints(name, [{"pipe": {"path": str(path)}} for path in sockets]),
        "typed_extension_protocol_options": _protocol("http2" if http2 else "http", 3600.0),
    }


def _endpoints(cluster: str, addresses: Iterable[Data]) -> Data:
    return {
        "cluster_name": cluster,
        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}} for address in addresses]}],
    }


def _protocol(name: str, idle: float) -> Data:
    return {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": f"{API}.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {f"{name}_protocol_options": {}},
            "common_http_protocol_options": {"idle_timeout": seconds(idle)},
        }
    }


def _breakers(settings: Settings, retries: int = 3) -> Data:
    limits = settings.limits
    most = limits.connections * 4
    return {
        "thresholds": [
            # Each is an open file, and many streams of HTTP/2 may want one: what waits for a free one costs none.
            {
                "max_connections": limits.connections,
                "max_pending_requests": most,
                "max_requests": most,
                "max_retries": retries,
            },
        ]
    }
