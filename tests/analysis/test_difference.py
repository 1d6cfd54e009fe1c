"""Comparing two sets of rules: examples are real, proofs hold."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mtls_tui import lang
from mtls_tui.analysis import compare
from mtls_tui.analysis.difference import STATES
from mtls_tui.engine import Ruleset
from mtls_tui.engine.fields import EXTRACTORS, View, compute
from mtls_tui.engine.model import Rule
from tests.analysis.requests import HOST, LISTS, requests, rulesets

VERIFIED = "cf.tls_client_auth.cert_verified"
DEFAULT = f'(http.host in {{"{HOST}"}} and not {VERIFIED})'


def ruleset(*rules, lists=None):
    pairs = [given_rule if isinstance(given_rule, tuple) else (given_rule, "block") for given_rule in rules]
    made = [Rule(f"r{index}", lang.parse(text), action) for index, (text, action) in enumerate(pairs)]
    return Ruleset(made, lists or {})


def made(pairs):
    rules = [Rule(f"r{index}", lang.ast.Expression(node), action) for index, (node, action) in enumerate(pairs)]
    return Ruleset(rules, LISTS)


def statuses(before, after, hosts=(HOST,)):
    return {(found.host, found.change): found.status for found in compare(before, after, hosts)}


def fields_of(found):
    fields = {**compute(View(found.http, found.http.at), EXTRACTORS.items()), **found.http.overrides}
    return fields | STATES[found.certificate]


def test_another_notation_is_no_change():
    other = ruleset(f'http.host == "{HOST}" && !{VERIFIED}')
    assert set(statuses(ruleset(DEFAULT), other, (HOST, "other.example.com")).values()) == {"proved the same"}


def test_an_exception_lets_in_whom_the_example_shows():
    wider = ruleset(f'{DEFAULT} and not starts_with(http.request.uri.path, "/hook/")')
    let_in, blocked = compare(ruleset(DEFAULT), wider, [HOST])
    assert (let_in.change, let_in.status) == ("newly let in", "changed")
    assert let_in.certificate == "without a certificate"
    assert let_in.http.target == "/hook/"
    assert (let_in.before.action, let_in.after.action) == ("block", "allow")
    assert let_in.reason == (
        "GET https://api.example.com/hook/ without a certificate is allowed now: "
        "rule r0 matched before, no rule matched after"
    )
    assert (blocked.change, blocked.status) == ("newly blocked", "proved the same")


def test_refusing_revoked_certificates_blocks_a_revoked_one():
    strict = ruleset(f'http.host eq "{HOST}" and (not {VERIFIED} or cf.tls_client_auth.cert_revoked)')
    let_in, blocked = compare(ruleset(DEFAULT), strict, [HOST])
    assert let_in.status == "proved the same"
    assert blocked.certificate == "with a revoked certificate"


def test_a_list_that_changed_under_its_name_is_a_change():
    rule = "not ip.src in $office"
    before = ruleset(rule, lists={"office": ["192.0.2.0/24"]})
    after = ruleset(rule, lists={"office": ["192.0.2.0/24", "198.51.100.0/24"]})
    let_in, blocked = compare(before, after, [HOST])
    assert let_in.http.client_ip.startswith("198.51.100.")
    assert blocked.status == "proved the same"
    assert set(statuses(before, before).values()) == {"proved the same"}
    reordered = ruleset(rule, lists={"office": ["192.0.2.128/25", "192.0.2.0/25"]})
    assert set(statuses(before, reordered).values()) == {"proved the same"}


def test_order_and_actions_count():
    first = ruleset(("ip.src in {10.0.0.0/8}", "skip"), DEFAULT)
    second = ruleset(DEFAULT, ("ip.src in {10.0.0.0/8}", "skip"))
    found = {entry.change: entry for entry in compare(first, second, [HOST])}
    assert found["newly let in"].status == "proved the same"
    assert found["newly blocked"].status == "changed"
    assert found["newly blocked"].http.client_ip.startswith("10.")
    assert statuses(first, ruleset(("ip.src in {10.0.0.0/8}", "log"), DEFAULT))[(HOST, "newly blocked")] == "changed"


@given(rulesets, rulesets, st.data())
@settings(deadline=None, max_examples=60)
def test_examples_are_real_and_no_request_refutes_a_proof(first, second, data):
    before, after = (
        Ruleset(
            [Rule(f"r{index}", lang.ast.Expression(node), action) for index, (node, action) in enumerate(rules)], LISTS
        )
        for rules in (first, second)
    )
    http = requests(data.draw, [node for node, _ in [*first, *second]])
    state = data.draw(st.sampled_from(list(STATES.values())))
    fields = {**compute(View(http, 0.0), EXTRACTORS.items()), **http.overrides, **state}
    old, new = before.decide(fields).action == "allow", after.decide(fields).action == "allow"
    for found in compare(before, after, [HOST]):
        let_in = found.change == "newly let in"
        if found.status == "changed":
            shown = fields_of(found)
            assert (before.decide(shown).action == "allow") is not let_in
            assert (after.decide(shown).action == "allow") is let_in
        elif found.status == "proved the same":
            assert not ((new and not old) if let_in else (old and not new))
