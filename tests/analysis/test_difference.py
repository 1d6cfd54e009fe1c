"""Comparing two sets of rules: examples are real, proofs hold."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtls_tui import lang
from mtls_tui.analysis import HostSettings, Site, Trust
from mtls_tui.analysis import compare as compare_sites
from mtls_tui.analysis.question import CLIENTS, WORDS
from mtls_tui.engine import Ruleset
from mtls_tui.engine.fields import EXTRACTORS, RequestView, compute
from mtls_tui.engine.model import Rule
from tests.analysis.requests import HOST, LISTS, requests, rulesets

VERIFIED = "cf.tls_client_auth.cert_verified"
DEFAULT = f'(http.host in {{"{HOST}"}} and not {VERIFIED})'

STATES = {words: CLIENTS[client] for client, words in WORDS.items()}


def ruleset(*rules, lists=None):
    pairs = [given_rule if isinstance(given_rule, tuple) else (given_rule, "block") for given_rule in rules]
    made = [Rule(f"r{index}", lang.parse(text), action) for index, (text, action) in enumerate(pairs)]
    return Ruleset(made, lists or {})


def made(pairs):
    rules = [Rule(f"r{index}", lang.ast.Expression(node), action) for index, (node, action) in enumerate(pairs)]
    return Ruleset(rules, LISTS)


MTLS = HostSettings()
OPEN = HostSettings(mtls=False)


def site(rules, hosts=None):
    """Rules before hosts, all with mTLS unless settings are given."""
    return Site(rules, hosts if isinstance(hosts, dict) else dict.fromkeys(hosts or [HOST], MTLS))


def compare(before, after, hosts=None):
    return compare_sites(site(before, hosts), site(after, hosts))


def statuses(before, after, hosts=(HOST,)):
    return {(found.host, found.change): found.status for found in compare(before, after, hosts)}


def fields_of(found):
    fields = {**compute(RequestView(found.http, found.http.at), EXTRACTORS.items()), **found.http.overrides}
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
    fields = {**compute(RequestView(http, 0.0), EXTRACTORS.items()), **http.overrides, **state}
    old, new = before.decide(fields).action == "allow", after.decide(fields).action == "allow"
    for found in compare(before, after, [HOST]):
        let_in = found.change == "newly let in"
        if found.status == "changed":
            shown = fields_of(found)
            assert (before.decide(shown).action == "allow") is not let_in
            assert (after.decide(shown).action == "allow") is let_in
        elif found.status == "proved the same":
            assert not ((new and not old) if let_in else (old and not new))


def answers(before, after):
    """Of two sites: (status of newly let in, of newly blocked) by host."""
    found = compare_sites(before, after)
    return {host: tuple(one.status for one in found if one.host == host) for host in {one.host for one in found}}


def test_turning_mtls_off_or_on_is_a_change_although_the_rules_are_the_same():
    presented = ruleset("cf.tls_client_auth.cert_presented and not cf.tls_client_auth.cert_verified")
    off = compare_sites(site(presented), site(presented, {HOST: OPEN}))
    assert [one.status for one in off] == ["changed", "proved the same"]
    assert off[0].certificate == "with a certificate that is not valid"
    assert "mTLS is off now" in off[0].reason
    required = ruleset(f"not {VERIFIED}")
    assert answers(site(required), site(required, {HOST: OPEN})) == {HOST: ("proved the same", "changed")}
    assert answers(site(required, {HOST: OPEN}), site(required)) == {HOST: ("changed", "proved the same")}
    by_name = ruleset('cf.tls_client_auth.cert_issuer_dn eq "CN=Bad"')
    assert answers(site(by_name), site(by_name, {HOST: OPEN})) == {HOST: ("changed", "proved the same")}
    blind = ruleset("ip.src in {10.0.0.0/8}")
    assert answers(site(blind), site(blind, {HOST: OPEN})) == {HOST: ("proved the same", "proved the same")}


def test_a_host_without_mtls_is_asked_about_clients_without_a_certificate_only():
    rules = ruleset(f"not {VERIFIED}"), ruleset(f"not {VERIFIED} or cf.tls_client_auth.cert_presented")
    assert answers(site(rules[0], {HOST: OPEN}), site(rules[1], {HOST: OPEN})) == {HOST: ("proved the same",) * 2}
    assert answers(site(rules[0]), site(rules[1])) == {HOST: ("proved the same", "changed")}


def test_a_host_that_is_new_or_gone_is_compared_with_no_host_at_all():
    rules = ruleset(f'http.host eq "{HOST}" and not {VERIFIED}')
    more = site(rules, [HOST, "new.example.com"])
    added = {(one.host, one.change): one for one in compare_sites(site(rules), more)}
    assert added["new.example.com", "newly let in"].status == "changed"
    assert "no such host before" in added["new.example.com", "newly let in"].reason
    assert added["new.example.com", "newly blocked"].status == "proved the same"
    assert added[HOST, "newly let in"].status == "proved the same"
    assert answers(more, site(rules))["new.example.com"] == ("proved the same", "changed")
    closed = ruleset("true")
    both = answers(site(closed), site(closed, [HOST, "new.example.com"]))
    assert both["new.example.com"] == ("proved the same", "proved the same")


def test_a_host_of_its_own_below_a_wildcard_is_compared_with_the_wildcard():
    rules = ruleset(f"not {VERIFIED}")
    wild = site(rules, {"*.example.com": MTLS})
    own = site(rules, {"*.example.com": MTLS, "www.example.com": OPEN})
    assert answers(wild, own) == {
        "*.example.com": ("proved the same", "proved the same"),
        "www.example.com": ("proved the same", "changed"),
    }
    narrower = site(rules, {"*.example.com": MTLS, "*.pub.example.com": MTLS})
    assert set(answers(wild, narrower).values()) == {("proved the same", "proved the same")}
    gone = answers(wild, site(rules, {"*.pub.example.com": MTLS}))
    assert gone["*.example.com"] == ("proved the same", "changed")
    assert gone["*.pub.example.com"] == ("proved the same", "proved the same")


TRUSTS = {
    "1 trust anchor added": Trust(anchors=frozenset({"a", "b"})),
    "1 trust anchor removed": Trust(),
    "2 intermediates added": Trust(anchors=frozenset({"a"}), intermediates=frozenset({"c", "d"})),
    "1 revocation list added": Trust(anchors=frozenset({"a"}), crls=frozenset({"l"})),
    "1 file of revocation lists added": Trust(anchors=frozenset({"a"}), crl_files=frozenset({"l.pem"})),
    "crl_policy was soft and is require": Trust(anchors=frozenset({"a"}), crl_policy="require"),
    "revocation was chain and is leaf": Trust(anchors=frozenset({"a"}), revocation="leaf"),
}


@pytest.mark.parametrize(("words", "trust"), TRUSTS.items())
def test_other_trust_is_no_proof_where_rules_look_at_certificates(words, trust):
    before = HostSettings(trust=Trust(anchors=frozenset({"a"})))
    after = HostSettings(trust=trust)
    rules = ruleset(f"not {VERIFIED}")
    found = compare_sites(site(rules, {HOST: before}), site(rules, {HOST: after}))
    assert [one.status for one in found] == ["not compared", "not compared"]
    assert words in found[0].reason
    by_path = ruleset('cf.tls_client_auth.cert_issuer_ski eq "AA"')
    assert answers(site(by_path, {HOST: before}), site(by_path, {HOST: after})) == {HOST: ("not compared",) * 2}
    for blind in ("ip.src in {10.0.0.0/8}", "not cf.tls_client_auth.cert_presented"):
        other = ruleset(blind)
        assert answers(site(other, {HOST: before}), site(other, {HOST: after})) == {HOST: ("proved the same",) * 2}
    wider = ruleset(f'not {VERIFIED} and http.request.uri.path ne "/open"')
    let_in = compare_sites(site(rules, {HOST: before}), site(wider, {HOST: after}))[0]
    assert (let_in.status, let_in.http.target) == ("changed", "/open")


def test_trust_of_a_host_that_asks_for_no_certificate_does_not_matter():
    rules = ruleset(f"not {VERIFIED}")
    other = HostSettings(mtls=False, trust=Trust(anchors=frozenset({"x"})))
    assert answers(site(rules, {HOST: OPEN}), site(rules, {HOST: other})) == {HOST: ("proved the same",) * 2}


def test_a_clause_that_a_certificate_decides_half_is_no_proof():
    mixed = ruleset('concat(to_string(cf.tls_client_auth.cert_verified), http.cookie) eq "truex"')
    assert answers(site(mixed), site(mixed, {HOST: OPEN})) == {HOST: ("changed", "not found")}


def test_the_same_rules_are_the_same_however_many_they_are():
    rules = ruleset(*(f'http.request.uri.path contains "{n}" and ip.src in {{10.{n}.0.0/16}}' for n in range(200)))
    assert answers(site(rules), site(rules)) == {HOST: ("proved the same",) * 2}
