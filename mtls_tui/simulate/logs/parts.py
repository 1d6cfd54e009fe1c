"""What a log line can tell about a request: its parts, and the fields that follow from each.

A part is one thing that a log writes down (host, target, user agent, the proxy's verdict on the certificate). A field
is known only when all parts that it is made of are known; all other fields are *unknown* and must never decide
anything by a default.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from mtls_tui.engine.fields_of import canonical_field
from mtls_tui.engine.model import HttpRequest
from mtls_tui.lang.catalogue import FIELDS, FieldInfo, RequestPart
from mtls_tui.lang.types import FieldValue
from mtls_tui.simulate.errors import RequestError
from mtls_tui.simulate.values import field_value

_NAMES: Final[dict[RequestPart, str]] = {"client": "ip"}
"""Parts of the catalogue that are called otherwise in logs."""
_UNTOLD: Final[frozenset[RequestPart]] = frozenset({"certificate", "body", "port", "edge"})
"""What no log tells as a part. Of a certificate it tells the proxy's verdict (`verify`), and that gives fields."""
_BY_TLS: Final[frozenset[RequestPart]] = frozenset({"tls_version", "tls_cipher"})
"""Parts that say by themselves whether the connection was encrypted."""
HEADER_PARTS: Final = {info.header.replace("-", "_"): info.header for info in FIELDS.values() if info.header}
"""The headers that logs tell one by one."""


def _parts_of(info: FieldInfo) -> tuple[str, ...]:
    """What a log has to tell so that a field is known."""
    if info.header:
        return (info.header.replace("-", "_"),)
    by_tls = not _BY_TLS.isdisjoint(info.parts)
    return tuple(_NAMES.get(part, part) for part in info.parts if not (by_tls and part == "scheme"))


PARTS_OF_FIELD: Final = {
    name: _parts_of(info) for name, info in FIELDS.items() if _UNTOLD.isdisjoint(info.parts)
}  # fmt: skip
"""The parts that a field is computed from. Any other field is known only when the log has it by its name."""
URI_PARTS: Final = ("path", "query")
COMPOSITE: Final[dict[str, tuple[str, ...]]] = {
    "request": ("method", "path", "query", "http_version"),
    "target": URI_PARTS,
    "url": ("scheme", "host", *URI_PARTS),
}
"""Parts that hold several: a request line, a request target, a URL."""
PARTS: Final = frozenset().union(*PARTS_OF_FIELD.values(), COMPOSITE, ("verify",)) - {"headers"}
_CERTIFICATE: Final = "cf.tls_client_auth."
EMPTY: Final = ("", "-")
"""How logs write that there is nothing."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one line told: the request, fields it gave directly, and the parts that are known."""

    http: HttpRequest
    fields: Mapping[str, FieldValue]
    parts: frozenset[str]

    def knows(self, field: str) -> bool:
        """Whether this field's value follows from the line."""
        if field in self.fields:
            return True
        needed = PARTS_OF_FIELD.get(field)
        return needed is not None and self.parts.issuperset(needed)


def wanted_parts(fields: Iterable[str]) -> frozenset[str]:
    """The parts (or field names) that a log should give so that these fields are known."""
    wanted: set[str] = set()
    for field in fields:
        wanted.update(PARTS_OF_FIELD.get(field, (field,)))
        if field.startswith(_CERTIFICATE):
            wanted.update(("verify", field))
    return frozenset(wanted)


def provides(part: str) -> tuple[str, ...]:
    """The simple parts that a part of a log gives."""
    return COMPOSITE.get(part, (part,))


def check_part(name: str) -> None:
    """Raises RequestError for a name that is neither a part nor a field."""
    if name not in PARTS and name not in FIELDS:
        raise RequestError(
            f"`{name}` is nothing that a log can be mapped to; use a field such as http.host, or one of "
            + ", ".join(sorted(PARTS))
        )


def reading(given: Mapping[str, str | int | bool], statuses: StatusReader | None = None) -> Reading:
    """What the values of one line tell. Raises RequestError if one of them can't be what it claims to be."""
    known: set[str] = set()
    parts: dict[str, str] = {}
    fields: dict[str, FieldValue] = {}
    for name, value in given.items():
        if name == "request":
            _request_line(str(value), parts)
        elif name == "target":
            _target(str(value), parts)
        elif name == "url":
            _url(str(value), parts)
        elif name == "verify":
            fields.update((statuses or verify_status)(str(value)))
        elif name in PARTS:
            parts[name] = "" if value == "-" else str(value)
        else:
            fields[canonical_field(name)] = field_value(name, "" if value == "-" else value)
    known.update(parts)
    headers = (
        ()
        if parts.keys().isdisjoint(HEADER_PARTS)
        else tuple(
            (header, parts[part].encode("utf-8", "surrogateescape"))
            for part, header in HEADER_PARTS.items()
            if parts.get(part)
        )
    )
    version = parts.get("http_version", "")
    if not version:
        known.discard("http_version")
    at = _time(parts["time"]) if "time" in parts else None
    if at is None:
        known.discard("time")
    if "ip" in parts and (parts["ip"] or None) is None:
        known.discard("ip")
    query = parts.get("query", "")
    return Reading(
        HttpRequest(
            method=parts.get("method", "GET"),
            scheme=parts.get("scheme", "https").lower(),
            host=parts.get("host", ""),
            target=(parts.get("path") or "/") + (f"?{query}" if query else ""),
            headers=headers,
            client_ip=_address(parts["ip"]) if parts.get("ip") else "0.0.0.0",  # noqa: S104 - marked unknown above
            http_version=_version(version) if version else "HTTP/2",
            tls_version=parts.get("tls_version", "TLSv1.3"),
            tls_cipher=parts.get("tls_cipher") or "",
            at=at,
        ),
        fields,
        frozenset(known),
    )


StatusReader = Callable[[str], dict[str, FieldValue]]


def certificate_status(
    presented: bool | None, verified: bool | None, revoked: bool | None
) -> dict[str, FieldValue]:  # fmt: skip
    """The three Booleans, without those that are unknown."""
    values = {"presented": presented, "verified": verified, "revoked": revoked}
    return {f"{_CERTIFICATE}cert_{name}": value for name, value in values.items() if value is not None}


def verify_status(text: str) -> dict[str, FieldValue]:
    """Nginx's `$ssl_client_verify`: NONE, SUCCESS, FAILED:reason. A chain whose leaf is revoked counts as verified."""
    word, _, reason = text.partition(":")
    match word.strip().upper():
        case "NONE" | "" | "-":
            return certificate_status(False, False, False)
        case "SUCCESS" | "OK":
            return certificate_status(True, True, False)
        case "FAILED":
            # OpenSSL stops at the first error, so a revoked certificate that is expired as well may say either.
            revoked = "revoked" in reason.lower()
            return certificate_status(True, revoked, revoked)
    return {}


def logpush_status(text: str) -> dict[str, FieldValue]:
    """Cloudflare Logpush's ClientMTLSAuthStatus: ok, absent, untrusted, notyetvalid, expired, unknown.

    `ok` says nothing about revocation, so that stays unknown.
    """
    match text.strip().lower():
        case "ok":
            return certificate_status(True, True, None)
        case "absent":
            return certificate_status(False, False, False)
        case "untrusted" | "notyetvalid" | "expired":
            return certificate_status(True, False, False)
    return {}


def _request_line(text: str, parts: dict[str, str]) -> None:
    """`GET /path HTTP/1.1`; a line that isn't one (a TLS handshake on a plain port) is not a request."""
    pieces = text.split(" ")
    if len(pieces) < 2 or not pieces[0] or not re.fullmatch(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", pieces[0]):
        raise RequestError("the request line is malformed")
    parts["method"] = pieces[0]
    if len(pieces) > 2 and pieces[-1].startswith("HTTP/"):
        parts["http_version"] = pieces.pop()
    _target(" ".join(pieces[1:]), parts)


def _target(text: str, parts: dict[str, str]) -> None:
    if re.match(r"https?://", text, re.I):  # absolute form, RFC 9112 3.2.2
        _url(text, parts)
        return
    path, _, query = text.partition("?")
    parts["path"], parts["query"] = path, query


def _url(text: str, parts: dict[str, str]) -> None:
    match = re.match(r"(https?)://([^/?#]*)([^?#]*)(?:\?([^#]*))?", text, re.I)
    if match is None:
        raise RequestError("the URL is malformed")
    parts["scheme"], parts["host"] = match[1].lower(), match[2].rpartition("@")[2]
    parts["path"], parts["query"] = match[3] or "/", match[4] or ""


@lru_cache(maxsize=8192)
def _address(text: str) -> str:
    bare = text.strip()
    if bare.count(":") == 1:  # Envoy writes the client's address with its port
        bare = bare.partition(":")[0]
    elif bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    try:
        return str(ip_address(bare))
    except ValueError:
        raise RequestError("the client's address is not an IP address") from None


def _version(text: str) -> str:
    version = text.upper().removeprefix("HTTP/").removesuffix(".0")
    return {"1": "HTTP/1.0", "1.1": "HTTP/1.1", "2": "HTTP/2", "3": "HTTP/3"}.get(version, text)


def _time(text: str) -> float | None:
    """POSIX seconds, milli- or nanoseconds; RFC 3339; nginx's `$time_local` (20/Nov/2026:10:00:00 +0000)."""
    try:
        number = float(text)
    except (ValueError, OverflowError):
        number = -1.0
    if 0 <= number < math.inf:
        while number > 1e11:
            number /= 1000
        return number
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        pass
    try:
        return datetime.strptime(text, "%d/%b/%Y:%H:%M:%S %z").timestamp()
    except (ValueError, OverflowError):
        return None
