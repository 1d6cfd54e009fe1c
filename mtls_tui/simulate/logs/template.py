"""Text logs by the template that wrote them: nginx's `log_format`, Envoy's format strings; one regular expression.

The expression is linear: every variable takes what can't be the character after it, so there is one way to match.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from mtls_tui.simulate.errors import RequestError

NGINX: Final = {
    "host": "host", "http_host": "host", "server_name": "host", "ssl_server_name": "", "remote_addr": "ip",
    "realip_remote_addr": "ip", "request": "request", "request_method": "method", "request_uri": "target",
    "uri": "path", "args": "query", "query_string": "query", "scheme": "scheme", "server_protocol": "http_version",
    "http_user_agent": "user_agent", "http_referer": "referer", "http_x_forwarded_for": "x_forwarded_for",
    "http_cookie": "cookie", "ssl_protocol": "tls_version", "ssl_cipher": "tls_cipher",
    "ssl_client_verify": "verify", "time_local": "time", "time_iso8601": "time", "msec": "time",
    "ssl_client_serial": "cf.tls_client_auth.cert_serial",
    "ssl_client_fingerprint": "cf.tls_client_auth.cert_fingerprint_sha1",
    "ssl_client_s_dn": "cf.tls_client_auth.cert_subject_dn",
    "ssl_client_i_dn": "cf.tls_client_auth.cert_issuer_dn",
    "ssl_client_s_dn_legacy": "cf.tls_client_auth.cert_subject_dn_legacy",
    "ssl_client_i_dn_legacy": "cf.tls_client_auth.cert_issuer_dn_legacy",
}  # fmt: skip
"""nginx's variables and the parts they give."""

ENVOY: Final = {
    "REQ(:METHOD)": "method", "REQ(:AUTHORITY)": "host", "REQ(:PATH)": "target", "REQ(:SCHEME)": "scheme",
    "REQ(X-ENVOY-ORIGINAL-PATH?:PATH)": "target", "REQ(USER-AGENT)": "user_agent", "REQ(REFERER)": "referer",
    "REQ(X-FORWARDED-FOR)": "x_forwarded_for", "REQ(COOKIE)": "cookie", "PROTOCOL": "http_version",
    "START_TIME": "time", "DOWNSTREAM_REMOTE_ADDRESS": "ip", "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT": "ip",
    "DOWNSTREAM_TLS_VERSION": "tls_version", "DOWNSTREAM_TLS_CIPHER": "tls_cipher",
    "DOWNSTREAM_PEER_FINGERPRINT_256": "cf.tls_client_auth.cert_fingerprint_sha256",
    "DOWNSTREAM_PEER_FINGERPRINT_1": "cf.tls_client_auth.cert_fingerprint_sha1",
}  # fmt: skip
"""Envoy's command operators and the parts they give."""

_COMMON = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent'
_COMBINED = f'{_COMMON} "$http_referer" "$http_user_agent"'
_ENVOY = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% '
    "%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "
    '"%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"'
)
_ISTIO = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% '
    "%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "
    '"%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% '
    '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" '
    '"%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% '
    "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS%"
)
_ALB = (
    "$type $time $elb $remote_addr:$port $target $request_time $target_time $response_time $status $target_status "
    '$received $sent "$request" "$http_user_agent" $ssl_cipher $ssl_protocol $group "$trace" "$host"'
)
TEMPLATES: Final = {
    "combined": _COMBINED, "vhost_combined": f"$host:$server_port {_COMBINED}", "common": _COMMON, "envoy": _ENVOY,
    "istio": _ISTIO, "alb": _ALB,
}  # fmt: skip
"""The templates that come with the servers, of two that fit the fuller one first. Lines may go on after them: many
people append variables."""

_VARIABLE = re.compile(r"\$(?:([a-z_0-9]+)|\{([a-z_0-9]+)\})|%([A-Z_0-9]+(?:\([^)]*\))?)(?::\d+)?%")


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template: `parts[i]` is what group i+1 of `pattern` gives. It matches whole lines in a block."""

    pattern: re.Pattern[bytes]
    parts: tuple[str, ...]


def compile_template(text: str, wanted: frozenset[str] | None = None) -> Template:
    """The template as an expression that captures only the wanted parts (None: all).

    Raises RequestError if two variables touch, since nothing then tells where one ends.
    """
    pieces: list[str] = []
    parts: list[str] = []
    at = 0
    variables = list(_VARIABLE.finditer(text))
    if not variables:
        raise RequestError(f"`{text}` has no variable; write an nginx log_format or an Envoy format string")
    known = False
    for number, match in enumerate(variables):
        pieces.append(re.escape(text[at : match.start()]))
        at = match.end()
        following = text[at : at + 1]
        if not following:
            inner = r"[^\n]*?"
        elif number + 1 < len(variables) and variables[number + 1].start() == at:
            raise RequestError(f"`{match[0]}` and `{variables[number + 1][0]}` touch; nothing tells where one ends")
        elif following == '"':
            inner = r'[^"\\\n]*(?:\\.[^"\\\n]*)*'
        else:
            inner = rf"[^{re.escape(following)}\n]*"
        part = ENVOY.get(match[3].upper(), "") if match[3] else NGINX.get(match[1] or match[2], "")
        known = known or bool(part)
        if part and part not in parts and (wanted is None or _wanted(part, wanted)):
            parts.append(part)
            inner = f"({inner})"
        pieces.append(inner)
    if not known:
        raise RequestError(
            f"`{text}` has no variable that tells of a request; known are ${', $'.join(NGINX)} and Envoy's "
            f"%{'%, %'.join(ENVOY)}%"
        )
    pieces.append(re.escape(text[at:]))
    tail = r"(?:[ \t][^\n]*)?\r?$" if text[at:] else r"\r?$"
    return Template(re.compile(("(?m)^" + "".join(pieces) + tail).encode()), tuple(parts))


def _wanted(part: str, wanted: frozenset[str]) -> bool:
    from mtls_tui.simulate.logs.parts import provides

    return not wanted.isdisjoint(provides(part))


def unescaped(value: bytes) -> str:
    r"""Nginx's and Apache's escapes in text logs: `\x22`, `\"`, `\\`. Bytes that are not UTF-8 become surrogates."""
    if b"\\" in value:
        value = re.sub(rb"\\(?:x([0-9A-Fa-f]{2})|(.))", _unescape, value, flags=re.S)
    return value.decode("utf-8", "surrogateescape")


def _unescape(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return bytes([int(match[1], 16)])
    return {b"n": b"\n", b"t": b"\t", b"r": b"\r"}.get(match[2], match[2])
