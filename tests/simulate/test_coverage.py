"""Coverage counts what tests have shown, clause by clause; suggested tests show what was missing, and run."""

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtls_tui import lang
from mtls_tui.engine import Rule, Ruleset
from mtls_tui.engine.explain import explain
from mtls_tui.engine.policy import PolicyError
from mtls_tui.lang import ast, tree
from mtls_tui.rulefile import loads
from mtls_tui.simulate import Runner, from_url, run_tests, simulate
from mtls_tui.simulate.style import Style
from mtls_tui.simulate.testing.coverage import Coverage, Goal, Probe, clauses_of
from mtls_tui.simulate.testing.report import coverage_data, coverage_text
from mtls_tui.simulate.testing.suggest import entry_of, suggest, toml
from tests.simulate.conftest import NOW, RULES

FIELDS = ["ssl", "cf.tls_client_auth.cert_verified", "cf.tls_client_auth.cert_revoked", "cf.client.bot"]


def coverage_of(text, *requests):
    """Coverage of one rule after some requests."""
    ruleset = Ruleset([Rule("r", lang.parse(text))])
    coverage = Coverage(ruleset)
    for request in requests:
        coverage.add(ruleset.decide(request), request)
    return coverage


def fields(*values):
    return dict(zip(FIELDS, values, strict=False))


def test_a_clause_decides_when_the_others_leave_the_outcome_to_it():
    text = f"{FIELDS[0]} and {FIELDS[1]}"
    coverage = coverage_of(text, fields(True, True))
    assert (coverage.met, coverage.total) == (2, 4)
    coverage = coverage_of(text, fields(False, False))
    assert coverage.met == 0  # both false: neither alone decides
    assert coverage.rules["r"].clauses[(0,)].seen == {False}
    coverage = coverage_of(text, fields(True, True), fields(True, False), fields(False, True))
    assert coverage.percent == 100
    assert coverage.missing == []


def test_or_and_not_and_xor():
    a, b, c = FIELDS[:3]
    coverage = coverage_of(f"not ({a} or {b}) xor {c}", fields(False, False, False))
    decided = {path: clause.decided for path, clause in coverage.rules["r"].clauses.items()}
    assert decided == {(0, 0, 0): {False}, (0, 0, 1): {False}, (1,): {False}}


def test_a_rule_without_clauses_asks_to_be_evaluated():
    coverage = coverage_of("true")
    assert coverage.missing == [Goal("r", (), True)]
    assert coverage_of("true", {}).percent == 100


def test_rules_behind_the_one_that_ended_show_nothing():
    ruleset = Ruleset([Rule("first", lang.parse("ssl")), Rule("second", lang.parse("ssl"))])
    coverage = Coverage(ruleset)
    coverage.add(ruleset.decide({"ssl": True}), {"ssl": True})
    assert (coverage.rules["first"].tests, coverage.rules["second"].tests) == (1, 0)
    coverage.add(ruleset.decide({"ssl": False}), {"ssl": False})
    assert (coverage.rules["first"].tests, coverage.rules["second"].tests) == (2, 1)


def test_rules_that_are_off_are_not_counted(site, rulefile):
    coverage = Coverage(Runner(rulefile(RULES)).policy.ruleset)
    assert "off" not in coverage.rules


def expressions():
    leaf = st.sampled_from(FIELDS)
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            inner.map(lambda e: f"not ({e})"),
            st.tuples(st.sampled_from(["and", "or", "xor"]), inner, inner, inner).map(
                lambda t: f"({t[1]}) {t[0]} ({t[2]}) {t[0]} ({t[3]})"
            ),
        ),
        max_leaves=8,
    )


@settings(max_examples=120, deadline=None)
@given(expressions(), st.lists(st.booleans(), min_size=4, max_size=4))
def test_deciding_is_what_turning_that_clause_alone_does(text, values):
    expression = lang.parse(text)
    request = fields(*values)
    trace = explain(expression, request)
    verdict, observed = Probe(expression, {})(request)
    assert verdict is trace.verdict
    assert [path for path, _, _ in observed] == [path for path, _ in clauses_of(expression)] != []
    for path, value, said in observed:
        assert value is trace.at(path).value
        turned = _with_constant(expression.root, path, not trace.at(path).value)
        assert said is (explain(ast.Expression(turned), request).verdict is not trace.verdict)


def _with_constant(node, path, value):
    """The tree with one clause replaced by `true` or `false`."""
    if not path:
        return ast.Always(value)
    parts = [
        _with_constant(part, path[1:], value) if n == path[0] else part for n, part in enumerate(tree.children(node))
    ]
    return ast.Not(parts[0]) if isinstance(node, ast.Not) else ast.Logical(node.operator, tuple(parts))


def covered(rulefile):
    runner = Runner(rulefile, now=NOW)
    report = run_tests(rulefile, now=NOW)
    coverage = Coverage(runner.policy.ruleset, runner.policy.hosts)
    for result in report.results:
        outcome = result.policy.decide(result.scenario.http, result.scenario.chain, result.scenario.at)
        coverage.add(outcome.decision, outcome.request.fields)
    return runner, report, coverage


TRICKY = """version = 1
[[hosts]]
name = "api.example.com"
[[hosts]]
name = "*.shop.example"
[lists.office]
kind = "ip"
items = ["192.0.2.0/24"]
[[rules]]
ref = "first"
expression = '''http.request.method in {"PUT" "POST"} and not ip.src in $office'''
action = "block"
[[rules]]
ref = "args"
expression = '''any(http.request.uri.args["debug"][*] eq "1") or http.request.headers["x-debug"][0] eq "on"'''
action = "log"
[[rules]]
ref = "shop"
expression = '''ends_with(http.host, ".shop.example")
 and (cf.tls_client_auth.cert_revoked or not cf.tls_client_auth.cert_verified
 or cf.tls_client_auth.cert_serial in {"0A" "0B"})
 and not (http.request.uri.path wildcard "/pub/*" xor http.request.method eq "HEAD")'''
action = "block"
[[rules]]
ref = "regex"
expression = '''http.request.uri.path matches "^/v[0-9]+/users/[a-z]{3,}$"
 and len(http.user_agent) gt 12 and ip.src.country ne "DE"'''
action = "managed_challenge"
"""


@pytest.mark.parametrize("text", [RULES, TRICKY], ids=["site", "tricky"])
def test_suggestions_raise_the_coverage_and_pass_when_pasted(site, text):
    runner, _, coverage = covered(loads(text, site.folder))
    before = coverage.percent
    suggestions = suggest(runner, coverage, [])
    assert suggestions.unmet == ()
    assert coverage.percent == 100 > before
    pasted = loads(text + "\n" + toml([suggestion.test for suggestion in suggestions.found]), site.folder)
    assert pasted.tests == tuple(suggestion.test for suggestion in suggestions.found)
    _, report, again = covered(pasted)
    assert report.ok, [result.failures for result in report.failed]
    assert again.percent == 100
    names = [test.name for test in pasted.tests]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("text", [RULES, TRICKY], ids=["site", "tricky"])
def test_every_single_suggestion_shows_something_that_none_before_it_showed(site, text):
    rulefile = loads(text, site.folder)
    runner, _, coverage = covered(rulefile)
    suggestions = suggest(runner, coverage, [])
    _, _, coverage = covered(rulefile)
    for suggestion in suggestions.found:
        scenario = runner.scenario(suggestion.test)
        outcome = runner.policy_for(scenario).decide(scenario.http, scenario.chain, scenario.at)
        before = coverage.met
        assert coverage.add(outcome.decision, outcome.request.fields) == suggestion.goals
        assert coverage.met == before + len(suggestion.goals)


def test_nothing_is_suggested_where_nothing_is_missing(site):
    runner, _, coverage = covered(loads(RULES, site.folder))
    found = suggest(runner, coverage, []).found
    runner, report, coverage = covered(loads(RULES + "\n" + toml([s.test for s in found]), site.folder))
    assert suggest(runner, coverage, [r.scenario for r in report.results]).found == ()


def test_a_clause_that_is_the_same_for_every_host_served_has_one_goal(site):
    text = RULES.replace('"api.example.com" "pay.example.com"', '"api.example.com" "pay.example.com" "www.example.com"')
    ruleset = Runner(loads(text, site.folder)).policy.ruleset
    hosts = ["api.example.com", "pay.example.com", "www.example.com"]
    clause = Coverage(ruleset, hosts).rules["mtls"].clauses[(0,)]
    assert clause.possible == {True}
    assert Goal("mtls", (0,), False) not in Coverage(ruleset, hosts).missing
    assert Goal("mtls", (0,), True) in Coverage(ruleset, hosts).missing
    assert Coverage(ruleset, [*hosts, "*.example.com"]).rules["mtls"].clauses[(0,)].possible == {True, False}
    assert "– false" in coverage_text(Coverage(ruleset, hosts), Style())


def test_what_cannot_be_shown_is_said(site):
    text = """version = 1
[[hosts]]
name = "api.example.com"
[[rules]]
ref = "never"
expression = 'ssl and not ssl and http.request.method eq "GET"'
action = "block"
"""
    runner, _, coverage = covered(loads(text, site.folder))
    suggestions = suggest(runner, coverage, [])
    assert Goal("never", (2,), True) in suggestions.unmet


def test_coverage_text_marks_rows_with_their_not(site):
    text = (
        RULES
        + """
[[tests]]
name = "t"
url = "https://api.example.com/"
expect = { action = "block" }
"""
    )
    _, _, coverage = covered(loads(text, site.folder))
    lines = coverage_text(coverage, Style(False, 120)).splitlines()
    (row,) = [line for line in lines if "└ not starts_with" in line and "│" not in line and "ip.src" not in line][1:2]
    assert row.endswith("✓ true ✗ false   ✓ true ✗ false")
    assert lines[-1].startswith("Coverage ")


def test_coverage_data_counts_as_the_text_does(site):
    _, _, coverage = covered(loads(TRICKY, site.folder))
    out = coverage_data(coverage)
    assert (out["met"], out["total"]) == (0, coverage.total)
    assert sum(rule["total"] for rule in out["rules"]) == out["total"]


@pytest.mark.parametrize("role", ["none", "good", "expired", "revoked"])
def test_a_simulation_becomes_a_test_that_passes(site, policy, role):
    simulation = simulate(
        policy, from_url("https://api.example.com/x?y=1", method="PUT", body="hällo".encode()), site.chain(role), NOW
    )
    entry = entry_of(simulation, f"seen with {role}")
    pasted = loads(RULES + "\n" + toml([entry]), site.folder)
    report = run_tests(pasted)
    assert report.ok, report.results[0].failures
    assert tomllib.loads(toml([entry]))["tests"][0]["at"] is not None


def test_a_rule_file_that_cannot_be_a_policy_is_an_error(site):
    with pytest.raises((PolicyError, ValueError)):
        Runner(loads(RULES.replace("$office", "$nowhere"), site.folder))
