"""Which road the requests to a host take: inside Envoy, or to the decision service, and what that is asked. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mtls_tui.engine.bundle import BundleHost
from mtls_tui.engine.fields_of import fields_of
from mtls_tui.engine.policy import Policy
from mtls_tui.gateway.decision import REFUSED
from mtls_tui.gateway.envoy.hostplan import Ask, HostPlan, Upstream
from mtls_tui.gateway.envoy.inside import Program, program
from mtls_tui.gateway.parts import parts_of
from mtls_tui.gateway.settings import Settings
from mtls_tui.lang.catalogue import FIELDS


def plan_of(host: BundleHost, upstream: Upstream, policy: Policy, settings: Settings) -> HostPlan:
    """How requests to a host are decided."""
    fields = fields_read(host, policy)
    ask: Ask = ask_for(fields) if fields is not None else "nothing"
    if ask == "nothing" and host.mtls and settings.upstream_headers:
        ask = "plain"  # the upstream learns of the certificate from our answer
    plan = HostPlan(host.name, host.mtls, upstream, ask)
    return plan if ask == "nothing" else with_program(plan, policy, settings)


def with_program(plan: HostPlan, policy: Policy, settings: Settings) -> HostPlan:
    """The plan with the rules that run inside Envoy, or with the reason why the decision service is always asked."""
    if not settings.remember_seconds:
        return replace(plan, why_asked="nothing may be remembered")
    if plan.ask == "body":
        return replace(plan, why_asked="a rule reads the body")
    made = program(policy, policy.hosts[plan.name], REFUSED, shadow=settings.shadow)
    return replace(plan, program=made) if isinstance(made, Program) else replace(plan, why_asked=made)


def fields_read(host: BundleHost, policy: Policy) -> frozenset[str] | None:
    """The fields that rules read of a host's requests; None when no rule can match there."""
    ruleset = policy.ruleset
    if not ruleset.enabled:
        return None
    if host.name.startswith("*."):
        others = {name.encode("ascii") for name in policy.hosts}
        end = host.name[1:].encode("ascii")
        found = list(ruleset.index.positions_for_hosts(lambda name: name.endswith(end) and name not in others))
    else:
        name = host.name.encode("ascii")
        # A rule may name the host and still never match there, whatever else a request holds.
        found = [place for place in ruleset.index.positions_for_host(name) if ruleset.may_match(place, name)]
    return frozenset().union(*(fields_of(ruleset.enabled[place].expression.root) for place in found)) if found else None


def ask_for(fields: Iterable[str]) -> Ask:
    """The kind of question that carries these fields. A field that the language doesn't have counts as a header."""
    ask: Ask = "plain"
    for name in fields:
        parts = parts_of(name)
        if "body" in parts:
            return "body"
        if "headers" in parts or name not in FIELDS:
            ask = "headers"
    return ask
