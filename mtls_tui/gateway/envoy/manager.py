"""The HTTP connection manager of a chain, as data: how requests are read, cleaned, asked about and logged."""

from __future__ import annotations

from mtls_tui.gateway.envoy.filters import (
    API,
    CHAIN_HEADER,
    Data,
    access_logs,
    inside_filter,
    question,
    seconds,
    watching,
)
from mtls_tui.gateway.envoy.hostplan import ASK_LEVELS
from mtls_tui.gateway.settings import Settings
from mtls_tui.gateway.stripping import pattern


def connection_manager(mark: str, routes: Data, settings: Settings, *, mtls: bool) -> Data:
    """`mark`: which host its requests are for, once Envoy has filled it in; `routes`: the table, or where it is."""
    limits = settings.limits
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
                        # After that, so that no client says which host its connection is for.
                        {
                            "append": {
                                "header": {"key": CHAIN_HEADER, "value": mark},
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
            inside_filter(settings),
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
