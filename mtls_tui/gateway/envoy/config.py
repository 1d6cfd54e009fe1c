"""Envoy's configuration as data: host plans and settings in, JSON-ready dictionaries out. Touches no file, no process.

Shape: one filter chain per host, chosen by SNI. Each marks its requests with its name, and the one route table routes a
host's requests only when they came by that host's chain: a Host that doesn't belong to the connection's SNI has nowhere
to go but to 421. What depends on the rules (who is asked for what) is in the route table alone, which Envoy swaps on
live connections without draining them.

Three `ext_authz` filters stand in every chain, one per kind of question; a route says which one is put. A route that
forgot to would put the plain one, and the decision service refuses to decide on less than the rules need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from mtls_tui.gateway.envoy.filters import (
    API,
    CHAIN_HEADER,
    DUPLICATES_FILTER,
    DUPLICATES_LUA,
    OURS,
    VERDICTS_FILTER,
    Data,
    access_logs,
    asking,
    lua_filter,
    question,
    seconds,
    watched,
    watching,
)
from mtls_tui.gateway.envoy.hostplan import ASK_LEVELS, HostPlan, Upstream, covers
from mtls_tui.gateway.envoy.remembered import PREFIX
from mtls_tui.gateway.envoy.verdict_cache import VERDICT_HEADER, lua
from mtls_tui.gateway.settings import Settings, TlsVersion, is_ip
from mtls_tui.gateway.stripping import pattern

Routes: TypeAlias = Callable[[str], Data]
"""Where a chain, by its name, has its route table from."""
LISTENER_TYPE = "type.googleapis.com/envoy.config.listener.v3.Listener"
CLUSTER_TYPE = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
ROUTE_TYPE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"

MISDIRECTED = {
    "status": 421,
    "body": {"inline_string": "misdirected request: this host is not served on this connection\n"},
}
SIGNATURES = (
    "ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256", "rsa_pkcs1_sha256",
    "ecdsa_secp384r1_sha384", "rsa_pss_rsae_sha384", "rsa_pkcs1_sha384",
    "ecdsa_secp521r1_sha512", "rsa_pss_rsae_sha512", "rsa_pkcs1_sha512",
    "ed25519",
)  # fmt: skip
"""In the handshake. BoringSSL's own list, without SHA-1, with Ed25519 and P-521: a client whose kind of key is not
offered sends no certificate, although verification takes it."""
TLS_NAMES: dict[TlsVersion, str] = {"1.2": "TLSv1_2", "1.3": "TLSv1_3"}
ROUTES = "hosts"
UNSERVED = "unserved"
"""The chain for connections whose SNI names no host (or that have none): asks for no certificate, answers 421."""


# --- routes: what changes with the rules ---------------------------------------------------------------------


def route_table(plans: Sequence[HostPlan], settings: Settings, generation: int = 1) -> Data:
    """The route table of all chains. A host's requests are routed on its own chain only; on any other they get 421.

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


# --- the chain of a host -------------------------------------------------------------------------------------


def listener(plans: Sequence[HostPlan], settings: Settings, pairs: Mapping[str, Data], routes: Routes) -> Data:
    """The one listener. `pairs`: certificate and key by host; `routes`: where a chain has its route table from.

    Certificates stand in here, so that a changed one drains the connections of its own hosts and no others. The first
    host's is shown to connections that ask for none of our hosts.
    """
    host, port = settings.listen
    limits = settings.limits
    return {
        "@type": LISTENER_TYPE,
        "name": "gateway",
        "address": {"socket_address": {"address": host, "port_value": port}},
        "per_connection_buffer_limit_bytes": limits.buffer_bytes,
        "listener_filters": [
            {
                "name": "tls-inspector",
                "typed_config": {"@type": f"{API}.filters.listener.tls_inspector.v3.TlsInspector"},
            }
        ],
        "listener_filters_timeout": seconds(limits.handshake_seconds),
        "tcp_backlog_size": 1024,
        "filter_chains": [
            {
                "name": plan.name,
                "filter_chain_match": {"server_names": [plan.name]},
                "transport_socket_connect_timeout": seconds(limits.handshake_seconds),
                "transport_socket": _tls(pairs[plan.name], plan.mtls, settings),
                "filters": [_connection_manager(plan.name, routes(plan.name), settings, mtls=plan.mtls)],
            }
            for plan in plans
        ],
        "default_filter_chain": {
            "name": UNSERVED,
            "transport_socket_connect_timeout": seconds(limits.handshake_seconds),
            "transport_socket": _tls(pairs[plans[0].name], False, settings),
            "filters": [_connection_manager(UNSERVED, routes(UNSERVED), settings, mtls=False)],
        },
    }


def _tls(pair: Data, mtls: bool, settings: Settings) -> Data:
    parameters: Data = {
        "tls_minimum_protocol_version": TLS_NAMES[settings.tls_minimum],
        "tls_maximum_protocol_version": TLS_NAMES[settings.tls_maximum],
        "signature_algorithms": list(SIGNATURES),
    }
    if settings.tls_ciphers:
        parameters["cipher_suites"] = list(settings.tls_ciphers)
    common: Data = {
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_params": parameters,
        "tls_certificates": [pair],
    }
    if mtls:
        # Any certificate is taken: the rules decide, on our own verification. Without this context none is asked for.
        common["validation_context"] = {"trust_chain_verification": "ACCEPT_UNTRUSTED"}
    return {
        "name": "tls",
        "typed_config": {
            "@type": f"{API}.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": common,
            "require_client_certificate": False,
            # A resumed session would skip the certificate, or carry one past its revocation or to another host.
            "disable_stateless_session_resumption": True,
            "disable_stateful_session_resumption": True,
        },
    }


def _connection_manager(chain: str, routes: Data, settings: Settings, *, mtls: bool) -> Data:
    limits = settings.limits
    milliseconds = round(settings.remember_seconds * 1000)
    config: Data = routes | {
        "@type": f"{API}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "gateway",
        "codec_type": "AUTO",
        "common_http_protocol_options": {
            "idle_timeout": seconds(limits.idle_seconds),
            "max_headers_count": limits.header_count,
            # `Client_Cert` is `Client-Cert` to many an upstream: such names never arrive, neither there nor at a rule.
            "headers_with_underscores_action": "DROP_HEADER",
        },
        "http_protocol_options": {"accept_http_10": False},
        "http2_protocol_options": {
            "max_concurrent_streams": limits.concurrent_streams,
            "initial_stream_window_size": limits.buffer_bytes,
            "initial_connection_window_size": limits.buffer_bytes * 16,
            "allow_connect": True,
        },
        "max_request_headers_kb": limits.header_kib,
        "request_headers_timeout": seconds(limits.headers_seconds),
        "request_timeout": seconds(limits.request_seconds),
        "stream_idle_timeout": seconds(limits.request_seconds),
        "drain_timeout": seconds(1.0),
        "delayed_close_timeout": seconds(limits.closing_seconds),
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": {
            "reject": "REJECT_REQUEST",
            "unescape": "UNESCAPE_AND_FORWARD",
            "keep": "KEEP_UNCHANGED",
        }[settings.escaped_slashes],
        "strip_any_host_port": True,
        "strip_trailing_host_dot": True,
        "use_remote_address": True,
        # The question has X-Forwarded-For as the client sent it; the route adds the client's address for the upstream.
        "skip_xff_append": True,
        # Nobody is internal: not even from loopback may a client steer Envoy by x-envoy-* headers.
        "internal_address_config": {
            "unix_sockets": False,
            "cidr_ranges": [{"address_prefix": "255.255.255.255", "prefix_len": 32}],
        },
        "server_header_transformation": "PASS_THROUGH",
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "early_header_mutation_extensions": [
            {
                "name": "strip-identity",
                "typed_config": {
                    "@type": f"{API}.http.early_header_mutation.header_mutation.v3.HeaderMutation",
                    "mutations": [
                        # One expression: it is matched against every name of every request.
                        {
                            "remove_on_match": {
                                "key_matcher": {"safe_regex": {"regex": pattern(settings.strip_headers)}}
                            }
                        },
                        # After that, so that no client says which chain it came by.
                        {
                            "append": {
                                "header": {"key": CHAIN_HEADER, "value": chain},
                                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
                            }
                        },
                    ],
                },
            }
        ],
        "forward_client_cert_details": "SANITIZE_SET" if mtls else "SANITIZE",
        "access_log": access_logs(settings),
        "http_filters": [
            *([lua_filter(VERDICTS_FILTER, lua(milliseconds), statistics=PREFIX)] if milliseconds else []),
            lua_filter(DUPLICATES_FILTER, DUPLICATES_LUA, disabled=True),
            *(question(level, settings) for level in ASK_LEVELS[1:]),
            *watching(settings),
            {
                "name": "router",
                "typed_config": {
                    "@type": f"{API}.filters.http.router.v3.Router",
                    "suppress_envoy_headers": True,
                },
            },
        ],
    }
    if mtls:
        config["set_current_client_cert_details"] = {"chain": True}
    return {"name": "http", "typed_config": config}


# --- clusters ------------------------------------------------------------------------------------------------


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


# --- whole configurations ------------------------------------------------------------------------------------


def upstreams(plans: Sequence[HostPlan]) -> list[Upstream]:
    """The different upstreams of all hosts."""
    return list(dict.fromkeys(plan.upstream for plan in plans))


def bootstrap(settings: Settings, xds: Path, admin: Path, sockets: Sequence[Path]) -> Data:
    """What Envoy starts with: everything of the hosts comes from files in `xds`, so it can change while running."""
    return _frame(settings, admin) | {
        "dynamic_resources": {
            "cds_config": _from_file(xds / "clusters.json"),
            "lds_config": _from_file(xds / "listeners.json"),
        },
        "static_resources": {"clusters": decision_clusters(sockets, settings)},
    }


def complete(
    plans: Sequence[HostPlan], settings: Settings, admin: Path, sockets: Sequence[Path], pairs: Mapping[str, Data]
) -> Data:
    """The same in one piece, everything inline: to validate before anything starts, and to print for people."""

    def routes(chain: str) -> Data:
        # Only what can be asked for on this chain: all in each would be the square of them.
        own = [plan for plan in plans if plan.name == chain or covers(chain, plan.name)]
        return {"route_config": _untyped(route_table(own, settings))}

    return _frame(settings, admin) | {
        "static_resources": {
            "listeners": [_untyped(listener(plans, settings, pairs, routes))],
            "clusters": [
                *decision_clusters(sockets, settings),
                *(_untyped(upstream_cluster(upstream, settings)) for upstream in upstreams(plans)),
            ],
        },
    }


def routes_from(path: Path) -> Routes:
    """The route table out of a file, which Envoy watches: one watch for all chains."""
    source = {"rds": {"route_config_name": ROUTES, "config_source": _from_file(path)}}
    return lambda chain: source


def discovery(version: str, resources: Sequence[Data]) -> Data:
    """A file from which Envoy takes resources."""
    return {"version_info": version, "resources": list(resources)}


def tls_files(certificate: Path, key: Path) -> Data:
    """Certificate chain and key by file name."""
    return {"certificate_chain": {"filename": str(certificate)}, "private_key": {"filename": str(key)}}


def tls_inline(certificate: bytes, key: bytes) -> Data:
    """Certificate chain and key themselves."""
    return {
        "certificate_chain": {"inline_string": certificate.decode("ascii")},
        "private_key": {"inline_string": key.decode("ascii")},
    }


def _frame(settings: Settings, admin: Path) -> Data:
    return {
        "node": {"id": "mtls-tui", "cluster": "mtls-tui"},
        "admin": {"address": {"pipe": {"path": str(admin), "mode": 0o600}}},
        # Our own expression (see `stripping`) is larger than what Envoy takes from strangers.
        "layered_runtime": {"layers": [{"name": "own", "static_layer": {"re2.max_program_size.error_level": 20_000}}]},
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": {
                        "@type": f"{API}.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                        "max_active_downstream_connections": settings.limits.connections,
                    },
                }
            ]
        },
    }


def _from_file(path: Path) -> Data:
    return {"path_config_source": {"path": str(path)}, "resource_api_version": "V3", "initial_fetch_timeout": "5s"}


def _untyped(resource: Data) -> Data:
    return {key: value for key, value in resource.items() if key != "@type"}
