"""From an HTTP request to the values of the fields that a proxy can know: `http.*`, `raw.*`, `ip.src`, `ssl`, TLS.

Each field is one function of a `RequestView`, which parses a request's parts once and on demand, so that a decision
pays for the fields that its rules read and for no others. Formats are the documented
ones; where the documentation is silent:

* `http.host` is lower case, without port and final dot, since host names compare so (RFC 9110 4.2.3).
* a header that is absent is the empty text in the fields named after it (`http.referer`, …); one that is repeated is
  joined with ", " (RFC 9110 5.3), cookies with "; " (RFC 9113 8.2.3). Blanks around a value are not part of it (RFC
  9110 5.5): some proxies let them in over HTTP/2, and no server behind them would see them.
* `http.request.uri*` have the path as the upstream will see it (see `paths`), `raw.*` as it was received.
* a body that was not read, though the request has one, counts as truncated.

Fields that only the edge of Cloudflare knows are left out: they have their documented default or are missing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeAlias
from urllib.parse import unquote_to_bytes

from mtls_tui.engine import bodies, hostnames, paths
from mtls_tui.engine.model import HttpRequest
from mtls_tui.lang.types import FieldValue

Pairs: TypeAlias = list[tuple[bytes, bytes]]

MAX_HEADERS = 1000
"""More headers than this are not looked at, and `http.request.headers.truncated` says so."""

_BLANKS = b" \t"
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")


class RequestView:
    """The parts of one request, each parsed once, when a field asks for it. `at` is POSIX seconds, None for now."""

    def __init__(self, http: HttpRequest, at: float | None = None) -> None:
        self.http = http
        self._at = at

    @cached_property
    def host(self) -> bytes:
        """The host name in comparable form."""
        return hostnames.normalise(self.http.host).encode("utf-8", "surrogateescape")

    @cached_property
    def secure(self) -> bool:
        """Whether the client connection is encrypted."""
        return self.http.scheme.lower() in ("https", "wss")

    @cached_property
    def _split(self) -> tuple[bytes, bytes | None]:
        target = self.http.target
        if not target.startswith("/"):
            # Absolute form (RFC 9112 3.2.2); `*` of OPTIONS stays as it is.
            target = _ABSOLUTE.sub("", target, count=1)
            if not target.startswith(("/", "*")):
                target = "/" + target
        path, mark, query = target.partition("?")
        return _bytes(path), _bytes(query) if mark else None

    @property
    def raw_path(self) -> bytes:
        """The path as received."""
        return self._split[0]

    @cached_property
    def path(self) -> bytes:
        """The path as the upstream will see it."""
        return paths.normalise(self._split[0])

    @property
    def ambiguous(self) -> bool:
        """Whether the next server may take the path for another one than rules see."""
        raw, normal = self._split[0], self.path
        if self.http.normalised and raw != normal:
            return True
        return not paths.stable(normal)

    @property
    def query(self) -> bytes:
        """What follows the first `?`, without it."""
        return self._split[1] or b""

    def uri(self, path: bytes) -> bytes:
        """A path with the query."""
        query = self._split[1]
        return path if query is None else path + b"?" + query

    def full_uri(self, path: bytes) -> bytes:
        """Scheme, host, port unless it is the usual one, a path and the query."""
        port = self.explicit_port
        tail = b"" if port is None or port == (443 if self.secure else 80) else b":%d" % port
        return (b"https://" if self.secure else b"http://") + self.host + tail + self.uri(path)

    @cached_property
    def explicit_port(self) -> int | None:
        """The port in the Host header, if any."""
        port = self.http.host.rpartition(":")[2]
        has_port = ":" in self.http.host and port.isascii() and port.isdigit() and not self.http.host.endswith("]")
        return int(port) if has_port and len(port) < 6 else None

    @cached_property
    def arguments(self) -> Pairs:
        """The arguments of the query, undecoded."""
        return bodies.split_pairs(self.query)

    @cached_property
    def headers(self) -> Pairs:
        """Names in lower case. A request over HTTP/2 has its host as `:authority`; it counts as `host` here."""
        given = self.http.headers[:MAX_HEADERS]
        pairs = [(name.lower().encode("latin-1", "replace"), value.strip(_BLANKS)) for name, value in given]
        if self.http.host and not any(name == b"host" for name, _ in pairs):
            pairs.insert(0, (b"host", _bytes(self.http.host)))
        return pairs

    def header(self, name: str, separator: bytes = b", ") -> bytes:
        """A header by lower-case name, repeated ones joined; empty if absent."""
        values = [value.strip(_BLANKS) for key, value in self.http.headers if key == name or key.lower() == name]
        return values[0] if len(values) == 1 else separator.join(values)

    @cached_property
    def cookies(self) -> Mapping[bytes, list[bytes]]:
        """Cookies by decoded name; values as sent."""
        found: dict[bytes, list[bytes]] = {}
        for part in self.header("cookie", b"; ").split(b";"):
            name, mark, value = part.strip(b" \t").partition(b"=")
            if name or mark:
                found.setdefault(unquote_to_bytes(name), []).append(value)
        return found

    @cached_property
    def milliseconds(self) -> int:
        """When the request arrived, in milliseconds since 1970."""
        at = self._at if self._at is not None else self.http.at
        return int((time.time() if at is None else at) * 1000)

    @cached_property
    def body(self) -> bodies.Body:
        """The body as far as it was read."""
        length = self.header("content-length")
        announced = int(length) if length.isdigit() and len(length) < 20 else 0
        unread = self.http.body is None and (announced > 0 or bool(self.header("transfer-encoding")))
        content = self.http.body or b""
        truncated = self.http.body_truncated or unread
        return bodies.Body(content, max(len(content), announced), truncated, self.header("content-type"))


def address(text: str) -> IPv4Address | IPv6Address:
    """A client's address; IPv4-mapped IPv6 becomes IPv4. Raises ValueError if it is not an address."""
    return _address(text)


@lru_cache(maxsize=4096)
def _address(text: str) -> IPv4Address | IPv6Address:
    found = ip_address(text.partition("%")[0].strip("[]"))
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found


def as_map(pairs: Iterable[tuple[bytes, bytes]]) -> dict[bytes, FieldValue]:
    """Name to values, in order."""
    found: dict[bytes, list[FieldValue]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return dict(found)


def languages(header: bytes) -> list[FieldValue]:
    """The tags of an Accept-Language, highest weight first, without `*` (RFC 9110 12.5.4)."""
    weighted: list[tuple[float, int, bytes]] = []
    for position, part in enumerate(header.split(b",")):
        tag, *parameters = [piece.strip() for piece in part.split(b";")]
        if not tag or tag == b"*":
            continue
        weight = 1.0
        for parameter in parameters:
            match = re.fullmatch(rb"q=([01](?:\.[0-9]{0,3})?)", parameter, re.IGNORECASE)
            if match:
                weight = min(float(match[1]), 1.0)
        if weight > 0:
            weighted.append((-weight, position, tag))
    return [tag for _, _, tag in sorted(weighted)]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


Extractor: TypeAlias = Callable[[RequestView], FieldValue | None]
"""None leaves the field out."""

EXTRACTORS: dict[str, Extractor] = {
    "http.cookie": lambda v: v.header("cookie", b"; "),
    "http.host": lambda v: v.host,
    "http.referer": lambda v: v.header("referer"),
    "http.user_agent": lambda v: v.header("user-agent"),
    "http.x_forwarded_for": lambda v: v.header("x-forwarded-for"),
    "http.request.full_uri": lambda v: v.full_uri(v.path),
    "http.request.method": lambda v: _bytes(v.http.method.upper()),
    "http.request.cookies": lambda v: {name: list(values) for name, values in v.cookies.items()},
    "http.request.timestamp.sec": lambda v: v.milliseconds // 1000,
    "http.request.timestamp.msec": lambda v: v.milliseconds % 1000,
    "http.request.uri": lambda v: v.uri(v.path),
    "http.request.uri.path": lambda v: v.path,
    "http.request.uri.path.extension": lambda v: paths.extension(v.path),
    "http.request.uri.query": lambda v: v.query,
    "http.request.uri.args": lambda v: as_map(v.arguments),
    "http.request.uri.args.names": lambda v: [name for name, _ in v.arguments],
    "http.request.uri.args.values": lambda v: [value for _, value in v.arguments],
    "raw.http.request.full_uri": lambda v: v.full_uri(v.raw_path),
    "raw.http.request.uri": lambda v: v.uri(v.raw_path),
    "raw.http.request.uri.path": lambda v: v.raw_path,
    "raw.http.request.uri.path.extension": lambda v: paths.extension(v.raw_path),
    "raw.http.request.uri.query": lambda v: v.query,
    "raw.http.request.uri.args": lambda v: as_map(v.arguments),
    "raw.http.request.uri.args.names": lambda v: [name for name, _ in v.arguments],
    "raw.http.request.uri.args.values": lambda v: [value for _, value in v.arguments],
    "http.request.version": lambda v: _bytes(v.http.http_version),
    "http.request.headers": lambda v: as_map(v.headers),
    "http.request.headers.names": lambda v: [name for name, _ in v.headers],
    "http.request.headers.values": lambda v: [value for _, value in v.headers],
    "http.request.headers.truncated": lambda v: len(v.http.headers) > MAX_HEADERS,
    "http.request.accepted_languages": lambda v: languages(v.header("accept-language")),
    "http.request.body.raw": lambda v: v.body.content,
    "http.request.body.size": lambda v: v.body.size,
    "http.request.body.truncated": lambda v: v.body.truncated,
    "http.request.body.mime": lambda v: bodies.sniff(v.body.content),
    "http.request.body.form": lambda v: as_map(v.body.form),
    "http.request.body.form.names": lambda v: [name for name, _ in v.body.form],
    "http.request.body.form.values": lambda v: [value for _, value in v.body.form],
    "http.request.body.multipart": lambda v: as_map((p.name, p.content) for p in v.body.parts if p.name is not None),
    "http.request.body.multipart.names": lambda v: [_one(p.name) for p in v.body.parts],
    "http.request.body.multipart.values": lambda v: [p.content for p in v.body.parts],
    "http.request.body.multipart.content_types": lambda v: [_one(p.content_type) for p in v.body.parts],
    "http.request.body.multipart.content_dispositions": lambda v: [_one(p.disposition) for p in v.body.parts],
    "http.request.body.multipart.content_transfer_encodings": lambda v: [_one(p.encoding) for p in v.body.parts],
    "http.request.body.multipart.filenames": lambda v: [_one(p.filename) for p in v.body.parts],
    "ip.src": lambda v: address(v.http.client_ip),
    "ssl": lambda v: v.secure,
    "cf.tls_version": lambda v: _bytes(v.http.tls_version) if v.secure else b"",
    "cf.tls_cipher": lambda v: _bytes(v.http.tls_cipher) if v.secure else b"",
    "cf.edge.server_port": lambda v: v.explicit_port or (443 if v.secure else 80),
    "cf.edge.client_tcp": lambda v: not v.http.http_version.upper().startswith("HTTP/3"),
}
"""Every field that an HTTP request alone can give, by canonical name."""


def _one(value: bytes | None) -> list[FieldValue]:
    return [] if value is None else [value]


def compute(view: RequestView, extractors: Iterable[tuple[str, Extractor]]) -> dict[str, FieldValue]:
    """The values of some fields."""
    found: dict[str, FieldValue] = {}
    for name, extract in extractors:
        value = extract(view)
        if value is not None:
            found[name] = value
    return found
