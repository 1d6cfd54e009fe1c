"""A simulation as JSON. These structs, and the records in them, are the format.

`data/simulation.schema.json` is made from them.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from mtls_tui.engine.trace import plain
from mtls_tui.search.changes import Turnaround
from mtls_tui.simulate.certificate_facts import CertificateFact
from mtls_tui.simulate.requests.message import to_json
from mtls_tui.simulate.simulation import Course, RuleView, Simulation
from mtls_tui.simulate.wording import certificate_line, change_text, headline

Verdict = Literal["allow", "block", "managed_challenge", "js_challenge", "challenge"]


class RuleRef(msgspec.Struct, frozen=True):
    """A rule by its ref; `position` counts from 1."""

    ref: str
    position: int
    action: str
    description: str = ""


class RuleDocument(msgspec.Struct, frozen=True):
    """What became of one rule. `trace` is there for the deciding rule, or with --explain for every evaluated one."""

    ref: str
    position: int
    action: str
    course: Course
    trace: dict[str, Any] | None = None


class ErrorDocument(msgspec.Struct, frozen=True):
    """Why a chain does not verify, or is revoked; number and name are OpenSSL's, depth counts from the leaf."""

    number: int
    name: str
    message: str
    depth: int


class CertificateDocument(msgspec.Struct, frozen=True):
    """The client certificate on this host."""

    asked: bool
    presented: bool
    verified: bool
    revoked: bool
    summary: str
    error: ErrorDocument | None = None
    facts: list[CertificateFact] = []


class TurnDocument(msgspec.Struct, frozen=True):
    """One thing to change, and to what; null takes it away. Kind `field` sets a field of the language by hand."""

    kind: str
    name: str
    value: Any


class ChangeDocument(msgspec.Struct, frozen=True):
    """A smallest change that turns the verdict around; `request` is the request after it."""

    side: Literal["request", "certificate", "both"]
    text: str
    verdict: Verdict
    rule: str | None
    turns: list[TurnDocument]
    request: dict[str, Any]


class SimulationDocument(msgspec.Struct, frozen=True):
    """What one request gets, and why."""

    verdict: Verdict
    allowed: bool
    summary: str
    reason: str
    rule: RuleRef | None
    skipped_by: RuleRef | None
    logged: list[str]
    request: dict[str, Any]
    at: str
    host: str | None
    certificate: CertificateDocument
    rules: list[RuleDocument]
    fields: dict[str, Any]
    to_let_in: list[ChangeDocument]
    to_block: list[ChangeDocument]
    notes: list[str] = []
    format: Literal["mtls-tui simulation 1"] = "mtls-tui simulation 1"


def document(
    simulation: Simulation, *, explain: bool = False, notes: tuple[str, ...] = ()
) -> SimulationDocument:  # fmt: skip
    """The simulation as data for JSON."""
    decision, verification = simulation.decision, simulation.verification
    error = verification.error
    return SimulationDocument(
        verdict=decision.action,  # type: ignore[arg-type]
        allowed=simulation.allowed,
        summary=headline(simulation),
        reason=decision.reason,
        rule=_ref(simulation, decision.rule.ref if decision.rule else None),
        skipped_by=_ref(simulation, decision.skipped_by.ref if decision.skipped_by else None),
        logged=[rule.ref for rule in decision.logged],
        request=to_json(simulation.http),
        at=simulation.scenario.at.isoformat(),
        host=simulation.host,
        certificate=CertificateDocument(
            asked=simulation.mtls,
            presented=verification.presented,
            verified=verification.verified,
            revoked=verification.revoked,
            summary=certificate_line(simulation),
            error=ErrorDocument(error.number, error.name, error.message, error.depth) if error else None,
            facts=list(simulation.certificate),
        ),
        rules=[_rule(view, simulation, explain) for view in simulation.rules],
        fields={name: plain(value) for name, value in sorted(simulation.request.fields.items())},
        to_let_in=[_change(change, simulation) for change in simulation.to_let_in],
        to_block=[_change(change, simulation) for change in simulation.to_block],
        notes=list(notes),
    )


def schema() -> dict[str, Any]:
    """The JSON Schema of the document."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mtls-tui simulation",
        **msgspec.json.schema(SimulationDocument),
    }


def _ref(simulation: Simulation, ref: str | None) -> RuleRef | None:
    view = next((view for view in simulation.rules if view.rule.ref == ref), None)
    return RuleRef(view.rule.ref, view.position, view.rule.action, view.rule.description) if view else None


def _rule(view: RuleView, simulation: Simulation, explain: bool) -> RuleDocument:
    evaluated = view.course not in ("not reached", "disabled")
    told = view is simulation.deciding or (explain and evaluated)
    return RuleDocument(
        view.rule.ref,
        view.position,
        view.rule.action,
        view.course,
        view.trace.to_dict() if told else None,
    )


def _change(change: Turnaround, simulation: Simulation) -> ChangeDocument:
    rule = change.decision.rule
    return ChangeDocument(
        side=change.side,  # type: ignore[arg-type]
        text=change_text(change, simulation),
        verdict=change.decision.action,  # type: ignore[arg-type]
        rule=rule.ref if rule else None,
        turns=[TurnDocument(turn.knob.kind, turn.knob.name, plain(turn.value)) for turn in change.turns],
        request=to_json(change.scenario.http),
    )
