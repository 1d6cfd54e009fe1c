"""Envoy's configuration as data: host plans and settings in, JSON-ready dictionaries out. Touches no file, no process.

Shape: one filter chain per host, chosen by SNI, each with a route table of its own, in which only that host is known:
a Host that doesn't belong to the connection's SNI has nowhere to go but to 421. What depends on the rules (who is asked
for what) is in the route tables alone, which Envoy swaps on live connections without draining them.

Three `ext_authz` filters stand in every chain, one per kind of question; a route switches off those that it doesn't
need. A route that forgot to would ask three times: mistakes fail closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from mtls_tui.gateway.hostplan import ASK_LEVELS, Ask, HostPlan, Upstream, covers
from mtls_tui.gateway.settings import Settings, is_ip

Data: TypeAlias = dict[str, Any]

QUESTION_HEADER = "x-mtls-tui-question"
"""What Envoy knows of the connection, in the question only: the parts of QUESTION_FORMAT after
the kind of question, separated by bars; the SNI is last since a client may write anything there."""
QUESTION_FORMAT = (
    "%PROTOCOL%|%DOWNSTREAM_TLS_VERSION%|%DOWNSTREAM_TLS_CIPHER%|"
    "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%|%REQ(CONTENT-LENGTH)%|%REQ(X-REQUEST-ID)%|%REQUESTED_SERVER_NAME%"
)
DUPLICATES_HEADER = "x-mtls-tui-duplicates"
"""Which header lines were doubled, and how long each was: `name=3+5;other=0+0`. A question joins such lines by
commas; with the lengths they can be told apart again, so that `Foo: a` twice is not `Foo: a,a`."""
DUPLICATES_LUA = """
function envoy_on_request(handle)
  local headers, seen, doubled = handle:headers(), {}, false
  for name, value in pairs(headers) do
    local lengths = seen[name]
    if lengths then
      lengths[#lengths + 1] = #value
      doubled = true
    else
      seen[name] = {#value}
    end
  end
  if doubled then
    local parts = {}
    for name, lengths in pairs(seen) do
      if #lengths > 1 then
        parts[#parts + 1] = name .. "=" .. table.concat(lengths, "+")
      end
    end
    headers:add("x-mtls-tui-duplicates", table.concat(parts, ";"))
  end
end
"""
NOT_ASKED = ("connection", "transfer-encoding", "te", "expect", "keep-alive", "proxy-connection", "trailer")
"""Headers of the hop between client and Envoy: they would break the hop between Envoy and the decision service."""
CERTIFICATE_HEADER = "x-forwarded-client-cert"
IDENTITY_UPSTREAM = (
    "client-cert", "client-cert-chain", "x-client-cert-verified", "x-client-cert-subject", "x-client-cert-fingerprint",
)  # fmt: skip
"""The identity headers that we set; Envoy takes no others from the decision service."""
IDENTITY_SPELLINGS = (
    "client-cert", "client.cert", "clientcert", "ssl-client", "ssl.client", "sslclient", "tls-client", "tls.client",
    "tlsclient", "ssl-issuer", "ssl.issuer", "sslissuer", "mtls",
)  # fmt: skip
"""What a header's name holds by which upstreams learn of client certificates, with the separators that frameworks
fold. Whatever a client sends under such a name is removed on arrival, when names are lower case; names with
underscores are dropped before that. Plain substrings, since every name of every request is looked at."""

API = "type.googleapis.com/envoy.extensions"
LISTENER_TYPE = "type.googleapis.com/envoy.config.listener.v3.Listener"
CLUSTER_TYPE = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
ROUTE_TYPE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
SECRET_TYPE = f"{API}.transport_sockets.tls.v3.Secret"

MISDIRECTED = {
    "status": 421,
    "body": {"inline_string": "misdirected request: this host is not served on this connection\n"},
}
UNSERVED = "unserved"
"""The chain for connections whose SNI names no host (or that have none): asks for no certificate, answers 421."""


def seconds(value: float) -> str:
    """A duration as protobuf's JSON has it."""
    return f"{value:.3f}s"


# --- names of files and resources ----------------------------------------------------------------------------


def resource_name(host: str) -> str:
    """The name of a host's route table and certificate; also a file name."""
    return host.replace("*", "_any")


# --- routes: what changes with the rules ---------------------------------------------------------------------


def route_table(plan: HostPlan, plans: Sequence[HostPlan], settings: Settings) -> Data:
    """The route table of one host's chain. Narrower hosts under a wildcard have chains of their own: 421 here."""
    narrower = sorted(other.name for other in plans if other.name != plan.name and covers(plan.name, other.name))
    hosts: list[Data] = []
    if narrower:
        hosts.append(_misdirected("narrower", narrower))
    hosts.append(
        {
            "name": plan.name,
            "domains": [plan.name],
            "routes": [
                {
                    "match": {"prefix": "/"},
                    "route": {"cluster": plan.upstream.cluster, "timeout": "0s"},
                    # What is buffered for the rules; without it a body longer than a connection's buffer is refused.
                    "request_body_buffer_limit": settings.limits.body_bytes,
                    "typed_per_filter_config": asking(plan.ask),
                }
            ],
            "request_headers_to_remove": [
                CERTIFICATE_HEADER,
                QUESTION_HEADER,
                DUPLICATES_HEADER,
                "x-envoy-external-address",
            ],
            "request_headers_to_add": [
                {
                    "header": {
                        "key": "x-forwarded-for",
                        "value": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%",
                    },
                    "append_action": "APPEND_IF_EXISTS_OR_ADD",
                }
            ],
            "include_request_attempt_count": False,
        }
    )
    hosts.append(_misdirected("others", ["*"]))
    return {"@type": ROUTE_TYPE, "name": resource_name(plan.name), "virtual_hosts": hosts, "validate_clusters": False}


def unserved_table() -> Data:
    """The route table for connections that belong to no host."""
    return {"@type": ROUTE_TYPE, "name": UNSERVED, "virtual_hosts": [_misdirected("others", ["*"])]}


def _misdirected(name: str, domains: list[str]) -> Data:
    return {
        "name": name,
        "domains": domains,
        "routes": [
            {
                "match": {"prefix": "/"},
                "direct_response": MISDIRECTED,
                "typed_per_filter_config": asking("nothing"),
            }
        ],
    }


def asking(ask: Ask) -> Data:
    """Per-route settings that leave exactly one of the three questions switched on, or none."""
    off = {"@type": f"{API}.filters.http.ext_authz.v3.ExtAuthzPerRoute", "disabled": True}
    config: Data = {filter_name(level): off for level in ASK_LEVELS[1:] if level != ask}
    if ask in ("nothing", "plain"):
        config[DUPLICATES_FILTER] = {"@type": f"{API}.filters.http.lua.v3.LuaPerRoute", "disabled": True}
    return config


DUPLICATES_FILTER = "mtls-tui.duplicates"


def filter_name(ask: Ask) -> str:
    """The name of the filter that puts one kind of question."""
    return f"mtls-tui.ask.{ask}"


# --- the chain of a host -------------------------------------------------------------------------------------


def listener(plans: Sequence[HostPlan], settings: Settings, xds: Path | None, secrets: dict[str, Data]) -> Data:
    """The one listener. `xds`: the folder from which Envoy takes route tables and certificates; None: all inline.

    `secrets` (inline only): certificate and key by host name. The first host's certificate is shown to connections
    that ask for none of ours.
    """
    host, port = settings.listen
    return {
        "@type": LISTENER_TYPE,
        "name": "gateway",
        "address": {"socket_address": {"address": host, "port_value": port}},
        "per_connection_buffer_limit_bytes": settings.limits.buffer_bytes,
        "listener_filters": [
            {
                "name": "tls-inspector",
                "typed_config": {"@type": f"{API}.filters.listener.tls_inspector.v3.TlsInspector"},
            }
        ],
        "listener_filters_timeout": seconds(settings.limits.handshake_seconds),
        "tcp_backlog_size": 1024,
        "filter_chains": [_chain(plan, plans, settings, xds, secrets) for plan in plans],
        "default_filter_chain": _unserved_chain(plans[0], settings, xds, secrets),
    }


def _chain(
    plan: HostPlan, plans: Sequence[HostPlan], settings: Settings, xds: Path | None, secrets: dict[str, Data]
) -> Data:
    return {
        "name": plan.name,
        "filter_chain_match": {"server_names": [plan.name]},
        "transport_socket_connect_timeout": seconds(settings.limits.handshake_seconds),
        "transport_socket": _tls(plan.name, plan.mtls, xds, secrets),
        "filters": [_connection_manager(plan.name, route_table(plan, plans, settings), settings, xds, mtls=plan.mtls)],
    }


def _unserved_chain(first: HostPlan, settings: Settings, xds: Path | None, secrets: dict[str, Data]) -> Data:
    return {
        "name": UNSERVED,
        "transport_socket_connect_timeout": seconds(settings.limits.handshake_seconds),
        "transport_socket": _tls(first.name, False, xds, secrets),
        "filters": [_connection_manager(UNSERVED, unserved_table(), settings, None, mtls=False)],
    }


def _tls(host: str, mtls: bool, xds: Path | None, secrets: dict[str, Data]) -> Data:
    common: Data = {
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"},
    }
    if xds is None:
        common["tls_certificates"] = [secrets[host]]
    else:
        common["tls_certificate_sds_secret_configs"] = [
            {"name": resource_name(host), "sds_config": _from_file(xds / "secrets" / f"{resource_name(host)}.json")}
        ]
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


def _connection_manager(name: str, table: Data, settings: Settings, xds: Path | None, *, mtls: bool) -> Data:
    limits = settings.limits
    config: Data = {
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
                        {"remove_on_match": {"key_matcher": {"contains": spelling}}} for spelling in IDENTITY_SPELLINGS
                    ],
                },
            }
        ],
        "forward_client_cert_details": "SANITIZE_SET" if mtls else "SANITIZE",
        "access_log": [_access_log(settings)],
        "http_filters": [
            {
                "name": DUPLICATES_FILTER,
                "typed_config": {
                    "@type": f"{API}.filters.http.lua.v3.Lua",
                    "default_source_code": {"inline_string": DUPLICATES_LUA},
                },
            },
            *(_question(level, settings) for level in ASK_LEVELS[1:]),
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
    if xds is None:
        config["route_config"] = {key: value for key, value in table.items() if key != "@type"}
    else:
        config["rds"] = {
            "route_config_name": table["name"],
            "config_source": _from_file(xds / "routes" / f"{resource_name(name)}.json"),
        }
    return {"name": "http", "typed_config": config}


def _question(ask: Ask, settings: Settings) -> Data:
    limits = settings.limits
    allowed: list[Data] = [{"exact": CERTIFICATE_HEADER}]
    if ask != "plain":
        allowed = [{"safe_regex": {"regex": ".*"}}]
    config: Data = {
        "@type": f"{API}.filters.http.ext_authz.v3.ExtAuthz",
        "stat_prefix": ask,
        "transport_api_version": "V3",
        "failure_mode_allow": False,
        "status_on_error": {"code": "ServiceUnavailable"},
        "validate_mutations": True,
        "allowed_headers": {"patterns": allowed},
        "disallowed_headers": {"patterns": [{"exact": name} for name in NOT_ASKED]},
        "http_service": {
            "server_uri": {
                "uri": "http://decision",
                "cluster": "decision",
                "timeout": seconds(limits.decision_seconds),
            },
            # A question changes nothing, so it may be put again, to another process if there is one.
            "retry_policy": {
                "retry_on": "reset,connect-failure",
                "num_retries": 1,
                "host_selection_retry_max_attempts": 3,
                "retry_host_predicate": [
                    {
                        "name": "envoy.retry_host_predicates.previous_hosts",
                        "typed_config": {"@type": f"{API}.retry.host.previous_hosts.v3.PreviousHostsPredicate"},
                    }
                ],
            },
            "authorization_request": {
                "headers_to_add": [{"key": QUESTION_HEADER, "value": f"{ask}|{QUESTION_FORMAT}"}],
            },
            "authorization_response": {
                "allowed_upstream_headers": {"patterns": [{"exact": name} for name in IDENTITY_UPSTREAM]},
                "allowed_client_headers": {"patterns": [{"exact": "content-type"}, {"exact": "cache-control"}]},
            },
        },
    }
    if ask == "body":
        config["with_request_body"] = {"max_request_bytes": limits.body_bytes, "allow_partial_message": True}
    return {"name": filter_name(ask), "typed_config": config}


LOGGED = (
    ("EQ", 0), ("EQ", 400), ("EQ", 404), ("EQ", 408), ("EQ", 413), ("EQ", 421), ("EQ", 426), ("EQ", 431), ("GE", 500),
)  # fmt: skip
"""Statuses of answers that Envoy writes a line about: those that it gives by itself, whoever gave them."""


def _status(op: str, value: int) -> Data:
    comparison = {"op": op, "value": {"default_value": value, "runtime_key": f"mtls_tui.unset.{op}.{value}"}}
    return {"status_code_filter": {"comparison": comparison}}


def _access_log(settings: Settings) -> Data:
    """What the decision service doesn't see or can't know: refusals by Envoy itself and answers that are errors.

    Decisions are logged by the decision service, with rule and reason.
    """
    return {
        "name": "file",
        "filter": {"or_filter": {"filters": [_status(op, value) for op, value in LOGGED]}},
        "typed_config": {
            "@type": f"{API}.access_loggers.file.v3.FileAccessLog",
            "path": str(settings.log) if settings.log is not None else "/dev/stdout",
            "log_format": {
                "json_format": {
                    "kind": "answer",
                    "time": "%START_TIME(%Y-%m-%dT%H:%M:%E3SZ)%",
                    "id": "%REQ(X-REQUEST-ID)%",
                    "client": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%",
                    "sni": "%REQUESTED_SERVER_NAME%",
                    "host": "%REQ(:AUTHORITY)%",
                    "method": "%REQ(:METHOD)%",
                    "path": "%PATH(NQ)%",
                    "protocol": "%PROTOCOL%",
                    "status": "%RESPONSE_CODE%",
                    "details": "%RESPONSE_CODE_DETAILS%",
                    "flags": "%RESPONSE_FLAGS%",
                    "bytes_in": "%BYTES_RECEIVED%",
                    "bytes_out": "%BYTES_SENT%",
                    "milliseconds": "%DURATION%",
                    "fingerprint": "%DOWNSTREAM_PEER_FINGERPRINT_256%",
                }
            },
        },
    }


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
        "typed_extension_protocol_options": _http1(settings.limits.idle_seconds),
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


def decision_cluster(sockets: Sequence[Path], settings: Settings) -> Data:
    """The decision processes, each on a Unix socket of its own; the least busy one is asked."""
    return {
        "name": "decision",
        "connect_timeout": seconds(min(1.0, settings.limits.decision_seconds)),
        "type": "STATIC",
        "lb_policy": "LEAST_REQUEST",
        "circuit_breakers": _breakers(settings),
        "load_assignment": _endpoints("decision", [{"pipe": {"path": str(path)}} for path in sockets]),
        "typed_extension_protocol_options": _http1(3600.0),
    }


def _endpoints(cluster: str, addresses: Iterable[Data]) -> Data:
    return {
        "cluster_name": cluster,
        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}} for address in addresses]}],
    }


def _http1(idle: float) -> Data:
    return {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": f"{API}.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http_protocol_options": {}},
            "common_http_protocol_options": {"idle_timeout": seconds(idle)},
        }
    }


def _breakers(settings: Settings) -> Data:
    most = settings.limits.connections * 4
    return {
        "thresholds": [
            {"max_connections": most, "max_pending_requests": most, "max_requests": most, "max_retries": 3},
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
        "static_resources": {"clusters": [decision_cluster(sockets, settings)]},
    }


def complete(
    plans: Sequence[HostPlan], settings: Settings, admin: Path, sockets: Sequence[Path], secrets: dict[str, Data]
) -> Data:
    """The same in one piece, everything inline: to validate before anything starts, and to print for people."""
    return _frame(settings, admin) | {
        "static_resources": {
            "listeners": [_untyped(listener(plans, settings, None, secrets))],
            "clusters": [
                decision_cluster(sockets, settings),
                *(_untyped(upstream_cluster(upstream, settings)) for upstream in upstreams(plans)),
            ],
        },
    }


def discovery(version: str, resources: Sequence[Data]) -> Data:
    """A file from which Envoy takes resources."""
    return {"version_info": version, "resources": list(resources)}


def secret(host: str, certificate: Path, key: Path) -> Data:
    """A server certificate under the name that the chains use."""
    return {"@type": SECRET_TYPE, "name": resource_name(host), "tls_certificate": tls_files(certificate, key)}


def tls_files(certificate: Path, key: Path) -> Data:
    """Certificate chain and key by file name."""
    return {"certificate_chain": {"filename": str(certificate)}, "private_key": {"filename": str(key)}}


def _frame(settings: Settings, admin: Path) -> Data:
    return {
        "node": {"id": "mtls-tui", "cluster": "mtls-tui"},
        "admin": {"address": {"pipe": {"path": str(admin), "mode": 0o600}}},
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
