"""Tests that are missing: requests found by search that show what no test has shown yet. Each is run before it is told.

For a goal (a clause decides while it is true) the search wants the clause true, and everything beside it on the way to
the root such that the outcome is left to it. It starts from the requests of the tests there are, and from a plain
request to each host.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

import tomlkit

from mtls_tui.engine.model import Decision
from mtls_tui.lang import ast, tree
from mtls_tui.lang.types import Fields, FieldValue
from mtls_tui.rulefile import ExpectEntry, TestEntry
from mtls_tui.search.scenario import Scenario, state_fields, state_of
from mtls_tui.search.solve import Solver
from mtls_tui.simulate.errors import RequestError
from mtls_tui.simulate.requests.message import url_of
from mtls_tui.simulate.requests.url import from_url
from mtls_tui.simulate.simulation import Simulation, concrete_hosts
from mtls_tui.simulate.testing.coverage import Coverage, Goal
from mtls_tui.simulate.testing.suite import Runner
from mtls_tui.simulate.values import plain

BASES: Final = 6
"""Requests that the search for one goal starts from."""
WAYS: Final = 12
TRIES: Final = 30
"""Requests that are tried for one goal from one base."""
ROLE_OF_STATE: Final = {"none": "none", "unverified": "foreign", "verified": "good", "revoked": "revoked"}


@dataclass(frozen=True)
class Suggestion:
    """A test that isn't there yet, the goals that it meets, and what the rules decide about it today."""

    test: TestEntry
    goals: frozenset[Goal]
    decision: Decision


@dataclass(frozen=True)
class Suggestions:
    """What was found, and the goals for which nothing was."""

    found: tuple[Suggestion, ...]
    unmet: tuple[Goal, ...]


def suggest(
    runner: Runner,
    coverage: Coverage,
    scenarios: list[Scenario],
    progress: Callable[[int, int], None] | None = None,
) -> Suggestions:
    """Tests that meet the missing goals. `coverage` takes in what they show; `scenarios` are those of the tests.

    `progress` is told how many of how many goals have been looked at.
    """
    search = _Search(runner, scenarios)
    found: list[Suggestion] = []
    unmet: list[Goal] = []
    names = {test.name for test in runner.rulefile.tests}
    missing = coverage.missing
    for number, goal in enumerate(missing):
        if progress is not None:
            progress(number, len(missing))
        if coverage.meets(goal):  # by an earlier suggestion
            continue
        suggestion = search.meet(goal, coverage, names)
        if suggestion is None:
            unmet.append(goal)
        else:
            found.append(suggestion)
            names.add(suggestion.test.name)
    return Suggestions(tuple(found), tuple(unmet))


class _Search:
    def __init__(self, runner: Runner, scenarios: list[Scenario]) -> None:
        self.runner = runner
        ruleset = runner.policy.ruleset
        self.rules = {rule.ref: rule for rule in ruleset.enabled}
        self.order = list(self.rules)
        self.solver = Solver(self.fields, ruleset.lists, hosts=concrete_hosts(runner.policy))
        self.bases = list(self._bases(scenarios))
        self.base_fields: list[Fields] | None = None

    def fields(self, scenario: Scenario) -> Fields:
        return self.runner.policy_for(scenario).request(scenario.http, scenario.chain, scenario.at)[0].fields

    def _bases(self, scenarios: list[Scenario]) -> Iterator[Scenario]:
        """Plain requests to each host first: what grows from them is easier to read."""
        now = self.runner.now
        names = [host.name for host in self.runner.bundle.hosts] or ["www.example.com"]
        for name in names:
            concrete = name.replace("*", "www", 1)
            yield Scenario(from_url(f"https://{concrete}/", at=now.timestamp()), (), now, "none")
        seen = set()
        for scenario in scenarios:
            key = (scenario.http.host, scenario.http.target, scenario.http.method, scenario.role, len(scenario.chain))
            # A chain from a file can't be told as a role, so it is not built upon.
            if key not in seen and (scenario.role or not scenario.chain):
                seen.add(key)
                yield scenario

    def meet(self, goal: Goal, coverage: Coverage, names: set[str]) -> Suggestion | None:
        wanted = _wanted(self.rules[goal.ref].expression, goal)
        for base in self.bases_for(goal.ref):
            self.solver.budget = 600
            for scenario in islice(self.ways(wanted, goal.ref, base), TRIES):
                suggestion = self.tried(scenario, goal, coverage, names)
                if suggestion is not None:
                    return suggestion
        return None

    def bases_for(self, ref: str) -> list[Scenario]:
        """Bases for which the rule nearly matches come first: they need the fewest changes."""
        root = self.rules[ref].expression.root
        items = root.items if isinstance(root, ast.Logical) else (root,)
        holds = [self.solver.matcher(item) for item in items]
        if self.base_fields is None:
            self.base_fields = [self.fields(base) for base in self.bases]
        agreement = [sum(match(fields) for match in holds) for fields in self.base_fields]
        ranked = sorted(range(len(self.bases)), key=lambda number: -agreement[number])
        return [self.bases[number] for number in ranked[:BASES]]

    def ways(self, wanted: ast.Expr, ref: str, base: Scenario) -> Iterator[Scenario]:
        """Scenarios in which `wanted` holds, and in which no rule before ends the evaluation."""
        for turns in self.solver.ways(wanted, True, base, keep=WAYS):
            scenario = base.turned(turns)
            obstacle = self.obstacle(ref, scenario)
            if obstacle is None:
                yield scenario
                continue
            both = ast.Logical("and", (wanted, ast.Not(self.rules[obstacle].expression.root)))
            for more in self.solver.ways(both, True, scenario, keep=WAYS):
                yield scenario.turned(more)

    def obstacle(self, ref: str, scenario: Scenario) -> str | None:
        """The rule before `ref` that ends the evaluation."""
        policy = self.runner.policy_for(scenario)
        decision = policy.decide(scenario.http, scenario.chain, scenario.at).decision
        ending = decision.ended_by
        return None if ending is None or self.order.index(ending) >= self.order.index(ref) else ending

    def tried(self, scenario: Scenario, goal: Goal, coverage: Coverage, names: set[str]) -> Suggestion | None:
        """The scenario as a test, run as one; None when it does not show what it should."""
        test = as_test(scenario, "suggested", ExpectEntry(action="allow"), self.runner)
        if test is None:
            return None
        try:
            real = self.runner.scenario(test)
        except RequestError:
            return None
        policy = self.runner.policy_for(real)
        outcome = policy.decide(real.http, real.chain, real.at)
        decision, fields = outcome.decision, outcome.request.fields
        if not coverage.shows(goal, decision, fields):
            return None
        fresh = coverage.add(decision, fields)
        expect = ExpectEntry(action=decision.action, rule=decision.ended_by)
        named = as_test(scenario, _name(goal, coverage, names), expect, self.runner)
        assert named is not None
        return Suggestion(named, frozenset(fresh | {goal}), decision)


def as_test(scenario: Scenario, name: str, expect: ExpectEntry, runner: Runner | None = None) -> TestEntry | None:
    """A scenario as a test of a rule file; None when a test can't say it (a body not text, a chain from a file)."""
    http = scenario.http
    overrides: dict[str, FieldValue] = dict(http.overrides)
    role = scenario.role
    booleans = [overrides.get(field) for field in state_fields("none")]
    if all(isinstance(value, bool) for value in booleans):
        role = ROLE_OF_STATE[state_of(*(value is True for value in booleans))]
        for field in state_fields("none"):
            del overrides[field]
    elif not role and scenario.chain:
        return None
    try:
        body = None if http.body is None else http.body.decode()
        headers = _headers(http.headers)
        settings = {field: _exact(value) for field, value in overrides.items()}
    except UnicodeDecodeError:
        return None
    given_at = runner is None or abs((scenario.at - runner.now).total_seconds()) > 1
    return TestEntry(
        name=name,
        url=url_of(http),
        method=http.method,
        headers=headers,
        body=body,
        ip=None if http.client_ip == "127.0.0.1" else http.client_ip,
        at=scenario.at.replace(microsecond=0) if given_at else None,
        set=settings,
        certificate=role or "none",
        expect=expect,
    )


def entry_of(simulation: Simulation, name: str) -> TestEntry:
    """A simulation as a test that expects what it decided. Raises RequestError if a test can't say it."""
    decision = simulation.decision
    scenario = simulation.scenario
    role = scenario.role
    if scenario.chain and not role:
        verification = simulation.verification
        role = ROLE_OF_STATE[state_of(True, verification.verified, verification.revoked)]
    entry = as_test(replace(scenario, role=role), name, ExpectEntry(action=decision.action, rule=decision.ended_by))
    if entry is None:
        raise RequestError("this request can't be written as a test: its body or a header is not text")
    return entry


def toml(tests: list[TestEntry]) -> str:
    """Tests as `[[tests]]` tables, ready to be pasted into a rule file."""
    return "\n".join(_table(test) for test in tests)


def _table(test: TestEntry) -> str:
    values: dict[str, Any] = {"name": test.name, "url": test.url}
    if test.method != "GET":
        values["method"] = test.method
    if test.headers:
        values["headers"] = {k: list(v) if not isinstance(v, str) else v for k, v in test.headers.items()}
    for key in ("body", "ip", "at"):
        if getattr(test, key) is not None:
            values[key] = getattr(test, key)
    values["certificate"] = test.certificate
    if test.set:
        values["set"] = test.set
    values["expect"] = {"action": test.expect.action}
    if test.expect.rule is not None:
        values["expect"]["rule"] = test.expect.rule
    return "[[tests]]\n" + "".join(f"{key} = {_value(value)}\n" for key, value in values.items())


def _value(value: Any) -> str:
    """A value as rule files are written: tables inline, with blanks inside the braces."""
    if isinstance(value, dict):
        inner = ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list):
        return f"[{', '.join(_value(item) for item in value)}]"
    return str(tomlkit.item(value).as_string())


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else str(tomlkit.item(key).as_string())


def _wanted(expression: ast.Expression, goal: Goal) -> ast.Expr:
    """What has to hold so that the clause decides with this value."""
    node: tree.Node = expression.root
    items: list[ast.Expr] = []
    for index in goal.path:
        if isinstance(node, ast.Logical) and node.operator != "xor":
            for number, other in enumerate(node.items):
                if number != index:
                    items.append(other if node.operator == "and" else ast.Not(other))
        node = tree.children(node)[index]
    if isinstance(node, ast.Comparison | ast.Test):
        items.insert(0, node if goal.value else ast.Not(node))
    if not items:
        return ast.Always(True)
    return items[0] if len(items) == 1 else ast.Logical("and", tuple(items))


def _name(goal: Goal, coverage: Coverage, names: set[str]) -> str:
    clause = coverage.rules[goal.ref].clauses.get(goal.path)
    if clause is None:
        name = f"{goal.ref} is evaluated"
    else:
        text = " ".join(clause.text.split())
        text = text if len(text) <= 60 else text[:59] + "…"
        name = f"{goal.ref}: {'' if goal.value else 'not '}{text}"
    number, fresh = 2, name
    while fresh in names:
        fresh = f"{name} ({number})"
        number += 1
    return fresh


def _headers(headers: tuple[tuple[str, bytes], ...]) -> dict[str, str | tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, value in headers:
        found[name] = (*found.get(name, ()), value.decode())
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _exact(value: FieldValue) -> Any:
    """A field value that reads back as the same one. Raises UnicodeDecodeError if the bytes are not text."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list):
        return [_exact(item) for item in value]
    if isinstance(value, dict):
        return {key.decode(): _exact(item) for key, item in value.items()}
    return plain(value)
