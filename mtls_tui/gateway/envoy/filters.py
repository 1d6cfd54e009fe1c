"""The filters of a chain, as data: what is asked, stripped, remembered and logged."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

from mtls_tui.gateway.envoy import inside
from mtls_tui.gateway.envoy.facts import FACTS_HEADER, WANTS_HEADER
from mtls_tui.gateway.envoy.hostplan import Ask
from mtls_tui.gateway.envoy.insidecount import PREFIX
from mtls_tui.gateway.settings import Settings

Data: TypeAlias = dict[str, Any]
API = "type.googleapis.com/envoy.extensions"

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
TRY_HEADER = "x-envoy-upstream-rq-per-try-timeout-ms"
"""Tells Envoy's own client how long one process may take for a question; the policy of retries has no place for it."""
CHAIN_HEADER = "x-mtls-tui-chain"
"""Which host a request's connection is for; for routing only."""
NOT_ASKED = ("connection", "transfer-encoding", "te", "expect", "keep-alive", "proxy-connection", "trailer")
"""Headers of the hop between client and Envoy: they would break the hop between Envoy and the decision service."""
CERTIFICATE_HEADER = "x-forwarded-client-cert"
OURS = (
    CERTIFICATE_HEADER, QUESTION_HEADER, DUPLICATES_HEADER, CHAIN_HEADER, WANTS_HEADER, "x-envoy-external-address",
)  # fmt: skip
"""Headers that no upstream sees."""
NOT_THE_CLIENTS = frozenset(
    (
        QUESTION_HEADER, DUPLICATES_HEADER, CHAIN_HEADER, CERTIFICATE_HEADER, WANTS_HEADER, "host",
        "content-length", "x-request-id",
        "x-forwarded-proto", "x-envoy-external-address", "x-envoy-internal", "x-envoy-expected-rq-timeout-ms",
        "x-envoy-auth-partial-body", "x-envoy-original-path", "x-envoy-decorator-operation", "x-envoy-attempt-count",
    )
)  # fmt: skip
"""Headers of a question that Envoy wrote."""

TLS13_CIPHERS: dict[str, str] = {
    "TLS_AES_128_GCM_SHA256": "AEAD-AES128-GCM-SHA256",
    "TLS_AES_256_GCM_SHA384": "AEAD-AES256-GCM-SHA384",
    "TLS_CHACHA20_POLY1305_SHA256": "AEAD-CHACHA20-POLY1305-SHA256",
}
"""IANA's names of the TLS 1.3 ciphers, and the names that `cf.tls_cipher` has for them."""
IDENTITY_UPSTREAM = (
    "client-cert", "client-cert-chain", "x-client-cert-verified", "x-client-cert-subject", "x-client-cert-fingerprint",
)  # fmt: skip
"""The identity headers that we set; Envoy takes no others from the decision service."""


def seconds(value: float) -> str:
    """A duration as protobuf's JSON has it."""
    return f"{value:.3f}s"


def asking(ask: Ask) -> Data:
    """Per-route settings that leave exactly one of the three questions switched on, or none.

    Without them the plain question is put: what rules need more than that refuse to decide on it.
    """
    config: Data = {}
    if ask != "plain":
        off = {"@type": f"{API}.filters.http.ext_authz.v3.ExtAuthzPerRoute", "disabled": True}
        config[filter_name("plain")] = off
    if ask in ("headers", "body"):
        on = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "config": {}}
        config[filter_name(ask)] = on
    return config


def filter_name(ask: Ask) -> str:
    """The name of the filter that puts one kind of question."""
    return f"mtls-tui.ask.{ask}"


INSIDE_FILTER = "mtls-tui.inside"
METADATA = "mtls-tui"
"""Decided inside Envoy: `allowed` or `blocked`, with the line for the log. `allowed` switches the question off."""
CONNECTION_FILTER = "mtls-tui.connection"
WATCH_FILTER = "mtls-tui.watch"
RETRIES: Data = {
    "retry_on": "reset,connect-failure",
    "num_retries": 1,
    # Without it up to a second is waited, which is all that a question may take.
    "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.010s"},
    "host_selection_retry_max_attempts": 30,
    "retry_host_predicate": [
        {
            "name": "envoy.retry_host_predicates.previous_hosts",
            "typed_config": {"@type": f"{API}.retry.host.previous_hosts.v3.PreviousHostsPredicate"},
        }
    ],
}
"""To another decision process, if there is one."""


def inside_filter(settings: Settings) -> Data:
    """The filter that decides by rules inside Envoy, and that helps a question along."""
    milliseconds = round(settings.remember_seconds * 1000)
    source = inside.lua(milliseconds, NOT_THE_CLIENTS.union(NOT_ASKED), TLS13_CIPHERS)
    config = {
        "@type": f"{API}.filters.http.lua.v3.Lua",
        "default_source_code": {"inline_string": source},
        "stat_prefix": PREFIX,
        # One Lua state in each thread for all chains, which are many where hosts have certificates of their own.
        "shared_vm_id": sha256(source.encode()).hexdigest()[:16],
        "clear_route_cache": False,
    }
    return {"name": INSIDE_FILTER, "typed_config": config}


def question(ask: Ask, settings: Settings) -> Data:
    """The filter that puts one kind of question to the decision service."""
    limits = settings.limits
    allowed: list[Data] = [{"exact": CERTIFICATE_HEADER}, {"exact": WANTS_HEADER}]
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
            "retry_policy": RETRIES,
            "authorization_request": {
                "headers_to_add": [
                    {"key": QUESTION_HEADER, "value": f"{ask}|{QUESTION_FORMAT}"},
                    {"key": TRY_HEADER, "value": str(round(limits.decision_seconds * 500))},
                ],
            },
            "authorization_response": {
                "allowed_upstream_headers": {"patterns": [{"exact": name} for name in IDENTITY_UPSTREAM]},
                "allowed_client_headers": {"patterns": [{"exact": "content-type"}, {"exact": "cache-control"}]},
            },
        },
    }
    if ask != "body" and settings.remember_seconds:
        answer = config["http_service"]["authorization_response"]
        answer["dynamic_metadata_from_headers"] = {"patterns": [{"exact": FACTS_HEADER}]}
        config["filter_enabled_metadata"] = _decided_inside("allowed") | {"invert": True}
    if ask == "body":
        config["with_request_body"] = {"max_request_bytes": limits.body_bytes, "allow_partial_message": True}
    return {"name": filter_name(ask), "typed_config": config, "disabled": ask != "plain"}


def watching(settings: Settings) -> list[Data]:
    """The filters that tell a decision process of a WebSocket and end it when that process says so, or is gone.

    Its response trailers are asked for, though there are none: else Envoy would hang up after the first answer.
    """
    told = {
        "header": {"key": QUESTION_HEADER, "value": f"body|{QUESTION_FORMAT}"},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }
    processor: Data = {
        "@type": f"{API}.filters.http.ext_proc.v3.ExternalProcessor",
        "grpc_service": {"envoy_grpc": {"cluster_name": "tunnels"}, "retry_policy": RETRIES},
        "failure_mode_allow": False,
        "status_on_error": {"code": "ServiceUnavailable"},
        "message_timeout": seconds(settings.limits.decision_seconds),
        "processing_mode": {
            "request_header_mode": "SEND",
            "response_header_mode": "SKIP",
            "request_body_mode": "NONE",
            "response_body_mode": "NONE",
            "request_trailer_mode": "SKIP",
            "response_trailer_mode": "SEND",
        },
    }
    mutation: Data = {
        "@type": f"{API}.filters.http.header_mutation.v3.HeaderMutation",
        "mutations": {"request_mutations": [{"append": told}]},
    }
    return [
        {"name": CONNECTION_FILTER, "typed_config": mutation, "disabled": True},
        {"name": WATCH_FILTER, "typed_config": processor, "disabled": True},
    ]


def watched() -> Data:
    """Per-route settings that switch these filters on."""
    on = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "config": {}}
    return {CONNECTION_FILTER: on, WATCH_FILTER: on}


def _decided_inside(key: str) -> Data:
    return {"filter": METADATA, "path": [{"key": key}], "value": {"present_match": True}}


LOGGED = (
    ("EQ", 0), ("EQ", 400), ("EQ", 404), ("EQ", 408), ("EQ", 413), ("EQ", 421), ("EQ", 426), ("EQ", 431), ("GE", 500),
)  # fmt: skip
"""Statuses of answers that Envoy writes a line about: those that it gives by itself."""


def _status(op: str, value: int) -> Data:
    comparison = {"op": op, "value": {"default_value": value, "runtime_key": f"mtls_tui.unset.{op}.{value}"}}
    return {"status_code_filter": {"comparison": comparison}}


def access_logs(settings: Settings) -> list[Data]:
    """What the decision service doesn't see: refusals by Envoy itself, answers that are errors, decisions inside Envoy.

    Other decisions are logged by the decision service, with rule and reason.
    """
    logs = [_log(settings.log, {"or_filter": {"filters": [_status(op, value) for op, value in LOGGED]}}, ANSWER)]
    if settings.remember_seconds:
        decided = [
            {"metadata_filter": {"matcher": _decided_inside(key), "match_if_key_not_found": {"value": False}}}
            for key in ("allowed", "blocked")
        ]
        logs.append(_log(settings.log, {"or_filter": {"filters": decided}}, INSIDE))
    return logs


COMMON = {
    "time": "%START_TIME(%Y-%m-%dT%H:%M:%E3SZ)%",
    "id": "%REQ(X-REQUEST-ID)%",
    "client": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%",
    "host": "%REQ(:AUTHORITY)%",
    "method": "%REQ(:METHOD)%",
    "path": "%PATH(NQ:PATH)%",
}
ANSWER = COMMON | {
    "kind": "answer",
    "sni": "%REQUESTED_SERVER_NAME%",
    "protocol": "%PROTOCOL%",
    "status": "%RESPONSE_CODE%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "flags": "%RESPONSE_FLAGS%",
    "bytes_in": "%BYTES_RECEIVED%",
    "bytes_out": "%BYTES_SENT%",
    "milliseconds": "%DURATION%",
    "fingerprint": "%DOWNSTREAM_PEER_FINGERPRINT_256%",
}
INSIDE = (
    '{"kind":"decision","inside":true,"time":"%START_TIME(%Y-%m-%dT%H:%M:%E3SZ)%","id":"%REQ(X-REQUEST-ID)%",'
    '"client":"%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%","method":"%REQ(:METHOD)%","path":"%PATH(NQ:PATH)%",'
    f"%DYNAMIC_METADATA({METADATA}:allowed)%%DYNAMIC_METADATA({METADATA}:blocked)%}}\n"
)
"""Nothing in here is escaped, which makes it cheap: what a client could write is looked at before it is decided on
(see `inside.lua`), and the rest is ready-made JSON."""


def _log(path: Path | None, condition: Data, form: Data | str) -> Data:
    """Lines into a file, or to Envoy's own standard output, which may be a socket and so has no path to open."""
    config: Data = {"@type": f"{API}.access_loggers.stream.v3.StdoutAccessLog"}
    if path is not None:
        config = {"@type": f"{API}.access_loggers.file.v3.FileAccessLog", "path": str(path)}
    shape: Data = (
        {"text_format_source": {"inline_string": form}, "omit_empty_values": True}
        if isinstance(form, str)
        else {"json_format": form}
    )
    return {"name": "log", "filter": condition, "typed_config": config | {"log_format": shape}}
