"""A request with its certificate, and what can be turned on it: the knobs that simulator and test search work with.

A change turns knobs to values. It is applied to the request itself where it can be (path, header, address), so that
every field that follows from it follows; only what nothing in a request stands for is set by hand.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias
from urllib.parse import unquote_plus

from cryptography import x509

from mtls_tui.engine.model import HttpRequest
from mtls_tui.lang.catalogue import CERTIFICATE
from mtls_tui.lang.types import FieldValue

CertificateState: TypeAlias = Literal["none", "unverified", "verified", "revoked"]
"""What the three Booleans of a certificate say together; there is no fifth."""
Side: TypeAlias = Literal["request", "certificate"]
_STATES: dict[CertificateState, tuple[bool, bool, bool]] = {
    "none": (False, False, False),
    "unverified": (True, False, False),
    "verified": (True, True, False),
    "revoked": (True, True, True),
}
Chain: TypeAlias = tuple[x509.Certificate | bytes, ...]


@dataclass(frozen=True, slots=True)
class Knob:
    """One thing that can be changed.

    `kind` is host, path, query, argument, method, header, cookie, ip, scheme,
    http_version, time, body, certificate or field; `name` the header's, cookie's, argument's or field's.
    """

    kind: str
    name: str = ""

    @property
    def side(self) -> Side:
        """Whether it belongs to the request or to the certificate."""
        return "certificate" if self.kind == "certificate" or self.name.startswith(CERTIFICATE) else "request"


@dataclass(frozen=True)
class Turn:
    """One knob turned to a value; None takes a header, cookie or argument away."""

    knob: Knob
    value: Any

    @property
    def key(self) -> tuple[str, str, str]:
        """For comparing and sorting; values may not be hashable."""
        return (self.knob.kind, self.knob.name, repr(self.value))


@dataclass(frozen=True)
class Scenario:
    """A request, the chain it comes with, and when. `at` is aware."""

    http: HttpRequest
    chain: Chain = ()
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    role: str = ""
    """The certificate role that the chain stands for, when it does."""

    def turned(self, turns: Iterable[Turn]) -> Scenario:
        """The scenario with these knobs turned."""
        scenario = self
        for turn in sorted(turns, key=lambda t: t.knob.kind != "certificate"):
            scenario = _turned(scenario, turn)
        return scenario


def state_fields(state: CertificateState) -> dict[str, FieldValue]:
    """The three Booleans of a state."""
    presented, verified, revoked = _STATES[state]
    return {
        f"{CERTIFICATE}cert_presented": presented,
        f"{CERTIFICATE}cert_verified": verified,
        f"{CERTIFICATE}cert_revoked": revoked,
    }


def state_of(presented: bool, verified: bool, revoked: bool) -> CertificateState:
    """The state that three Booleans say."""
    if not presented:
        return "none"
    if not verified:
        return "unverified"
    return "revoked" if revoked else "verified"


def encoded(text: str) -> str:
    """Percent-encode what can't be sent in a request line: blanks, control characters, what is not ASCII.

    Everything else is sent as written, `<` and quotes too: that is how a rule is tested against an attack.
    """
    raw = text.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if 0x20 < byte < 0x7F else f"%{byte:02X}" for byte in raw)


def _turned(scenario: Scenario, turn: Turn) -> Scenario:
    http, value, name = scenario.http, turn.value, turn.knob.name
    match turn.knob.kind:
        case "host":
            http = replace(_without_header(http, "host"), host=value)
        case "path":
            http = replace(http, target=value + _tail(http.target))
        case "query":
            http = replace(http, target=_path(http.target) + (f"?{value}" if value else ""))
        case "target":
            http = replace(http, target=value)
        case "argument":
            http = replace(http, target=_with_argument(http.target, name, value))
        case "method":
            http = replace(http, method=value)
        case "header":
            http = _without_header(http, name)
            if value is not None:
                http = replace(http, headers=(*http.headers, (name, value)))
        case "cookie":
            http = _with_cookie(http, name, value)
        case "ip":
            http = replace(http, client_ip=str(value))
        case "scheme":
            http = replace(http, scheme=value)
        case "http_version":
            http = replace(http, http_version=value)
        case "time":
            return replace(scenario, at=datetime.fromtimestamp(value, UTC), http=replace(http, at=float(value)))
        case "body":
            http = replace(http, body=value, body_truncated=False)
        case "certificate":
            overrides = {**http.overrides, **state_fields(value)}
            if value == "none":
                # Nothing presented: nothing of a certificate remains.
                overrides = {k: v for k, v in overrides.items() if not k.startswith(CERTIFICATE)}
                return replace(scenario, http=replace(http, overrides=overrides), chain=(), role="none")
            http = replace(http, overrides=overrides)
        case "field":
            overrides = {**http.overrides, name: value}
            if (
                turn.knob.side == "certificate"
                and not scenario.chain
                and f"{CERTIFICATE}cert_presented" not in overrides
            ):
                # A serial needs a certificate that has it.
                overrides.update(state_fields("verified"))
            http = replace(http, overrides=overrides)
        case other:
            raise AssertionError(other)
    return replace(scenario, http=http)


def _path(target: str) -> str:
    return target.partition("?")[0]


def _tail(target: str) -> str:
    _, mark, query = target.partition("?")
    return mark + query


def _without_header(http: HttpRequest, name: str) -> HttpRequest:
    return replace(http, headers=tuple(item for item in http.headers if item[0] != name))


def _with_argument(target: str, name: str, value: str | None) -> str:
    path, _, query = target.partition("?")
    pairs = [p for p in query.split("&") if p and unquote_plus(p.partition("=")[0]) != name]
    if value is not None:
        pairs.append(f"{_in_query(name)}={_in_query(value)}")
    return path + (f"?{'&'.join(pairs)}" if pairs else "")


def _in_query(text: str) -> str:
    """Fields of the query hold it undecoded, so as much as possible stays as it is; `&` and `#` can't."""
    return encoded(text).replace("&", "%26").replace("#", "%23")


def _with_cookie(http: HttpRequest, name: str, value: str | None) -> HttpRequest:
    text = b"; ".join(v for n, v in http.headers if n == "cookie").decode("latin-1")
    crumbs = [crumb.strip() for crumb in text.split(";")]
    kept = [crumb for crumb in crumbs if crumb and crumb.partition("=")[0] != name]
    if value is not None:
        kept.append(f"{name}={value}")
    http = _without_header(http, "cookie")
    return replace(http, headers=(*http.headers, ("cookie", "; ".join(kept).encode("latin-1")))) if kept else http
