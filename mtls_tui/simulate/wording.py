"""Sentences about a simulation: what was decided and why, and what a change means. Plain text, safe to show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mtls_tui.engine.trace import Absent, Step
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import FIELDS
from mtls_tui.pki.errors import Code, VerifyError
from mtls_tui.search.changes import Turnaround
from mtls_tui.search.scenario import Scenario, Turn
from mtls_tui.simulate.simulation import Simulation
from mtls_tui.simulate.style import safe

MOST: Final = 72
"""Characters of a value that are shown."""


def verdict_word(action: str) -> str:
    """ALLOWED, BLOCKED, CHALLENGED."""
    if action == "allow":
        return "ALLOWED"
    return "BLOCKED" if action == "block" else "CHALLENGED"


def headline(simulation: Simulation) -> str:
    """`BLOCKED by rule 1 mtls-api` in one line."""
    decision = simulation.decision
    word = verdict_word(decision.action)
    deciding = simulation.deciding
    if decision.rule is not None and deciding is not None:
        how = f" ({decision.action})" if word == "CHALLENGED" else ""
        return f"{word}{how} by rule {deciding.position} {safe(decision.rule.ref)}"
    if decision.skipped_by is not None and deciding is not None:
        return f"{word}: rule {deciding.position} {safe(decision.skipped_by.ref)} skips the rest"
    if decision.blocked:
        return f"{word}: {safe(decision.reason)}"
    return f"{word}: no rule blocks it"


def certificate_line(simulation: Simulation, *, why: bool = True) -> str:
    """What the certificate is worth on this host, in one sentence; with `why`, the error too."""
    verification = simulation.verification
    if simulation.host is None:
        return f"the policy has no host `{safe(simulation.http.host, MOST)}`: no certificate is asked for"
    if not simulation.mtls:
        asked = "it is not looked at" if simulation.scenario.chain else "none is asked for"
        return f"{safe(simulation.host)} does not use mTLS: {asked}"
    if not verification.presented:
        return "none was presented"
    if verification.revoked:
        return "verified, and revoked" + (f": {safe(str(verification.error))}" if why else "")
    if verification.verified:
        return "verified, not revoked"
    return "not verified" + (f": {safe(str(verification.error))}" if why else "")


def value_text(value: Any) -> str:
    """A field's value as the language writes it, cut to a sensible length."""
    match value:
        case bytes():
            return '"' + safe(value, MOST).replace('"', '\\"') + '"'
        case bool():
            return "true" if value else "false"
        case Absent():
            return value.value
        case Mapping():
            return _cut("{" + ", ".join(f"{value_text(k)}: {value_text(v)}" for k, v in list(value.items())[:6]) + "}")
        case list() | tuple():
            return _cut("[" + ", ".join(value_text(item) for item in value[:6]) + (", …" if value[6:] else "") + "]")
    return safe(str(value), MOST)


def seen_text(step: Step) -> str:
    """The values that a clause looked at: of a map, the entry."""
    seen = {part.text: part.value for part in _looked_at(step)}
    if len(seen) == 1:
        return value_text(next(iter(seen.values())))
    return ", ".join(f"{safe(text)}: {value_text(value)}" for text, value in seen.items())


def _looked_at(step: Step) -> Iterator[Step]:
    if isinstance(step.node, ast.Field | ast.Index):
        yield step
    else:
        for child in step.children:
            yield from _looked_at(child)


def turn_text(turn: Turn, scenario: Scenario, error: VerifyError | None = None) -> str:
    """One turn in words: `path /hook/`, `a certificate valid now`."""
    value, name = turn.value, safe(turn.knob.name)
    kind = turn.knob.kind
    if kind == "certificate":
        return _state_text(value, scenario, error)
    if kind in ("header", "cookie", "argument"):
        what = "query argument" if kind == "argument" else kind
        if value is None:
            return f"without {what} {name}"
        shown = safe(value, MOST)
        return f"{what} {name}: {shown}" if kind == "header" else f"{what} {name}={shown}"
    if kind == "field":
        info = FIELDS.get(turn.knob.name)
        label = f"{info.label} " if info else ""
        return f"{label}({name} = {value_text(value)})"
    if kind == "time":
        return f"at {value} (POSIX seconds)"
    if kind == "body":
        return f"body {value_text(value)}" if value else "an empty body"
    words = {"ip": "client address", "http_version": "protocol", "target": "path and query"}
    shown = safe(value if isinstance(value, bytes) else str(value), MOST)
    return f"{words.get(kind, kind)} {shown}" if shown else f"no {words.get(kind, kind)}"


def change_text(change: Turnaround, simulation: Simulation) -> str:
    """All turns of a change."""
    error = simulation.verification.error
    return ", and ".join(turn_text(turn, simulation.scenario, error) for turn in change.turns)


def _state_text(state: str, scenario: Scenario, error: VerifyError | None) -> str:
    if state == "none":
        return "no certificate"
    if state == "unverified":
        return "a certificate that does not verify"
    if state == "revoked":
        return "a certificate that verifies but is revoked"
    if not scenario.chain:
        return "a client certificate that this host trusts"
    match error.number if error else 0:
        case Code.CERT_HAS_EXPIRED | Code.CERT_NOT_YET_VALID:
            return "a certificate that is valid now"
        case Code.CERT_REVOKED:
            return "a certificate that is not revoked"
        case Code.INVALID_PURPOSE:
            return "a certificate for client authentication"
        case Code.UNABLE_TO_GET_ISSUER_CERT_LOCALLY | Code.SELF_SIGNED_CERT_IN_CHAIN | Code.DEPTH_ZERO_SELF_SIGNED_CERT:
            return "a certificate from an authority that this host trusts"
        case Code.UNABLE_TO_GET_CRL | Code.CRL_HAS_EXPIRED | Code.CRL_NOT_YET_VALID:
            return "a current revocation list of the authority, then the same certificate"
    return "a certificate that verifies"


def _cut(text: str) -> str:
    return text if len(text) <= 2 * MOST else text[: 2 * MOST - 1] + "…"
