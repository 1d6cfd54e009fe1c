"""A request for which chosen clauses are true and others false: guessed from their literals, tried by the engine.

What is changed is the HTTP request, and the fields follow from it as they do in the gateway; only what no HTTP request
can say (what Cloudflare's edge knows, a certificate's text) is set as a field.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote_from_bytes

from mtls_tui.engine import paths
from mtls_tui.engine.compile import Matcher
from mtls_tui.engine.fields import EXTRACTORS, RequestView, compute
from mtls_tui.engine.model import HttpRequest
from mtls_tui.engine.sets import Lists
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import FIELDS, NEVER_EMPTY, VERIFIED
from mtls_tui.lang.types import BYTES, FieldValue
from mtls_tui.search.places import MISSING, Place, candidates, places_of

BUDGET = 4000
"""Requests that are tried for one set of clauses."""
_TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_PATH_SAFE = "/!$&'()*+,;=:@-._~%[]\\"


class Maker:
    """Makes requests for one set of field names. `base` is where it starts, `state` are fields that stay."""

    def __init__(self, base: HttpRequest, state: Mapping[str, FieldValue], names: Iterable[str], lists: Lists) -> None:
        self.base = base
        self.state = dict(state)
        self.lists = lists
        self.extractors = [(name, EXTRACTORS[name]) for name in sorted(names) if name in EXTRACTORS]
        self.budget = BUDGET
        self._matchers: dict[ast.Expr, Matcher] = {}

    def fields(self, http: HttpRequest) -> dict[str, FieldValue] | None:
        """The fields of a request as the gateway sees them.

        None for a request that it would refuse as ambiguous, and for a certificate that can't be verified as it is.
        """
        if self.state.get(VERIFIED) and any(http.overrides.get(name) == b"" for name in NEVER_EMPTY):
            return None
        view = RequestView(http, http.at)
        if not paths.stable(view.path):
            return None
        return {**compute(view, self.extractors), **http.overrides, **self.state}

    def make(self, wanted: Mapping[ast.Expr, bool]) -> Iterator[HttpRequest]:
        """Requests for which every clause is as wanted."""
        yield from self._settle(self.base, list(wanted.items()), 0)

    def _settle(self, http: HttpRequest, wanted: Sequence[tuple[ast.Expr, bool]], done: int) -> Iterator[HttpRequest]:
        fields = self.fields(http)
        if fields is None or any(self._truth(atom, fields) is not truth for atom, truth in wanted[:done]):
            return
        while done < len(wanted) and self._truth(wanted[done][0], fields) is wanted[done][1]:
            done += 1
        if done == len(wanted):
            yield http
            return
        atom, truth = wanted[done]
        for place in places_of(atom):
            if place.name in self.state or place.name == "http.host":
                continue
            for value in candidates(atom, place, fields, self.lists):
                if self.budget <= 0:
                    return
                changed = change(http, place, value, fields)
                if changed is None:
                    continue
                self.budget -= 1
                after = self.fields(changed)
                if after is not None and self._truth(atom, after) is truth:
                    yield from self._settle(changed, wanted, done + 1)

    def _truth(self, atom: ast.Expr, fields: Mapping[str, FieldValue]) -> bool:
        matcher = self._matchers.get(atom)
        if matcher is None:
            matcher = self._matchers[atom] = Matcher(ast.Expression(atom), self.lists)
        return matcher.function(fields)


def change(http: HttpRequest, place: Place, value: Any, fields: Mapping[str, Any]) -> HttpRequest | None:
    """The request with a value at a place of its fields; None when no request can have it there."""
    info = FIELDS[place.name]
    match info.parts:
        case ("path",) | ("query",) | ("path", "query") | ("scheme", "host", "path", "query"):
            return _with_uri(http, place, value)
        case ("headers",):
            return _with_headers(http, place, value)
    if value is MISSING:
        return replace(http, overrides={name: kept for name, kept in http.overrides.items() if name != place.name})
    match info.parts:
        case ("certificate",) | ("edge",):
            return replace(http, overrides={**http.overrides, place.name: place.put(fields, value)[place.name]})
        case ("method",):
            good = bool(value) and _is_token(value) and value == value.upper()
            return replace(http, method=value.decode()) if good else None
        case ("client",):
            return replace(http, client_ip=str(value))
        case ("scheme",):
            return _with_scheme(http, "https" if value else "http")
        case ("http_version",) if isinstance(value, bool):
            return replace(http, http_version="HTTP/2" if value else "HTTP/3")
        case ("http_version",):
            return replace(http, http_version=value.decode("latin-1"))
        case ("scheme", "tls_version"):
            return replace(http, tls_version=value.decode("latin-1"))
        case ("scheme", "tls_cipher"):
            return replace(http, tls_cipher=value.decode("latin-1"))
        case ("port",):
            host = http.host.partition(":")[0]
            return replace(http, host=f"{host}:{value}") if 0 < value < 1 << 16 else None
        case ("time",) if place.name.endswith(".sec"):
            return replace(http, at=float(value)) if 0 <= value < 1 << 40 else None
        case ("body",) if place.name.endswith(".raw"):
            return replace(http, body=value)
    return None  # follows from other parts of the request, too


def _with_uri(http: HttpRequest, place: Place, value: Any) -> HttpRequest | None:
    """With another value of a field that follows from path and query."""
    name, (path, query) = place.name, _split(http)
    parts = FIELDS[name].parts
    if place.key is not None:
        items = [] if value is MISSING else [b"=".join((place.key, item)) for item in value]
        return _with_target(http, path, b"&".join(items)) if _plain_query(items) else None
    if isinstance(value, list):
        items = [item if name.endswith("names") else b"a=" + item for item in value]
        return _with_target(http, path, b"&".join(items)) if _plain_query(items) else None
    if not isinstance(value, bytes):
        return None
    if parts == ("query",):
        return _with_target(http, path, value)
    if name.endswith(".extension"):
        return _with_target(http, b"/x." + value if value else b"/", query)
    if parts == ("path",):
        return _with_target(http, value, query)
    if "host" in parts:
        value = b"/" + value.partition(b"://")[2].partition(b"/")[2]
    path, mark, query = value.partition(b"?")
    return _with_target(http, path, query if mark else None)


def _with_headers(http: HttpRequest, place: Place, value: Any) -> HttpRequest | None:
    """With another value of a field that follows from headers."""
    info, key, absent = FIELDS[place.name], place.key, value is MISSING
    if info.header and info.type == BYTES and isinstance(value, bytes):
        return _with_header(http, info.header.encode(), (value,) if value else ())
    if info.header == "cookie" and key is not None:
        pairs = () if absent else (b"; ".join(b"=".join((key, item)) for item in value),)
        return _with_header(http, b"cookie", pairs)
    if info.header and isinstance(value, list):
        return _with_header(http, info.header.encode(), (b", ".join(value),) if value else ())
    if key is not None:
        return _with_header(http, key, () if absent else value)
    if not isinstance(value, list):
        return None
    if place.name.endswith(".names"):
        return replace(http, headers=tuple((item.decode("latin-1"), b"x") for item in value if _is_token(item)))
    if not all(map(_is_value, value)):
        return None
    return replace(http, headers=tuple((f"x-{index}", item) for index, item in enumerate(value)))


def usual_version(scheme: str) -> str:
    """The version of HTTP that a client is taken to use when nothing is said."""
    return HttpRequest().http_version if scheme == "https" else "HTTP/1.1"


def _with_scheme(http: HttpRequest, scheme: str) -> HttpRequest:
    """Over the other scheme, with its usual version where nothing else was asked for."""
    version = http.http_version
    if version == usual_version(http.scheme):
        version = usual_version(scheme)
    return replace(http, scheme=scheme, http_version=version)


def _split(http: HttpRequest) -> tuple[bytes, bytes | None]:
    path, mark, query = http.target.encode("utf-8", "surrogateescape").partition(b"?")
    return path, query if mark else None


def _with_target(http: HttpRequest, path: bytes, query: bytes | None) -> HttpRequest | None:
    if not path.startswith(b"/") or b"?" in path or b"#" in path:
        return None
    target = quote_from_bytes(path, safe=_PATH_SAFE)
    if query is not None:
        target += "?" + quote_from_bytes(query, safe=_PATH_SAFE + '?"<>^`{|}')
    return replace(http, target=target)


def _plain_query(items: Iterable[bytes]) -> bool:
    return not any(b"&" in item or b"#" in item for item in items)


def _with_header(http: HttpRequest, name: bytes, values: Iterable[bytes]) -> HttpRequest | None:
    found = tuple(values)
    if not _is_token(name) or name == b"host" or not all(map(_is_value, found)):
        return None
    text = name.decode().lower()
    kept = tuple(header for header in http.headers if header[0] != text)
    return replace(http, headers=kept + tuple((text, value) for value in found))


def _is_value(value: bytes) -> bool:
    """RFC 9110 5.5."""
    return not set(value) & {0, 10, 13} and value == value.strip()


def _is_token(name: bytes) -> bool:
    """RFC 9110 5.6.2."""
    return bool(name) and set(name) <= _TOKEN
