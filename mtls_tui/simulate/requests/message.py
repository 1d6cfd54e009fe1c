"""A request from JSON: the shape that `mtls-tui simulate --json` prints under `request`."""

from __future__ import annotations

from typing import Any

import msgspec

from mtls_tui.engine.model import HttpRequest
from mtls_tui.simulate.errors import RequestError
from mtls_tui.simulate.requests.url import from_url, header


class _Message(msgspec.Struct, forbid_unknown_fields=True):
    url: str
    method: str = "GET"
    headers: dict[str, str | list[str]] | list[tuple[str, str]] = {}
    body: str | None = None
    ip: str = "127.0.0.1"
    at: float | None = None
    http_version: str | None = None


_DECODER = msgspec.json.Decoder(_Message)


def from_json(data: bytes) -> HttpRequest:
    """The request of a JSON object with `url` and optionally method, headers, body, ip, at or http_version.

    Headers are an object (a list of values for a repeated one) or a list of pairs. RequestError names the wrong key.
    """
    try:
        message = _DECODER.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(f"this is not a request in JSON: {error}") from None
    fields: list[tuple[str, bytes]] = []
    if isinstance(message.headers, dict):
        for name, values in message.headers.items():
            fields.extend(header(name, value) for value in ([values] if isinstance(values, str) else values))
    else:
        fields.extend(header(name, value) for name, value in message.headers)
    return from_url(
        message.url,
        method=message.method,
        headers=fields,
        body=None if message.body is None else message.body.encode(),
        ip=message.ip,
        http_version=message.http_version,
        at=message.at,
    )


def to_json(http: HttpRequest) -> dict[str, Any]:
    """The request as plain data that `from_json` reads; bytes that are not UTF-8 come out as U+FFFD."""
    out: dict[str, Any] = {
        "method": http.method,
        "url": url_of(http),
        "headers": [[name, value.decode("utf-8", "replace")] for name, value in http.headers],
        "ip": http.client_ip,
        "http_version": http.http_version,
    }
    if http.body is not None:
        out["body"] = http.body.decode("utf-8", "replace")
    if http.at is not None:
        out["at"] = http.at
    return out


def url_of(http: HttpRequest) -> str:
    """The URL that makes this request."""
    return f"{http.scheme}://{http.host}{http.target}"
