"""How compiled rules read each field, and what of a request that takes. One table; `prelude.lua` has the functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from mtls_tui.engine.fields import EXTRACTORS
from mtls_tui.engine.fields_of import canonical_field, default_of
from mtls_tui.engine.lua import text
from mtls_tui.engine.lua.refusal import RefusedError
from mtls_tui.engine.policy import CERTIFICATE_FIELDS
from mtls_tui.lang.catalogue import FIELDS

Part: TypeAlias = Literal[
    "host", "method", "target", "headers", "address", "protocol", "tls_version", "tls_cipher", "milliseconds"
]
"""A key of the table `request`."""
PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True, slots=True)
class Reading:
    """`code` is an expression of Lua over `r` (the request) and `f` (the facts)."""

    code: str
    part: Part | None = None
    """What of the request it takes besides the host."""
    kept: tuple[str, ...] = ()
    """The keys of `r` under which it is kept once it has been worked out."""
    header: str = ""
    """The one header that it takes; empty for all of them, or for none."""
    fact: str = ""
    sure: bool = True
    """Whether it always has a value."""


def _kept(key: str, function: str, part: Part, *from_: str, header: str = "") -> Reading:
    """A value that is worked out on first use, `from_` others that are."""
    return Reading(f"(r.{key} or P.{function}(r))", part, (key, *from_), header)


def _header(name: str, separator: str = ", ") -> Reading:
    return Reading(f'P.header(r, "{name}", "{separator}")', "headers", header=name)


_REQUEST: dict[str, Reading] = {
    "http.host": Reading("r.host"),
    "http.request.method": Reading("r.method", "method"),
    "http.request.full_uri": _kept("full_uri", "full_uri", "target"),
    "http.request.uri": Reading("r.uri", "target"),
    "http.request.uri.path": Reading("r.path", "target"),
    "http.request.uri.path.extension": _kept("extension", "extension", "target"),
    "http.request.uri.query": Reading("r.query", "target"),
    "http.request.uri.args": _kept("args", "args", "target", "arguments"),
    "http.request.uri.args.names": _kept("arg_names", "arg_names", "target", "arguments"),
    "http.request.uri.args.values": _kept("arg_values", "arg_values", "target", "arguments"),
    "http.request.headers": _kept("header_map", "header_map_of", "headers", "all_headers"),
    "http.request.headers.names": _kept("header_names", "header_names_of", "headers", "all_headers"),
    "http.request.headers.values": _kept("header_values", "header_values_of", "headers", "all_headers"),
    "http.request.headers.truncated": Reading("false", "headers"),
    "http.request.accepted_languages": _kept("languages", "languages", "headers", header="accept-language"),
    "http.request.cookies": _kept("cookies", "cookies", "headers", header="cookie"),
    "http.cookie": _header("cookie", "; "),
    "http.referer": _header("referer"),
    "http.user_agent": _header("user-agent"),
    "http.x_forwarded_for": _header("x-forwarded-for"),
    "http.request.version": Reading("r.protocol", "protocol"),
    "http.request.timestamp.sec": Reading("r.seconds", "milliseconds"),
    "http.request.timestamp.msec": Reading("r.rest", "milliseconds"),
    "ip.src": Reading("r.address", "address"),
    "ssl": Reading("true"),
    "cf.tls_version": Reading("r.tls_version", "tls_version"),
    "cf.tls_cipher": Reading("r.tls_cipher", "tls_cipher"),
    "cf.edge.server_port": Reading("443"),
    "cf.edge.client_tcp": Reading("P.is_tcp(r)", "protocol"),
}
_RAW = {f"raw.{name}": reading for name, reading in _REQUEST.items() if f"raw.{name}" in EXTRACTORS}
_NAMED: dict[str, str] = {"http.request.headers": "header_named", "http.request.uri.args": "arg_named"}
READINGS: Mapping[str, Reading] = MappingProxyType(_REQUEST | _RAW)
"""By canonical name. A path that is not in its normal form is put to the service, so `raw.*` is the same. The gateway
takes TLS alone and drops the port of the host, hence `ssl` and `cf.edge.server_port`."""


def reading_of(name: str) -> Reading:
    """How a field, by any of its names, is read. Raises `RefusedError` for one that the service has to look at.

    What nobody tells the gateway has its default, or is missing, as it is there.
    """
    known = canonical_field(name)
    found = READINGS.get(known)
    if found is not None:
        return found
    if known in EXTRACTORS or known not in FIELDS:
        what = "the body of a request" if "body" in known else "this field"
        raise RefusedError("field", known, f"{what} is not known there")
    if known.startswith(CERTIFICATE_FIELDS):
        return Reading(f"f[{text.string(known.encode())}]", fact=known)
    return default(known)


def named(name: str, key: bytes) -> Reading | None:
    """How the values under one key of a map are read, where that is cheaper than to make the map. Canonical name."""
    function = _NAMED.get(name.removeprefix("raw."))
    if function is None:
        return None
    code = f"P.{function}(r, {text.string(key)})"
    if function == "header_named":
        if key == b"host":
            return Reading("{r.host}")
        if not key or key != key.lower() or not key.isascii():
            return Reading("nil", sure=False)  # no header has that name: they are in lower case
        return Reading(code, "headers", header=key.decode("ascii"), sure=False)
    return Reading(code, "target", ("arguments",), sure=False)


def default(name: str) -> Reading:
    """A field that nobody tells, by its canonical name: its default or nil."""
    value = default_of(name)
    if isinstance(value, bool):
        return Reading("true" if value else "false")
    if isinstance(value, bytes):
        return Reading(text.string(value))
    if isinstance(value, int):
        return Reading(text.integer(value))
    if value is None:
        return Reading("nil", sure=False)
    raise RefusedError("field", name, "its default is an array or a map")
