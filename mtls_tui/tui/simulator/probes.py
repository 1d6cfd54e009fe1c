"""The simulator's request in its forms: as typed, as a curl command, as a test of the file, as the engine takes it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mtls_tui.rulefile import TestEntry
from mtls_tui.tui.drawing.safe_text import decode
from mtls_tui.tui.state.content import Probe
from mtls_tui.tui.state.results import ShownVerdict

if TYPE_CHECKING:
    from mtls_tui.engine.model import HttpRequest

_PEM = re.compile(
    r"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----.*?-----END (?:X509 |TRUSTED )?CERTIFICATE-----", re.S
)


def certificates_only(text: str) -> str:
    """The certificates of a PEM text and nothing else: no key may get into the document."""
    return "\n".join(match.group(0) for match in _PEM.finditer(text))


def from_form(probe: Probe, values: dict[str, str]) -> Probe | str:
    """The request with the form's values, or what is wrong with them."""
    headers: list[tuple[str, str]] = []
    for part in _split(values["headers"]):
        name, colon, value = part.partition(":")
        if not colon or not name.strip():
            return f"`{part}` is not a header: write it as Name: value"
        headers.append((name.strip(), value.strip()))
    overrides: list[tuple[str, str]] = []
    for part in _split(values["overrides"]):
        name, equals, value = part.partition("=")
        if not equals:
            return f"`{part}` is not an override: write it as field=value"
        overrides.append((name.strip(), value.strip()))
    changed = replace(
        probe,
        method=values["method"].strip().upper() or "GET",
        url=values["url"].strip(),
        ip=values["ip"].strip(),
        at=values["at"].strip(),
        headers=tuple(headers),
        body=values["body"],
        overrides=tuple(overrides),
    )
    try:
        to_http(changed)
    except ValueError as error:
        return str(error)
    return changed


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


@dataclass(frozen=True, slots=True)
class FromCurl:
    """The request of a curl command, what the reader should know, and the passphrase of the certificate it names.

    The passphrase stays in memory only, never in the document.
    """

    probe: Probe
    notes: tuple[str, ...] = ()
    passphrase: str | None = field(default=None, repr=False)


def from_curl(probe: Probe, text: str) -> FromCurl | str:
    """The request of a curl command, with the certificate that it names; or what is wrong with it."""
    from mtls_tui.simulate.errors import RequestError
    from mtls_tui.simulate.requests.curl import parse_curl
    from mtls_tui.simulate.requests.message import url_of

    try:
        command = parse_curl(text)
    except RequestError as error:
        return str(error)
    http = command.http
    certificate = command.certificate
    kept = [(name, decode(value)) for name, value in http.headers if name not in {"host", "content-length"}]
    made = replace(
        probe,
        method=http.method,
        url=url_of(http),
        headers=tuple(kept),
        body=decode(http.body) if http.body else "",
        certificate=certificate.path if certificate else probe.certificate,
        pem="" if certificate else probe.pem,
    )
    return FromCurl(made, command.notes, certificate.passphrase if certificate else None)


def from_test(test: TestEntry) -> Probe:
    """A test of the file as a request of the simulator."""
    headers: list[tuple[str, str]] = []
    for name, value in test.headers.items():
        headers += [(name, one) for one in ((value,) if isinstance(value, str) else value)]
    at = test.at
    shown = "" if at is None else at.isoformat() if isinstance(at, datetime) else str(at)
    return Probe(
        name=test.name,
        method=test.method,
        url=test.url,
        headers=tuple(headers),
        body=test.body or "",
        ip=test.ip or "",
        at=shown,
        certificate=test.certificate,
        overrides=tuple((name, _plain(value)) for name, value in test.set.items()),
    )


def _plain(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value, default=str)


def to_test(probe: Probe, verdict: ShownVerdict, taken: set[str]) -> dict[str, Any]:
    """The request as a new test that expects the verdict."""
    from mtls_tui.rulefile.edit import fresh_name

    name = probe.name or f"{probe.method} {_path(probe.url)} with {probe.certificate or 'none'}"
    if name in taken:
        name = fresh_name(name, taken, " ")
    expect: dict[str, Any] = {"action": verdict.action}
    if verdict.rule:
        expect["rule"] = verdict.rule
    headers: dict[str, Any] = {}
    for key, value in probe.headers:
        headers[key] = value if key not in headers else (*_several(headers[key]), value)
    test: dict[str, Any] = {
        "name": name,
        "url": probe.url,
        "certificate": probe.certificate or "none",
        "expect": expect,
    }
    if probe.method != "GET":
        test["method"] = probe.method
    for key, given in (("headers", headers), ("body", probe.body), ("ip", probe.ip), ("at", probe.at)):
        if given:
            test[key] = given
    if probe.overrides:
        test["set"] = {name: _typed(name, value) for name, value in probe.overrides}
    return test


def _typed(name: str, value: str) -> Any:
    from mtls_tui.simulate.values import field_value, plain

    return plain(field_value(name, value))


def _several(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _path(url: str) -> str:
    rest = url.split("://", 1)[-1]
    return "/" + rest.partition("/")[2] if "/" in rest else "/"


def moment(text: str) -> datetime | None:
    """The time that a text denotes, None for now. Raises ValueError if it is not a time."""
    if not text:
        return None
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return datetime.fromtimestamp(float(text), UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"`{text}` is not a time: write it like 2026-11-24T10:00:00Z") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def to_http(probe: Probe) -> HttpRequest:
    """The request as the engine takes it. Raises ValueError (or its subclass RequestError) if a field is wrong."""
    import ipaddress

    from mtls_tui.simulate.requests.url import from_url
    from mtls_tui.simulate.values import assignment

    ip = probe.ip or "127.0.0.1"
    try:
        ipaddress.ip_address(ip)
    except ValueError:
        raise ValueError(f"`{ip}` is not an address: write it like 192.0.2.1") from None
    at = moment(probe.at)
    http = from_url(
        probe.url,
        method=probe.method or "GET",
        headers=probe.headers,
        body=probe.body.encode() if probe.body else None,
        ip=ip,
        at=at.timestamp() if at is not None else None,
    )
    if probe.overrides:
        http = replace(http, overrides=dict(assignment(f"{name}={value}") for name, value in probe.overrides))
    return http
