"""What one request gets, and why: the same road as the gateway's, with everything written down on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal, TypeAlias

from cryptography import x509

from mtls_tui.engine.explain import explain
from mtls_tui.engine.model import TERMINATING, Decision, HttpRequest, Request, Rule
from mtls_tui.engine.policy import Policy
from mtls_tui.engine.trace import Trace
from mtls_tui.lang.types import Fields
from mtls_tui.pki import Verification
from mtls_tui.search.changes import Search, Turnaround, turnarounds
from mtls_tui.search.scenario import Scenario, Turn
from mtls_tui.search.solve import Solver
from mtls_tui.simulate.as_served import chain_as_served, handshake_problem
from mtls_tui.simulate.certificate_facts import CertificateFact, certificate_facts

_NOT_ASKED = Verification(False, False, False, None)
Course: TypeAlias = Literal["decided", "logged", "shadowed", "skipped the rest", "no match", "not reached", "disabled"]


@dataclass(frozen=True)
class RuleView:
    """One rule in one simulation. `position` counts from 1 over all rules, disabled ones included."""

    rule: Rule
    position: int
    course: Course
    fields: Fields
    lists: Mapping[str, Any]

    @cached_property
    def trace(self) -> Trace:
        """Every node of the rule's expression with its value; made when it is asked for."""
        return explain(self.rule.expression, self.fields, lists=self.lists)


@dataclass(frozen=True)
class Simulation:
    """The decision about one request, and everything that led to it."""

    policy: Policy
    scenario: Scenario
    decision: Decision
    request: Request
    verification: Verification
    host: str | None
    """The host of the policy that the request belongs to; None when the policy has none of that name."""
    mtls: bool
    """Whether that host asks for a certificate."""
    rules: tuple[RuleView, ...]
    certificate: tuple[CertificateFact, ...]

    @property
    def http(self) -> HttpRequest:
        """The request as it was sent."""
        return self.scenario.http

    @property
    def allowed(self) -> bool:
        """Whether the request goes on to the upstream."""
        return not self.decision.blocked

    @property
    def deciding(self) -> RuleView | None:
        """The rule that ended the evaluation: a terminating one, or a skip."""
        return next((view for view in self.rules if view.course in ("decided", "skipped the rest")), None)

    @cached_property
    def changes(self) -> tuple[Turnaround, ...]:
        """The smallest changes that turn the decision around, each tried; searched for when asked for."""
        return turnarounds(search_of(self.policy, self.scenario), self.scenario, self.decision)

    @property
    def to_let_in(self) -> tuple[Turnaround, ...]:
        """Changes after which this blocked request is allowed; empty for an allowed one."""
        return () if self.allowed else self.changes

    @property
    def to_block(self) -> tuple[Turnaround, ...]:
        """Changes after which this allowed request is blocked; empty for a blocked one."""
        return self.changes if self.allowed else ()


def simulate(
    policy: Policy,
    http: HttpRequest,
    chain: Sequence[x509.Certificate | bytes] = (),
    at: datetime | None = None,
) -> Simulation:
    """Decide about one request as the gateway would, at a time (default: the request's own, else now)."""
    if at is None:
        at = datetime.fromtimestamp(http.at, UTC) if http.at is not None else datetime.now(UTC)
    if http.at is None:
        http = replace(http, at=at.timestamp())
    scenario = Scenario(http, tuple(chain_as_served(chain)[0]), at)
    outcome = policy.decide(http, scenario.chain, at, everything=True)
    verification = outcome.verification or _NOT_ASKED
    host = outcome.host
    problem = handshake_problem(scenario.chain) if host and host.mtls else ""
    decision = Decision("block", reason=problem) if problem else outcome.decision
    return Simulation(
        policy=policy,
        scenario=scenario,
        decision=decision,
        request=outcome.request,
        verification=verification,
        host=host.name if host else None,
        mtls=bool(host and host.mtls),
        rules=tuple(_courses(policy, decision, outcome.request)),
        certificate=certificate_facts(scenario.chain, verification, at),
    )


def search_of(policy: Policy, scenario: Scenario) -> Search:
    """How the search for changes asks this policy."""
    host = policy.host(scenario.http.host)

    def fields_of(other: Scenario) -> Fields:
        return policy.request(other.http, other.chain, other.at)[0].fields

    def decide(other: Scenario) -> Decision:
        return policy.decide(other.http, other.chain, other.at).decision

    def unreal(turn: Turn) -> bool:
        # A host without mTLS asks for no certificate, so none can change anything.
        return turn.knob.side == "certificate" and not (host and host.mtls)

    ruleset = policy.ruleset
    able = set(ruleset.index.positions_for_host((host.name if host else scenario.http.host).encode()))
    near = [rule for position, rule in enumerate(ruleset.enabled) if position in able]
    far = [rule for position, rule in enumerate(ruleset.enabled) if position not in able]
    return Search(
        ruleset.enabled,
        (*near, *far),
        Solver(fields_of, ruleset.lists, hosts=concrete_hosts(policy), skip=unreal),
        decide,
        concrete_hosts(policy),
    )


def concrete_hosts(policy: Policy) -> tuple[str, ...]:
    """Names of the hosts that a policy serves, `www.` in the place of a wildcard."""
    return tuple(name.replace("*", "www", 1) for name in policy.hosts)


def _courses(policy: Policy, decision: Decision, request: Request) -> Sequence[RuleView]:
    views = []
    # Without a rule that blocks, the policy itself refused the request before any rule was asked.
    ended = decision.blocked and decision.rule is None
    for position, rule in enumerate(policy.ruleset.rules, 1):
        course: Course = "no match"
        if not rule.enabled:
            course = "disabled"
        elif ended:
            course = "not reached"
        elif rule.ref == decision.ended_by:
            course = "decided" if decision.rule is not None else "skipped the rest"
            ended = True
        elif any(logged.ref == rule.ref for logged in decision.logged):
            course = "shadowed" if rule.shadow and rule.action in TERMINATING else "logged"
        views.append(RuleView(rule, position, course, request.fields, policy.ruleset.lists))
    return views
