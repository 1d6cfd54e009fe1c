"""Requests from an HTTP Archive (HAR 1.2), as browsers' developer tools save them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote_plus

import msgspec

from mtls_tui.engine.model import HttpRequest
from mtls_tui.simulate.errors import RequestError
from mtls_tui.simulate.requests.url import from_url, header


class _Pair(msgspec.Struct):
    name: str
    value: str = ""


class _PostData(msgspec.Struct):
    mimeType: str = ""  # noqa: N815 - HAR's spelling
    text: str | None = None
    params: list[_Pair] = []
    encoding: str = ""


class _Request(msgspec.Struct):
    url: str
    method: str = "GET"
    httpVersion: str = ""  # noqa: N815
    headers: list[_Pair] = []
    cookies: list[_Pair] = []
    postData: _PostData | None = None  # noqa: N815


class _Entry(msgspec.Struct):
    request: msgspec.Raw = msgspec.Raw(b"null")
    startedDateTime: str = ""  # noqa: N815


class _Log(msgspec.Struct):
    entries: list[_Entry]


class _Har(msgspec.Struct):
    log: _Log


_HAR = msgspec.json.Decoder(_Har)
_REQUEST = msgspec.json.Decoder(_Request)


@dataclass(frozen=True, slots=True)
class HarEntry:
    """One entry: its number in the file (from 1), and the request or why there is none."""

    number: int
    http: HttpRequest | None
    error: str = ""


def entries(data: bytes) -> Iterator[HarEntry]:
    """Every entry of the archive. Raises RequestError if it is not a HAR; an entry that can't be read says why."""
    try:
        log = _HAR.decode(data.removeprefix(b"\xef\xbb\xbf")).log
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(f"this is not a HAR file: {error}") from None
    for number, entry in enumerate(log.entries, 1):
        try:
            yield HarEntry(number, _http(entry))
        except (RequestError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            yield HarEntry(number, None, str(error))


def from_har(data: bytes, number: int = 1) -> HttpRequest:
    """One entry's request, counted from 1. Raises RequestError if it isn't there or can't be read."""
    last = 0
    for entry in entries(data):
        last = entry.number
        if entry.number == number:
            if entry.http is None:
                raise RequestError(f"entry {number} of the HAR file can't be read: {entry.error}")
            return entry.http
    raise RequestError(f"the HAR file has {last} entries; there is no entry {number}")


def _http(entry: _Entry) -> HttpRequest:
    request = _REQUEST.decode(entry.request)
    scheme, _, rest = request.url.partition(":")
    if not rest.startswith("//"):
        raise RequestError(f"`{scheme[:20]}:` URLs are not sent to a server")
    # A WebSocket begins as an HTTP request (RFC 6455 4.1).
    scheme = {"ws": "http", "wss": "https"}.get(scheme.lower(), scheme)
    fields: list[tuple[str, bytes]] = []
    for pair in request.headers:
        # HTTP/2 and 3 pseudo-headers (RFC 9113 8.3.1) say what URL and method say already.
        if not pair.name.startswith(":"):
            fields.append(header(pair.name, pair.value))
    if request.cookies and not any(name == "cookie" for name, _ in fields):
        fields.append(("cookie", "; ".join(f"{c.name}={c.value}" for c in request.cookies).encode()))
    return from_url(
        f"{scheme}:{rest}",
        method=request.method,
        headers=fields,
        body=_body(request.postData),
        http_version=_version(request.httpVersion),
        at=_time(entry.startedDateTime),
    )


def _body(post: _PostData | None) -> bytes | None:
    if post is None:
        return None
    if post.text is not None:
        if post.encoding == "base64":
            try:
                return base64.b64decode(post.text, validate=True)
            except ValueError as error:
                raise RequestError(f"the body is not base64: {error}") from None
        return post.text.encode()
    return "&".join(f"{quote_plus(p.name)}={quote_plus(p.value)}" for p in post.params).encode()


def _version(text: str) -> str | None:
    """Browsers write h2, http/2.0, HTTP/1.1, h3 or nothing."""
    name = text.strip().lower().removeprefix("http/").removeprefix("h")
    versions = {"1.0": "1.0", "1.1": "1.1", "2": "2", "2.0": "2", "3": "3", "3.0": "3"}
    return f"HTTP/{versions[name]}" if name in versions else None


def _time(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo else None
