"""Logs of one JSON object a line. Only the wanted keys are decoded; equal lines are counted, not kept.

A mapping says which key gives which part; a dotted key leads into nested objects (`request.host`), a backslash keeps a
dot (`http\\.host`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from mtls_tui.simulate.errors import RequestError
from mtls_tui.simulate.logs.parts import StatusReader, provides, verify_status
from mtls_tui.simulate.logs.tally import BlockTally, LineReader, UnreadableLineError, Values

_SCALAR: Final = str | int | float | bool | None | UnsetType
MAX_DEPTH = 8

CANDIDATES: Final[dict[str, tuple[str, ...]]] = {
    "host": ("http_host", "host", "authority", ":authority", "vhost", "server_name", "request.host",
             "req.host", "RequestHost"),
    "method": ("request_method", "method", ":method", "verb", "request.method", "req.method",
               "RequestMethod"),
    "target": ("request_uri", "uri", "target", ":path", "request.uri", "req.url",
               "RequestPath"),
    "url": ("url",),
    "request": ("request",),
    "path": ("path", "uri_path"),
    "query": ("args", "query", "query_string"),
    "scheme": ("scheme", "request_scheme", "RequestScheme"),
    "ip": ("remote_addr", "client_ip", "remote_ip", "client", "downstream_remote_address",
           "request.client_ip", "request.remote_ip", "ClientHost"),
    "http_version": ("server_protocol", "protocol", "http_version", "request.proto", "RequestProtocol"),
    "user_agent": ("http_user_agent", "user_agent", "user-agent", "userAgent",
                   "request_User-Agent"),
    "referer": ("http_referer", "referer", "http_referrer"),
    "x_forwarded_for": ("http_x_forwarded_for", "x_forwarded_for"),
    "tls_version": ("ssl_protocol", "tls_version"),
    "tls_cipher": ("ssl_cipher", "tls_cipher"),
    "verify": ("ssl_client_verify", "client_verify", "tls_client_verify", "x_client_cert_verified"),
    "cf.tls_client_auth.cert_serial": ("ssl_client_serial",),
    "cf.tls_client_auth.cert_fingerprint_sha1": ("ssl_client_fingerprint",),
    "cf.tls_client_auth.cert_subject_dn": ("ssl_client_s_dn",),
    "cf.tls_client_auth.cert_issuer_dn": ("ssl_client_i_dn",),
    "time": ("time_iso8601", "msec", "time_local", "start_time", "timestamp", "@timestamp", "time", "ts",
             "StartUTC"),
}  # fmt: skip
"""Keys that people give these parts in nginx's, Envoy's, Caddy's and Traefik's JSON logs, best first."""

LOGPUSH: Final = {
    "ClientRequestHost": "host", "ClientRequestMethod": "method", "ClientRequestURI": "target",
    "ClientRequestScheme": "scheme", "ClientRequestProtocol": "http_version", "ClientRequestUserAgent": "user_agent",
    "ClientRequestReferer": "referer", "ClientXRequestedWith": "", "ClientIP": "ip", "ClientSSLCipher": "tls_cipher",
    "ClientSSLProtocol": "tls_version", "ClientMTLSAuthStatus": "verify", "EdgeStartTimestamp": "time",
    "ClientMTLSAuthCertFingerprint": "cf.tls_client_auth.cert_fingerprint_sha256", "ClientCountry": "ip.src.country",
    "ClientASN": "ip.src.asnum", "RayID": "cf.ray_id", "BotScore": "cf.bot_management.score",
    "JA3Hash": "cf.bot_management.ja3_hash", "JA4": "cf.bot_management.ja4", "WAFAttackScore": "cf.waf.score",
    "ZoneName": "cf.zone.name",
}  # fmt: skip
"""Cloudflare Logpush's HTTP requests data set."""

DECISIONS: Final = {
    "kind": "kind", "host": "host", "method": "method", "path": "path", "client": "ip", "time": "time",
    "fingerprint": "fingerprint", "verified": "verified", "revoked": "revoked",
}  # fmt: skip
"""The gateway's own decision log; a key that is left out there has its default."""


@dataclass(frozen=True)
class JsonLines(LineReader):
    """A reader of JSON lines. `columns` are pairs of part and key path."""

    name: str
    columns: tuple[tuple[str, str], ...]
    statuses: StatusReader = verify_status
    finish: Callable[[dict[str, Any]], Values] | None = None
    """Turns the values as decoded into parts, for a log whose lines need more than a mapping."""
    _decoder: Any = field(init=False, repr=False, compare=False)
    _getters: tuple[tuple[str, tuple[str, ...]], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        tree: dict[str, Any] = {}
        getters = []
        for number, (part, key) in enumerate(self.columns):
            keys = split_key(key)
            attributes = _plant(tree, keys, f"c{number}", key)
            getters.append((part, attributes))
        object.__setattr__(self, "_decoder", msgspec.json.Decoder(_struct(tree)))
        object.__setattr__(self, "_getters", tuple(getters))

    @property
    def parts(self) -> tuple[str, ...]:
        """What the columns give."""
        return tuple(part for part, _ in self.columns)

    def key(self, line: bytes) -> Any:
        """The wanted values of a line, hashable."""
        try:
            return self._decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UnreadableLineError(_reason(error)) from None

    def tally(self, block: bytes) -> BlockTally:
        """Count the equal lines of a block; lines that can't be read come with the reason."""
        try:
            lines = self._decoder.decode_lines(block)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return super().tally(block)
        return BlockTally(len(lines), Counter(lines), [])

    def values(self, key: Any) -> Values:
        """The parts of a counted line; a key that is absent or null gives none."""
        values: dict[str, Any] = {}
        for part, attributes in self._getters:
            value = key
            for attribute in attributes:
                value = getattr(value, attribute)
                if value is UNSET or value is None:
                    break
            else:
                values[part] = value
        return self.finish(values) if self.finish else values


def split_key(text: str) -> tuple[str, ...]:
    """A dotted key as its steps."""
    keys = tuple(step.replace("\\.", ".") for step in re.split(r"(?<!\\)\.", text))
    if not all(keys) or len(keys) > MAX_DEPTH:
        raise RequestError(f"`{text}` is not a key; write it as `key` or `outer.inner` (a dot inside a key: `\\.`)")
    return keys


def finish_decision(values: dict[str, Any]) -> Values:
    """A line of the gateway's decision log. Raises RequestError if the line is not a decision about a request."""
    if values.pop("kind", None) != "decision":
        raise RequestError("the line is not a decision")
    fingerprint = values.pop("fingerprint", "")
    verified, revoked = bool(values.pop("verified", False)), bool(values.pop("revoked", False))
    # A gateway's log has no fingerprint for a host that asks for no certificate, and none for a client without one.
    status = {"presented": bool(fingerprint), "verified": verified, "revoked": revoked}
    for name, value in status.items():
        values[f"cf.tls_client_auth.cert_{name}"] = value
    if fingerprint:
        values["cf.tls_client_auth.cert_fingerprint_sha256"] = fingerprint
    return values


def guessed_columns(sample: list[dict[str, Any]]) -> tuple[tuple[str, str], ...]:
    """The mapping for lines like these, from the names of their keys."""
    columns: list[tuple[str, str]] = []
    for part, keys in CANDIDATES.items():
        for key in keys:
            path = split_key(key)
            if any(isinstance(_lookup(line, path), str | int | float) for line in sample):
                columns.append((part, key))
                break
    given = {part for part, _ in columns}
    if given & {"target", "request", "url"}:
        columns = [item for item in columns if item[0] not in ("path", "query")]
    elif "path" in given and "query" not in given:
        # Envoy's `path` is the whole target, query and all; then one of them has a question mark.
        texts = [str(_lookup(line, split_key(dict(columns)["path"]))) for line in sample]
        if any("?" in text for text in texts) or all("authority" in line or ":authority" in line for line in sample):
            columns = [("target", key) if part == "path" else (part, key) for part, key in columns]
    return tuple(columns)


def wanted_columns(columns: tuple[tuple[str, str], ...], wanted: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """Those columns that give something wanted."""
    return tuple((part, key) for part, key in columns if not wanted.isdisjoint(provides(part)))


def _lookup(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _plant(tree: dict[str, Any], keys: tuple[str, ...], leaf: str, text: str) -> tuple[str, ...]:
    """Put a leaf into the tree of nested objects; the attribute names that lead to it."""
    attributes = []
    for key in keys[:-1]:
        attribute, branch = tree.setdefault(key, (f"o{len(tree)}", {}))
        if not isinstance(branch, dict):
            raise RequestError(f"`{text}`: `{key}` can't be both a value and an object")
        attributes.append(attribute)
        tree = branch
    known = tree.get(keys[-1])
    if known is not None:
        if isinstance(known[1], dict):
            raise RequestError(f"`{text}` can't be both a value and an object")
        return (*attributes, known[0])
    tree[keys[-1]] = (leaf, None)
    return (*attributes, leaf)


def _struct(tree: dict[str, Any]) -> Any:
    fields: list[tuple[str, Any, Any]] = []
    for key, (attribute, branch) in tree.items():
        kind = _SCALAR if branch is None else _struct(branch) | None | UnsetType
        fields.append((attribute, kind, msgspec.field(default=UNSET, name=key)))
    return msgspec.defstruct("Line", fields, frozen=True, gc=False)


def _reason(error: Exception) -> str:
    if isinstance(error, msgspec.ValidationError):
        return "the value of a wanted key is not plain, or the line is not an object"
    return "no JSON"
