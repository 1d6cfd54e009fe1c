"""How other proxies put their questions: a table of header names per kind of proxy, and one reader for all. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from mtls_tui.engine.model import HttpRequest
from mtls_tui.gateway import certheaders
from mtls_tui.gateway.envoy_filters import CERTIFICATE_HEADER
from mtls_tui.gateway.questions import (
    TLS13_CIPHERS,
    Asking,
    MalformedError,
    Question,
    Reader,
    canonical_host,
    read_gateway,
)
from mtls_tui.gateway.settings import EscapedSlashes, is_ip

StyleName: TypeAlias = Literal["gateway", "envoy", "nginx", "traefik", "caddy", "haproxy", "rfc9440"]
STYLES: tuple[StyleName, ...] = get_args(StyleName)


@dataclass(frozen=True, slots=True)
class Style:
    """How a kind of proxy tells the decision service of a request: header names, and how certificates are written.

    `told` names the headers for method, target, host, client, scheme, sni, tls_version, tls_cipher, http_version;
    what it leaves out comes from the question's own line, Host or peer. All headers named here, and those in
    `written`, are the proxy's and no part of the client's. `statuses` are the refusals that the proxy passes on
    (others become the first); empty: all.
    """

    name: str
    certificate: str
    parse: Callable[[bytes], tuple[bytes, ...]]
    told: Mapping[str, str]
    chain: str = ""
    written: tuple[str, ...] = ()
    statuses: tuple[int, ...] = ()
    carriers: frozenset[str] = field(init=False)
    """Every header that the proxy writes."""

    def __post_init__(self) -> None:
        names = (self.certificate, self.chain, *self.told.values(), *self.written)
        object.__setattr__(self, "carriers", frozenset(name for name in names if name))


FORWARDED = {
    "method": "x-forwarded-method",
    "target": "x-forwarded-uri",
    "host": "x-forwarded-host",
    "client": "x-forwarded-for",
    "scheme": "x-forwarded-proto",
}
ORIGINAL = {
    "method": "x-original-method",
    "target": "x-original-uri",
    "host": "x-original-host",
    "client": "x-original-client",
    "scheme": "x-original-scheme",
    "sni": "x-original-sni",
    "tls_version": "x-original-tls-version",
    "tls_cipher": "x-original-tls-cipher",
    "http_version": "x-original-protocol",
}


def _base64_der(text: bytes) -> tuple[bytes, ...]:
    """Base64 of one certificate, or of several one after the other; the chain after a comma."""
    parts = (certheaders.split_der(certheaders.from_base64(part.strip(b" "))) for part in text.split(b","))
    return tuple(der for part in parts for der in part)


def _rfc9440_list(text: bytes) -> tuple[bytes, ...]:
    leaf, _, chain = text.partition(b",")
    return certheaders.from_rfc9440(leaf, chain)


BY_NAME: Mapping[str, Style] = {
    style.name: style
    for style in (
        Style("envoy", CERTIFICATE_HEADER, certheaders.from_envoy,
              told={key: ORIGINAL[key] for key in ("client", "sni", "tls_version", "tls_cipher", "http_version")},
              written=("x-forwarded-proto", "x-request-id", "x-envoy-internal", "x-envoy-external-address",
                       "x-envoy-expected-rq-timeout-ms", "x-envoy-auth-partial-body")),
        Style("nginx", "x-client-cert", certheaders.from_escaped_pem, told=ORIGINAL, statuses=(403, 401)),
        Style("traefik", "x-forwarded-tls-client-cert", certheaders.from_traefik, told=FORWARDED,
              written=("x-forwarded-port", "x-forwarded-server", "x-real-ip")),
        Style("caddy", "x-client-cert", _base64_der,
              told=FORWARDED | {key: ORIGINAL[key] for key in ("sni", "tls_version", "tls_cipher")}),
        Style("haproxy", "x-client-cert", _base64_der, chain="x-client-cert-chain", told=ORIGINAL),
        Style("rfc9440", "client-cert", _rfc9440_list, chain="client-cert-chain",
              told=FORWARDED | {"sni": ORIGINAL["sni"]}),
    )
}  # fmt: skip
"""The styles of other proxies; `gateway` is our own Envoy's."""

TLS_VERSIONS: Mapping[str, str] = {"tls1.2": "TLSv1.2", "tls1.3": "TLSv1.3", "tlsv1.2": "TLSv1.2", "tlsv1.3": "TLSv1.3"}


_ESCAPED_SLASH = re.compile("%(?:2f|5c)", re.IGNORECASE)


def reader(style: str, escaped_slashes: EscapedSlashes = "reject") -> Reader:
    """The function that reads questions of a style; KeyError for a name that is none.

    Our own Envoy sees to escaped slashes before it asks; other proxies pass the path on as it is.
    """
    if style == "gateway":
        return read_gateway
    chosen = BY_NAME[style]

    def read(asking: Asking) -> Question:
        return read_forwarded(chosen, asking, escaped_slashes)

    return read


def read_forwarded(style: Style, asking: Asking, escaped_slashes: EscapedSlashes = "reject") -> Question:
    """A question of another proxy. Every carrier that is there twice is refused: one of the two was the client's.

    The upstream gets the path as it is told here, so it must be in normal form where rules look at it; with `%2F` or
    `%5C` it is refused everywhere, unless `escaped_slashes` is "keep": many a server decodes the whole path at once.
    """
    values: dict[str, bytes] = {}
    headers: list[tuple[str, bytes]] = []
    own_host = b""
    for name, value in asking.headers:
        if name in style.carriers:
            if name in values:
                raise MalformedError(f"{name} twice: does the proxy overwrite what clients send?")
            values[name] = value
        elif name == "host":
            if own_host and own_host != value:
                raise MalformedError("host twice")
            own_host = value
        elif name not in ("connection", "content-length", "transfer-encoding"):
            headers.append((name, value))

    def tell(what: str, otherwise: str) -> str:
        name = style.told.get(what)
        if name is None:
            return otherwise
        value = values.get(name)
        if value is None and what in ("method", "target", "host", "client"):
            raise MalformedError(f"no {name}: the proxy must set it ({style.name} style)")
        return value.decode("latin-1") if value is not None else otherwise

    client = tell("client", asking.peer).rpartition(",")[2].strip()
    if not is_ip(client):
        raise MalformedError(f"the client's address `{client[:60]}` is no IP address")
    target = tell("target", asking.target)
    if not target.startswith("/"):
        raise MalformedError("the request target is no path")
    if escaped_slashes != "keep" and _ESCAPED_SLASH.search(target.partition("?")[0]):
        raise MalformedError("an escaped slash in the path: the upstream may see another path than the rules")
    host = canonical_host(tell("host", own_host.decode("latin-1")))
    certificates = values.get(style.certificate, b"")
    if certificates and values.get(style.chain):
        certificates += b"," + values[style.chain]
    cipher, version, protocol = tell("tls_cipher", ""), tell("tls_version", "TLSv1.3"), tell("http_version", "HTTP/1.1")
    sni = tell("sni", "-").lower().removesuffix(".")
    return Question(
        http=HttpRequest(
            method=tell("method", asking.method),
            scheme=tell("scheme", "https").lower(),
            host=host,
            target=target,
            headers=(("host", host.encode("ascii")), *headers),
            client_ip=client,
            http_version="HTTP/2" if protocol in ("HTTP/2.0", "h2") else protocol,
            tls_version=TLS_VERSIONS.get(version.lower(), version),
            tls_cipher=TLS13_CIPHERS.get(cipher, cipher),
            body=asking.body if asking.body else None,
            body_truncated=asking.body_truncated,
            normalised=True,
        ),
        certificates=certificates,
        parse=style.parse,
        sni=None if sni == "-" else sni,
    )


def statuses(style: str) -> tuple[int, ...]:
    """The refusals that a style's proxy passes on to the client; empty: all."""
    return () if style == "gateway" else BY_NAME[style].statuses
