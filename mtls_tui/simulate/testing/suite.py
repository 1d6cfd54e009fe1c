"""The tests of a rule file: a request, a certificate by role or from a file, what should become of it.

A test runs on the road that the gateway takes: `engine.Policy`. With a certificate role the hosts also trust the
authority that minted it (see `roles`). A test that can't run counts as failed, with the reason.
"""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from mtls_tui import lang
from mtls_tui.engine.bundle import Bundle
from mtls_tui.engine.compile import Matcher
from mtls_tui.engine.model import Decision, HttpRequest
from mtls_tui.engine.policy import Policy
from mtls_tui.rulefile import RuleFile, TestEntry
from mtls_tui.search.scenario import Chain, Scenario
from mtls_tui.simulate.errors import RequestError
from mtls_tui.simulate.policies import load_chain, moment_of, policy_of
from mtls_tui.simulate.requests.url import address, from_url
from mtls_tui.simulate.simulation import Simulation, simulate
from mtls_tui.simulate.testing.roles import DAY_SECONDS, ROLES, chain_of, with_roles
from mtls_tui.simulate.values import field_value


@dataclass(frozen=True)
class TestResult:
    """What became of one test. `number` counts from 1 in the file; `line` is where it stands."""

    __test__ = False  # pytest would collect it by its name

    test: TestEntry
    number: int
    line: int
    failures: tuple[str, ...]
    """What was expected and not so; empty for a test that passed."""
    error: str
    """Why the test could not run; "" when it did."""
    scenario: Scenario | None
    decision: Decision | None
    policy: Policy | None
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether all was as expected."""
        return not self.failures and not self.error

    def simulation(self) -> Simulation | None:
        """The test's request with everything explained; None for a test that could not run."""
        if self.scenario is None or self.policy is None:
            return None
        return simulate(self.policy, self.scenario.http, self.scenario.chain, self.scenario.at)


@dataclass(frozen=True)
class TestReport:
    """All results of a run, in the order of the file."""

    __test__ = False

    name: str
    results: tuple[TestResult, ...]
    seconds: float
    chosen_of: int
    """How many tests the file has; fewer ran when a filter was given."""

    @property
    def failed(self) -> tuple[TestResult, ...]:
        """The tests that failed or could not run."""
        return tuple(result for result in self.results if not result.passed)

    @property
    def ok(self) -> bool:
        """Whether at least one test ran and all passed: nothing tested is nothing known."""
        return bool(self.results) and not self.failed


class Runner:
    """Runs tests of one rule file; policies are made once."""

    def __init__(self, rulefile: RuleFile, *, now: datetime | None = None) -> None:
        loaded = policy_of(rulefile)
        self.rulefile = rulefile
        self.bundle: Bundle = loaded.bundle
        self.policy: Policy = loaded.policy
        self.now = now or datetime.now(UTC)
        self._with_roles: dict[int, Policy] = {}
        self._chains: dict[Path, Chain] = {}
        self._clauses: dict[str, Matcher] = {}

    def run(self, test: TestEntry, number: int = 0, line: int = 0) -> TestResult:
        """The result of one test; it never raises for what a test says."""
        begin = time.perf_counter()
        scenario = decision = policy = None
        failures: tuple[str, ...] = ()
        error = ""
        try:
            scenario = self.scenario(test)
            policy = self.policy_for(scenario)
            outcome = policy.decide(scenario.http, scenario.chain, scenario.at)
            decision = outcome.decision
            failures = tuple(self._failures(test, decision, policy, scenario))
        except RequestError as problem:
            error = str(problem)
        seconds = time.perf_counter() - begin
        return TestResult(test, number, line, failures, error, scenario, decision, policy, seconds)

    def scenario(self, test: TestEntry) -> Scenario:
        """The request of a test and the chain it comes with. Raises RequestError if something in it can't be used."""
        at = moment_of(test.at) if test.at is not None else self.now
        headers = [
            (name, value)
            for name, values in test.headers.items()
            for value in ((values,) if isinstance(values, str) else values)
        ]
        http: HttpRequest = from_url(
            test.url,
            method=test.method,
            headers=headers,
            body=None if test.body is None else test.body.encode(),
            at=at.timestamp(),
        )
        if test.ip is not None:
            http = replace(http, client_ip=address(test.ip))
        if test.set:
            http = replace(http, overrides={name: field_value(name, value) for name, value in test.set.items()})
        if test.certificate in ROLES:
            return Scenario(http, chain_of(test.certificate, at), at, test.certificate)
        return Scenario(http, self._chain(self.rulefile.resolve(test.certificate)), at)

    def policy_for(self, scenario: Scenario) -> Policy:
        """The policy that a scenario is decided by."""
        if scenario.role in ("", "none"):
            return self.policy
        day = int(scenario.at.timestamp()) // DAY_SECONDS
        policy = self._with_roles.get(day)
        if policy is None:
            policy = self._with_roles[day] = with_roles(self.bundle, scenario.at)
        return policy

    def _chain(self, path: Path) -> Chain:
        chain = self._chains.get(path)
        if chain is None:
            chain = self._chains[path] = load_chain(path)
        return chain

    def _failures(self, test: TestEntry, decision: Decision, policy: Policy, scenario: Scenario) -> list[str]:
        expect = test.expect
        found = []
        matched = matched_refs(decision)
        if expect.action is not None and not _is_action(expect.action, decision):
            found.append(f"expected action {expect.action}, got {_said(decision)}")
        if expect.rule is not None and expect.rule not in matched:
            found.append(f"expected rule {expect.rule}, got {', '.join(matched) or 'no rule'}")
        if expect.clauses:
            request, _ = policy.request(scenario.http, scenario.chain, scenario.at, everything=True)
            for text, wanted in expect.clauses.items():
                holds = self._clause(text)(request)
                if holds is not wanted:
                    found.append(f"expected `{text}` to be {str(wanted).lower()}, it is {str(holds).lower()}")
        if expect.action is None and expect.rule is None and not expect.clauses:
            raise RequestError("the test expects nothing; give `expect` an action, a rule or clauses")
        return found

    def _clause(self, text: str) -> Matcher:
        matcher = self._clauses.get(text)
        if matcher is None:
            try:
                matcher = Matcher(lang.parse(text), self.policy.ruleset.lists)
            except (lang.ParseError, ValueError) as error:
                raise RequestError(f"the clause `{text}` can't be used: {error}") from None
            self._clauses[text] = matcher
        return matcher


def run_tests(
    rulefile: RuleFile,
    filter: str | None = None,  # noqa: A002 - the contract's name
    *,
    now: datetime | None = None,
) -> TestReport:
    """Run the tests of a rule file, those whose name fits the filter (a part of the name, or a pattern with `*`).

    `now` is the time of tests that give none. Raises RuleFileError if the rule file has problems.
    """
    begin = time.perf_counter()
    runner = Runner(rulefile, now=now)
    results = [
        runner.run(test, index + 1, rulefile.line_of("tests", index, "name"))
        for index, test in enumerate(rulefile.tests)
        if filter is None or fits(test.name, filter)
    ]
    return TestReport(rulefile.name, tuple(results), time.perf_counter() - begin, len(rulefile.tests))


def fits(name: str, pattern: str) -> bool:
    """Whether a test's name is meant by a filter; upper and lower case are the same."""
    if any(char in pattern for char in "*?["):
        return fnmatch.fnmatchcase(name.lower(), pattern.lower())
    return pattern.lower() in name.lower()


def matched_refs(decision: Decision) -> list[str]:
    """The refs of the rules that had a part in a decision."""
    rules = [decision.rule, decision.skipped_by, *decision.logged]
    return [rule.ref for rule in rules if rule is not None]


def _is_action(expected: str, decision: Decision) -> bool:
    if expected == "log":
        return not decision.blocked and any(not rule.shadow for rule in decision.logged)
    if expected == "skip":
        return not decision.blocked and decision.skipped_by is not None
    return decision.action == expected


def _said(decision: Decision) -> str:
    refs: Sequence[str] = matched_refs(decision)
    if decision.rule is not None:
        return f"{decision.action} by {decision.rule.ref}"
    if decision.blocked:
        return f"{decision.action} ({decision.reason})"
    return f"{decision.action}" + (f" ({', '.join(refs)} matched)" if refs else " (no rule matched)")
