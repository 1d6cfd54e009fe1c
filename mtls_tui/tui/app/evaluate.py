"""What the document means: verdict, marks, table, state of the certificates. Runs in a worker; touches no widget.

`simulate` and `engine.Policy` decide here exactly as they do in the gateway. Trust stores are
kept between runs, so that a key press costs a ruleset and a decision, not a certificate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from mtls_tui.engine.explain import explain
from mtls_tui.engine.model import Rule
from mtls_tui.engine.policy import Host, Policy, PolicyError
from mtls_tui.engine.rule_keys import engine_rule
from mtls_tui.engine.ruleset import Ruleset
from mtls_tui.lang.diagnostics import Diagnostic, ParseError
from mtls_tui.rulefile import RuleFile, RuleFileError, bundle
from mtls_tui.simulate.errors import RequestError
from mtls_tui.simulate.policies import load_chain
from mtls_tui.simulate.simulation import Simulation, simulate
from mtls_tui.simulate.testing.roles import DAY_SECONDS, ROLES, chain_of, with_roles
from mtls_tui.tui.builder import marks
from mtls_tui.tui.certificates import lines as certificate_lines
from mtls_tui.tui.certificates.material import Material
from mtls_tui.tui.hosts.rule_index import rules_of_host
from mtls_tui.tui.simulator import probes
from mtls_tui.tui.simulator.secrets import Secrets
from mtls_tui.tui.state.checked import checked
from mtls_tui.tui.state.content import Content, Probe, edited_rule_of
from mtls_tui.tui.state.recent import recent
from mtls_tui.tui.state.results import Case, Results, ShownVerdict

if TYPE_CHECKING:
    from cryptography import x509

    from mtls_tui.engine.model import HttpRequest
    from mtls_tui.lang.types import FieldValue

MAX_CASES = 200
"""Most requests of the table that are run on every edit."""


class UnusableError(ValueError):
    """Nothing can be decided; the message says why, for the user."""


def evaluate(content: Content, ref: str, saved: Content | None, secrets: Secrets) -> Results:
    """The results for a content and its selected rule."""
    file = content.file
    base = Results(
        content,
        ref,
        diagnostic=_diagnostic(content, ref),
        hosts=certificate_lines.of_hosts(file),
        rules_of_host=rules_of_host(content),
        problems=_problems(content),
    )
    try:
        policies = _Policies(content)
    except UnusableError as error:
        return replace(base, problem=str(error))
    base = replace(base, cases=_cases(content, policies, saved, secrets))
    probe = content.probe
    if not probe.url:
        return base
    try:
        http, chain, at, policy = _prepared(probe, policies, file, secrets)
        simulation = simulate(policy, http, chain, at)
        fields = _all_fields(policy, http, chain, at)
    except (ValueError, OSError) as error:
        return replace(base, problem=str(error))
    return replace(
        _judged(base, content, ref, simulation, fields, policy), certificate=certificate_lines.of_client(simulation)
    )


def flips(content: Content, secrets: Secrets) -> tuple[str, ...]:
    """The smallest changes that turn the verdict around, in words. Slow: a search."""
    from mtls_tui.simulate.wording import change_text

    try:
        policies = _Policies(content)
        http, chain, at, policy = _prepared(content.probe, policies, content.file, secrets)
        simulation = simulate(policy, http, chain, at)
        return tuple(dict.fromkeys(change_text(change, simulation) for change in simulation.changes))[:4]
    except (ValueError, OSError):
        return ()


# --- rules and policies ---------------------------------------------------------------------------------------------


def _diagnostic(content: Content, ref: str) -> Diagnostic | None:
    """What is wrong with the selected rule's expression."""
    try:
        edited = edited_rule_of(content, ref)
    except KeyError:
        return None
    if edited.broken is not None:
        return edited.error
    try:
        checked(edited.text)
    except ParseError as error:
        return error.diagnostic
    return None


def _problems(content: Content) -> int:
    """How many things are wrong; rules under edit count as they are now, not as they were read."""
    count = sum(not (one.key.startswith("rules[") and one.key.endswith(".expression")) for one in content.file.problems)
    for rule in content.file.rules:
        try:
            checked(edited_rule_of(content, rule.ref).text)
        except ParseError:
            count += 1
    return count


def engine_rules(content: Content) -> tuple[Rule, ...]:
    """The rules as the engine takes them. Raises UnusableError if an enabled one is broken."""
    rules: list[Rule] = []
    for number, entry in enumerate(content.file.rules, 1):
        edited = edited_rule_of(content, entry.ref)
        try:
            expression = checked(edited.text)
        except ParseError as error:
            if not entry.enabled:
                continue
            raise UnusableError(f"rule {number} {entry.ref}: {error.diagnostic.message}") from None
        rules.append(engine_rule(entry, expression))
    return tuple(rules)


class _Policies:
    """The policy of a content: as it is, and with the authority of the roles trusted beside the others."""

    def __init__(self, content: Content) -> None:
        self.file = content.file
        try:
            self.ruleset = _ruleset(content)
        except ValueError as error:
            raise UnusableError(str(error)) from None
        self._plain: Policy | None = None
        self._roles: dict[int, Policy] = {}

    def policy(self, role: str, at: datetime) -> Policy:
        """The policy for a certificate by role, or the plain one for `none` and files."""
        if role == "none" or role not in ROLES:
            if self._plain is None:
                self._plain = Policy(_hosts(Material.of(self.file), None), self.ruleset)
            return self._plain
        day = int(at.timestamp()) // DAY_SECONDS
        if day not in self._roles:
            self._roles[day] = Policy(_hosts(Material.of(self.file), day), self.ruleset)
        return self._roles[day]


@recent(4)
def _ruleset(content: Content) -> Ruleset:
    return Ruleset(engine_rules(content), content.file.engine_lists)


@lru_cache(maxsize=16)
def _hosts(material: Material, roles_day: int | None) -> tuple[Host, ...]:
    """The hosts with their trust stores; on a day (since 1970, UTC) also with the authority of that day's roles."""
    file = material.file
    trust = tuple(one for one in file.problems if not one.key.startswith(("rules", "properties", "tests", "lists")))
    bare = replace(file, rules=(), properties=(), expressions=(), tests=(), problems=trust)
    try:
        made = bundle(bare)
        if roles_day is None:
            policy = Policy.from_bundle(made)
        else:
            policy = with_roles(made, datetime.fromtimestamp(roles_day * DAY_SECONDS, UTC))
    except RuleFileError as error:
        raise UnusableError(f"{error.problem.message}; {error.problem.cure}".rstrip("; ")) from None
    except PolicyError as error:
        raise UnusableError(str(error)) from None
    return tuple(policy.hosts.values())


# --- requests -------------------------------------------------------------------------------------------------------


def _prepared(
    probe: Probe, policies: _Policies, file: RuleFile, secrets: Secrets
) -> tuple[HttpRequest, tuple[x509.Certificate, ...], datetime, Policy]:
    http = probes.to_http(probe)
    at = datetime.fromtimestamp(http.at, UTC) if http.at is not None else datetime.now(UTC)
    return http, chain_for(probe, file, at, secrets), at, policies.policy(probe.certificate, at)


def chain_for(probe: Probe, file: RuleFile, at: datetime, secrets: Secrets) -> tuple[x509.Certificate, ...]:
    """The client's certificate chain: by role, from a file, or pasted."""
    if probe.pem:
        from mtls_tui.pki import load_certificates

        return tuple(load_certificates(probe.pem.encode()))
    name = probe.certificate or "none"
    if name in ROLES:
        return chain_of(name, at)
    path = file.resolve(name)
    return _chain_from_file(path, secrets.passphrases.get(name))


def _chain_from_file(path: Path, passphrase: bytes | None) -> tuple[x509.Certificate, ...]:
    try:
        status = path.stat()
    except OSError as error:
        raise RequestError(f"{path.name}: {(error.strerror or str(error)).lower()}") from None
    return _chain(path, status.st_mtime_ns, status.st_size, passphrase)


@lru_cache(maxsize=64)
def _chain(path: Path, _mtime_ns: int, _size: int, passphrase: bytes | None) -> tuple[x509.Certificate, ...]:
    return load_chain(path, passphrase)


def _all_fields(
    policy: Policy, http: HttpRequest, chain: tuple[x509.Certificate, ...], at: datetime
) -> Mapping[str, FieldValue]:
    return policy.request(http, chain, at, everything=True)[0].fields


def _judged(
    base: Results, content: Content, ref: str, simulation: Simulation, fields: Mapping[str, FieldValue], policy: Policy
) -> Results:
    found = replace(base, fields=fields, verdict=_verdict(content, simulation))
    try:
        edited = edited_rule_of(content, ref)
        expression = checked(edited.text)
    except (KeyError, ParseError):
        return found
    trace = explain(expression, fields, lists=policy.ruleset.lists)
    return replace(found, marks=marks.of(edited, trace, simulation.verification), matches=trace.verdict)


def _verdict(content: Content, simulation: Simulation) -> ShownVerdict:
    decision, deciding = simulation.decision, simulation.deciding
    number = 0
    rule = decision.rule or decision.skipped_by
    if rule is not None:
        number = content.file.index_of(rule.ref) + 1
    reason = ""
    if decision.rule is not None and deciding is not None:
        reason = marks.reason(deciding.trace, simulation)
    elif decision.skipped_by is not None:
        reason = f"rule {number} {decision.skipped_by.ref} lets it past the rules below"
    elif decision.blocked:
        reason = decision.reason
    return ShownVerdict(
        blocked=decision.blocked,
        action=decision.action,
        rule=decision.rule.ref if decision.rule is not None else "",
        number=number,
        reason=reason,
        logged=tuple(one.ref for one in decision.logged),
    )


# --- the table ------------------------------------------------------------------------------------------------------


def _cases(content: Content, policies: _Policies, saved: Content | None, secrets: Secrets) -> tuple[Case, ...]:
    before: _Policies | None = None
    if saved is not None:
        try:
            before = policies if saved is content else _Policies(saved)
        except UnusableError:
            before = None
    found: list[Case] = []
    for place, probe in enumerate(content.probes[:MAX_CASES]):
        found.append(_case(probe, policies, before, content.file, secrets, probe_index=place))
    for place, test in enumerate(content.file.tests[: MAX_CASES - len(found)]):
        probe = probes.from_test(test)
        expected = test.expect.action
        wanted = "" if expected is None else "BLOCKED" if expected in _BLOCKING else "allowed"
        case = _case(probe, policies, before, content.file, secrets, test_index=place, expected=wanted)
        found.append(replace(case, request=test.name))
    return tuple(found)


_BLOCKING = frozenset({"block", "managed_challenge", "js_challenge", "challenge"})


def _case(
    probe: Probe,
    policies: _Policies,
    before: _Policies | None,
    file: RuleFile,
    secrets: Secrets,
    *,
    probe_index: int | None = None,
    test_index: int | None = None,
    expected: str = "",
) -> Case:
    now, problem = _outcome(probe, policies, file, secrets)
    then = _outcome(probe, before, file, secrets)[0] if before is not None else ""
    certificate = "pasted" if probe.pem else probe.certificate or "none"
    request = f"{probe.method} {probe.url.removeprefix('https://')}"
    return Case(request, certificate, then, now, expected, problem, test_index, probe_index)


def _outcome(probe: Probe, policies: _Policies, file: RuleFile, secrets: Secrets) -> tuple[str, str]:
    try:
        http, chain, at, policy = _prepared(probe, policies, file, secrets)
    except (ValueError, OSError) as error:
        return "?", str(error)
    return ("BLOCKED" if policy.decide(http, chain, at).blocked else "allowed"), ""
