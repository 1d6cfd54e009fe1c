"""What a request that was found needs, said in one line: everything in it that is not as usual."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from mtls_tui.analysis.context import SAMPLE_FACTS, text
from mtls_tui.engine.model import HttpRequest, Request
from mtls_tui.lang.catalogue import FIELDS
from mtls_tui.search.making import usual_version

MAX_SHOWN = 80
"""Characters of one value."""
TIMES = frozenset(name for name, info in FIELDS.items() if info.parts == ("time",))
USUAL = HttpRequest()


def needs(http: HttpRequest, client: str, request: Request) -> str:
    """Method, URL, what the client comes with, and what else the request needs to be decided as it was.

    `request` are the fields that the rules read: a time that none reads is not told.
    """
    return ", ".join([f"{http.method} {http.scheme}://{http.host}{http.target} {client}", *_parts(http, request)])


def _parts(http: HttpRequest, request: Request) -> Iterator[str]:
    for name, value in http.headers:
        yield f"with header `{_cut(f'{name}: {text(value)}')}`"
    if http.client_ip != USUAL.client_ip:
        yield f"from {http.client_ip}"
    if http.at is not None and not TIMES.isdisjoint(request.fields):
        yield f"at {moment(http.at)}"
    if http.http_version != usual_version(http.scheme) and "http.request.version" in request.fields:
        yield f"over {http.http_version}"
    if http.scheme == "https":
        if http.tls_version != USUAL.tls_version:
            yield f"with {http.tls_version or 'no known version of TLS'}"
        if http.tls_cipher != USUAL.tls_cipher:
            yield f"with cipher {http.tls_cipher or '(none)'}"
    if http.body is not None:
        yield f"with body `{_cut(text(http.body))}`" if http.body else "with an empty body"
    for name, field in http.overrides.items():
        if SAMPLE_FACTS.get(name) != field:
            yield f"with {name} `{_cut(_shown(field))}`"


def moment(at: float) -> str:
    """POSIX seconds as RFC 3339 in UTC; as a number where no calendar has it."""
    try:
        return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return f"{at:.0f}"


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return text(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(_shown(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_shown(key)}: {_shown(item)}' for key, item in value.items())}}}"
    return str(value) if isinstance(value, int | str | IPv4Address | IPv6Address) else repr(value)


def _cut(value: str) -> str:
    return value if len(value) <= MAX_SHOWN else value[: MAX_SHOWN - 1] + "…"
