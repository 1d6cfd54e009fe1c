"""Truth marks for the builder's rows, from the engine's trace; and the verdict's reason in the builder's words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mtls_tui.engine.trace import Absent, Step, Trace
from mtls_tui.lang.catalogue import VERIFIED
from mtls_tui.lang.describe import describe
from mtls_tui.lang.tree import Path
from mtls_tui.pki.errors import Code
from mtls_tui.tui.drawing.safe_text import decode
from mtls_tui.tui.state.edited_rule import EditedRule
from mtls_tui.tui.state.results import Mark, Truth
from mtls_tui.tui.state.rows import BuilderRow, rows_of

if TYPE_CHECKING:
    from mtls_tui.pki import Verification
    from mtls_tui.simulate.simulation import Simulation


def of(edited: EditedRule, trace: Trace, verification: Verification | None) -> Mapping[Path, Mark]:
    """A mark for each row of the builder that isn't muted."""
    assert edited.full is not None
    found: dict[Path, Mark] = {}
    for row, path in pairs(edited):
        step = trace.at(path)
        if step is not None:
            found[row.path] = _mark(step, row, verification)
    return MappingProxyType(found)


def pairs(edited: EditedRule) -> list[tuple[BuilderRow, Path]]:
    """Each active row with the path of its node in the expression without muted clauses."""
    assert edited.full is not None and edited.effective is not None
    rows = [row for row in rows_of(edited.full, edited.muted) if row.kind != "close" and not row.muted]
    if not edited.muted:
        return [(row, row.path) for row in rows]
    # Clauses keep their order when others go; a group is where its clauses' paths part.
    left = [row.path for row in rows_of(edited.effective) if row.kind == "clause"]
    clauses = [row for row in rows if row.kind == "clause"]
    places = {row.path: path for row, path in zip(clauses, left, strict=False)}
    found: list[tuple[BuilderRow, Path]] = []
    for row in rows:
        if row.kind == "clause":
            found.append((row, places[row.path]))
            continue
        inner = [path for known, path in places.items() if known[: len(row.core)] == row.core]
        if inner:
            found.append((row, _common(inner)))
    return found


def _common(paths: list[Path]) -> Path:
    first, last = min(paths), max(paths)
    length = 0
    while length < min(len(first), len(last)) and first[length] == last[length]:
        length += 1
    return first[:length]


def _mark(step: Step, row: BuilderRow, verification: Verification | None) -> Mark:
    truth: Truth = "unknown"
    if step.mark in ("true", "false", "not reached", "unknown"):
        truth = step.mark
    decisive = any(inner.decisive for inner in step.walk())
    return Mark(truth, "" if row.kind == "open" else seen(step, verification), decisive)


def seen(step: Step, verification: Verification | None) -> str:
    """The values that a clause looked at, as short as possible."""
    values = step.seen
    if not values:
        return ""
    parts = []
    for name, value in values.items():
        if name == VERIFIED and value is False and verification is not None and verification.error is not None:
            parts.append(short_error(verification))
        elif isinstance(value, bool):
            parts.append("" if len(values) == 1 else f"{name.rsplit('.', 1)[-1]} {'yes' if value else 'no'}")
        else:
            parts.append(shown(value))
    return ", ".join(part for part in parts if part)


_SHORT = {
    Code.UNABLE_TO_GET_CRL: "no CRL",
    Code.CRL_HAS_EXPIRED: "stale CRL",
    Code.CERT_NOT_YET_VALID: "not valid yet",
    Code.CERT_HAS_EXPIRED: "expired",
    Code.CERT_REVOKED: "revoked",
    Code.DEPTH_ZERO_SELF_SIGNED_CERT: "self-signed",
    Code.SELF_SIGNED_CERT_IN_CHAIN: "unknown authority",
    Code.UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "unknown issuer",
    Code.INVALID_PURPOSE: "wrong purpose",
    Code.CERT_SIGNATURE_FAILURE: "bad signature",
    Code.EE_KEY_TOO_SMALL: "key too small",
    Code.PERMITTED_VIOLATION: "name not permitted",
    Code.EXCLUDED_VIOLATION: "name excluded",
}


def short_error(verification: Verification) -> str:
    """The reason why a certificate doesn't verify, in a word or two."""
    error = verification.error
    assert error is not None
    return _SHORT.get(error.number, error.message)  # type: ignore[call-overload, no-any-return]


def shown(value: Any) -> str:
    """A value as text, without quotes."""
    if isinstance(value, Absent):
        return value.value
    if isinstance(value, bytes):
        return decode(value) if value else '""'
    if isinstance(value, list):
        return f"[{', '.join(shown(item) for item in value[:8])}{', …' if len(value) > 8 else ''}]"
    if isinstance(value, dict):
        return f"{len(value)} keys"
    return str(value)


def reason(trace: Trace, simulation: Simulation) -> str:
    """Why the deciding rule matched: because of the certificate where that is it, else the clauses that sufficed."""
    steps = trace.reasons
    about = any(name.startswith("cf.tls_client_auth.") for step in steps for name in step.seen)
    verification = simulation.verification
    if about and simulation.mtls and verification is not None:
        if not verification.presented:
            return "because no client certificate was presented"
        if verification.revoked:
            return f"because {verification.error.message}" if verification.error else "because it is revoked"
        if verification.error is not None:
            return f"because {verification.error.message}"
    words = []
    for step in steps:
        if not step.is_condition:
            continue
        text = describe(step.node).words  # type: ignore[arg-type]
        words.append(text if step.value is True else f"not {text}")
    return (
        f"because {' and '.join(words[:3])}{' …' if len(words) > 3 else ''}"
        if words
        else "since it matches every request"
    )
