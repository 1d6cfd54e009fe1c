"""How other proxies put their questions: a table of header names per kind of proxy, and one reader for all. Pure.

The table also says what each kind of proxy passes on. A bundle whose rules read more than that is refused (`check`),
and a request without something that the style passes and the rules read is malformed: it is blocked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from mtls_tui.engine.model import HttpRequest
from mtls_tui.engine.policy import Policy
from mtls_tui.gateway import certheaders
from mtls_tui.gateway.envoy.filters import CERTIFICATE_HEADER, DUPLICATES_HEADER, TLS13_CIPHERS
from mtls_tui.gateway.parts import MOST_NAMED, PARTS, PassedPart, reads_edge, untold
from mtls_tui.gateway.questions import (
    MalformedError,
    Question,
    QuestionReader,
    RawQuestion,
    apart,
    canonical_host,
    read_gateway,
)
from mtls_tui.gateway.settings import EscapedSlashes, GatewayError, is_ip
from mtls_tui.gateway.stripping import stands_for_certificate

StyleName: TypeAlias = Literal["gateway", "envoy", "nginx", "traefik", "caddy", "haproxy", "rfc9440"]
STYLES: tuple[StyleName, ...] = get_args(StyleName)


HOP_HEADERS = frozenset(
    ("connection", "content-length", "expect", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding",
     "upgrade")
)  # fmt: skip
"""Headers of one hop (RFC 9110 7.6.1), and those that belong to a body: a question about a request has its own."""


@dataclass(frozen=True, slots=True)
class ProxyStyle:
    """How a kind of proxy tells the decision service of a request: header names, and how certificates are written.

    `told` names the headers for parts of the request and for the `sni`; method, target, host and client, where it
    leaves them out, come from the question's own line, Host or peer. All headers named here, and those in `written`,
    are the proxy's and no part of the client's. `statuses` are the refusals that the proxy passes on (others become the
    first); empty: all. `body` is whether the question has the request's body. `joined` is a header by which the
    proxy says which lines of the client's headers it joined by commas (see `questions.apart`); empty: it joins none.
    """

    name: str
    certificate: str
    parse: Callable[[bytes], tuple[bytes, ...]]
    told: Mapping[PassedPart | Literal["sni"], str]
    chain: str = ""
    written: tuple[str, ...] = ()
    statuses: tuple[int, ...] = ()
    body: bool = False
    question: bool = True
    """Whether it is a question about a request, and not the request itself. The upstream then sees what the proxy
    sends it, so a client's word on certificates is refused, in case that the proxy does not remove it."""
    joined: str = ""
    hop: frozenset[str] = HOP_HEADERS
    """Headers that the question has of its own, so that the client's don't arrive."""
    carriers: frozenset[str] = field(init=False)
    """Every header that the proxy writes."""

    def __post_init__(self) -> None:
        names = (self.certificate, self.chain, self.joined, *self.told.values(), *self.written)
        object.__setattr__(self, "carriers", frozenset(name for name in names if name))

    @property
    def passes(self) -> tuple[PassedPart, ...]:
        """The parts of a request that the decision service learns, in the order of `PARTS`."""
        always = {"certificate", "host", "method", "target", "client", "headers"}
        return tuple(part for part in PARTS if part in always or part in self.told or (part == "body" and self.body))

    @property
    def withheld(self) -> frozenset[str]:
        """Headers of a client that the decision service never sees."""
        return self.carriers | self.hop


FORWARDED: Mapping[PassedPart | Literal["sni"], str] = {
    "method": "x-forwarded-method",
    "target": "x-forwarded-uri",
    "host": "x-forwarded-host",
    "client": "x-forwarded-for",
    "scheme": "x-forwarded-proto",
}
ORIGINAL: Mapping[PassedPart | Literal["sni"], str] = {
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


_OF_CONNECTIONS: tuple[PassedPart | Literal["sni"], ...] = ("sni", "tls_version", "tls_cipher", "http_version")


def _base64_der(text: bytes) -> tuple[bytes, ...]:
    """Base64 of one certificate, or of several one after the other; the chain after a comma."""
    parts = (certheaders.split_der(certheaders.from_base64(part.strip(b" "))) for part in text.split(b","))
    return tuple(der for part in parts for der in part)


def _rfc9440_list(text: bytes) -> tuple[bytes, ...]:
    leaf, _, chain = text.partition(b",")
    return certheaders.from_rfc9440(leaf, chain)


BY_NAME: Mapping[str, ProxyStyle] = {
    style.name: style
    for style in (
        ProxyStyle("envoy", CERTIFICATE_HEADER, certheaders.from_envoy,
              told={key: value for key, value in ORIGINAL.items() if key not in ("method", "target", "host")},
              joined=DUPLICATES_HEADER,
              written=("x-forwarded-proto", "x-request-id", "x-envoy-internal", "x-envoy-external-address",
                       "x-envoy-expected-rq-timeout-ms", "x-envoy-auth-partial-body")),
        ProxyStyle("nginx", "x-client-cert", certheaders.from_escaped_pem, told=ORIGINAL, statuses=(403, 401)),
        ProxyStyle("traefik", "x-forwarded-tls-client-cert", certheaders.from_traefik, told=FORWARDED,
              written=("x-forwarded-port", "x-forwarded-server", "x-real-ip", "x-forwarded-tls-client-cert-info")),
        ProxyStyle("caddy", "x-client-cert", _base64_der,
              told={**FORWARDED, **{key: ORIGINAL[key] for key in _OF_CONNECTIONS}}),
        ProxyStyle("haproxy", "x-client-cert", _base64_der, chain="x-client-cert-chain", told=ORIGINAL),
        ProxyStyle("rfc9440", "client-cert", _rfc9440_list, chain="client-cert-chain",
              told={**FORWARDED, "sni": ORIGINAL["sni"]}),
    )
}  # fmt: skip
"""The styles of other proxies; `gateway` is our own Envoy's. What is not in `told` is not passed."""

TLS_VERSIONS: Mapping[str, str] = {"tls1.2": "TLSv1.2", "tls1.3": "TLSv1.3", "tlsv1.2": "TLSv1.2", "tlsv1.3": "TLSv1.3"}
HTTP_VERSIONS: Mapping[str, str] = {"HTTP/2.0": "HTTP/2", "h2": "HTTP/2", "HTTP/3.0": "HTTP/3", "h3": "HTTP/3"}
CIPHERS: Mapping[str, str] = {
    **TLS13_CIPHERS,
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA": "DES-CBC3-SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256": "AES128-SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA": "ECDHE-RSA-DES-CBC3-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256": "ECDHE-RSA-AES128-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256": "ECDHE-ECDSA-AES128-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
}
"""IANA's names, as Go's proxies write them, and the OpenSSL names that `cf.tls_cipher` has: Go's `CipherSuites` and
`InsecureCipherSuites` but RC4. Proxies on OpenSSL write the latter."""

_ESCAPED_SLASH = re.compile("%(?:2f|5c)", re.IGNORECASE)


def check(style: ProxyStyle, policy: Policy, place: str) -> None:
    """Raises GatewayError if rules of a policy read what the style does not pass, naming host, rule and field."""
    missing = list(untold(policy, style.passes, style.withheld))
    if not missing:
        return
    named = [f"host {one.host}: rule {one.rule} reads {one.field}" for one in missing[:MOST_NAMED]]
    more = f"; and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
    cure = "take the rule out of this bundle, or enforce it with `mtls-tui serve`"
    if reads_edge(policy):
        cure = (
            "take the rule out of this bundle; what only Cloudflare's network knows, `mtls-tui serve` isn't told either"
        )
    raise GatewayError(
        f"{place}: {'; '.join(named)}{more}: the style `{style.name}` does not pass that, so the rule could not be "
        f"judged; {cure}"
    )


def reader(
    style: str, escaped_slashes: EscapedSlashes = "reject", needs: frozenset[PassedPart] = frozenset()
) -> QuestionReader:
    """The function that reads questions of a style. Raises KeyError if there is no such style.

    `needs` are the parts that rules read (`parts.needed`): a question without one of them is malformed. Our own Envoy
    sees to escaped slashes before it asks; other proxies pass the path on as it is.
    """
    if style == "gateway":
        return read_gateway
    chosen = BY_NAME[style]

    def read(asking: RawQuestion) -> Question:
        return read_forwarded(chosen, asking, escaped_slashes, needs)

    return read


def read_forwarded(
    style: ProxyStyle,
    asking: RawQuestion,
    escaped_slashes: EscapedSlashes = "reject",
    needs: frozenset[PassedPart] = frozenset(),
) -> Question:
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
        elif style.question and stands_for_certificate(name):
            raise MalformedError(
                f"the client wrote `{name[:60]}`: an upstream may believe it, so the proxy must remove it"
            )
        elif name not in style.hop:
            headers.append((name, value))

    def tell(what: PassedPart, otherwise: str) -> str:
        name = style.told.get(what)
        if name is None:
            return otherwise
        value = values.get(name)
        if not value and (what in needs or what in ("method", "target", "host", "client")):
            raise MalformedError(f"no {name}: the proxy must set it ({style.name} style)")
        return value.decode("latin-1") if value else otherwise

    if style.joined and "headers" in needs:
        joined = values.get(style.joined)
        if not joined:
            raise MalformedError(f"no {style.joined}: the proxy must set it ({style.name} style)")
        headers = apart(headers, joined) if joined != b"-" else headers
    client = tell("client", asking.peer).rpartition(",")[2].strip()
    if not is_ip(client):
        raise MalformedError(f"the client's address `{client[:60]}` is not an IP address")
    target = tell("target", asking.target)
    if not target.startswith("/"):
        raise MalformedError("the request target is not a path")
    if escaped_slashes != "keep" and _ESCAPED_SLASH.search(target.partition("?")[0]):
        raise MalformedError("an escaped slash in the path: the upstream may see another path than the rules")
    host = canonical_host(tell("host", own_host.decode("latin-1")))
    certificates = values.get(style.certificate, b"")
    if certificates and values.get(style.chain):
        certificates += b"," + values[style.chain]
    cipher, version, protocol = tell("tls_cipher", ""), tell("tls_version", ""), tell("http_version", "")
    sni = values.get(style.told.get("sni", ""))
    return Question(
        http=HttpRequest(
            method=tell("method", asking.method),
            scheme=tell("scheme", "https").lower(),
            host=host,
            target=target,
            headers=(("host", host.encode("ascii")), *headers),
            client_ip=client,
            http_version=HTTP_VERSIONS.get(protocol, protocol),
            tls_version=TLS_VERSIONS.get(version.lower(), version),
            tls_cipher=CIPHERS.get(cipher, cipher),
            body=asking.body if style.body and asking.body else None,
            body_truncated=asking.body_truncated,
            normalised=True,
        ),
        certificates=certificates,
        parse=style.parse,
        sni=None if sni is None else sni_of(sni),
    )


def sni_of(value: bytes) -> str:
    """The server name that a proxy tells; empty, and by that misdirected, when the client sent none."""
    text = value.decode("latin-1").lower().removesuffix(".")
    return "" if text == "-" else text


def statuses(style: str) -> tuple[int, ...]:
    """The refusals that a style's proxy passes on to the client; empty: all."""
    return () if style == "gateway" else BY_NAME[style].statuses
