"""Rules in order: actions, logging, skipping, shadow rules, errors; and the index, which must not change a thing."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtls_tui import lang
from mtls_tui.engine import Decision, ListError, Request, Rule, Ruleset, UnknownDecision
from mtls_tui.engine.model import BLOCKED_BY_ERROR
from mtls_tui.lang.ast import Comparison, Expression, Field, Logical, Set
from tests.engine import strategies as s

YES, NO = "true", "not true"


def rule(ref, text, action="block", **more):
    return Rule(ref, lang.parse(text), action, **more)


def decided(*rules, fields=None, lists=None):
    ruleset = Ruleset(rules, lists)
    decision = ruleset.decide(fields or {})
    assert decision == ruleset.decide_plainly(fields or {})
    return decision


def refs(rules):
    return [item.ref for item in rules]


def test_without_a_match_the_request_is_allowed():
    decision = decided(rule("a", NO))
    assert (decision.action, decision.rule, decision.blocked) == ("allow", None, False)
    assert decided() == Decision("allow", reason="no rule matched")


@pytest.mark.parametrize("action", ["block", "managed_challenge", "js_challenge", "challenge"])
def test_the_first_terminating_rule_that_matches_decides(action):
    decision = decided(rule("a", NO), rule("b", YES, action), rule("c", YES))
    assert (decision.action, decision.rule.ref, decision.blocked) == (action, "b", True)
    assert decision.reason == "rule b matched"


def test_log_rules_are_reported_and_end_nothing():
    decision = decided(rule("l", YES, "log"), rule("m", NO, "log"), rule("b", YES), rule("n", YES, "log"))
    assert (decision.rule.ref, refs(decision.logged)) == ("b", ["l"])
    decision = decided(rule("l", YES, "log"), rule("m", YES, "log"))
    assert (decision.action, refs(decision.logged)) == ("allow", ["l", "m"])


def test_a_skip_rule_ends_the_evaluation():
    decision = decided(rule("l", YES, "log"), rule("s", YES, "skip"), rule("b", YES))
    assert (decision.action, decision.rule, decision.skipped_by.ref, refs(decision.logged)) == (
        "allow",
        None,
        "s",
        ["l"],
    )


def test_a_shadow_rule_blocks_nothing_and_skips_nothing():
    shadow = rule("s", YES, shadow=True)
    skip = rule("k", YES, "skip", shadow=True)
    decision = decided(shadow, skip, rule("b", YES))
    assert (decision.rule.ref, refs(decision.logged)) == ("b", ["s", "k"])
    assert decided(shadow).action == "allow"


def test_a_rule_that_is_not_enabled_is_not_evaluated():
    off = rule("a", YES, enabled=False)
    assert decided(off).action == "allow"
    ruleset = Ruleset([off, rule("b", "ssl")])
    assert ruleset.fields_read == {"ssl"}
    assert refs(ruleset.rules) == ["a", "b"]


def test_a_request_and_a_mapping_are_the_same():
    ruleset = Ruleset([rule("a", "ssl")])
    assert ruleset.decide(Request({"ssl": True})) is ruleset.decide({"ssl": True})


def test_decisions_are_built_once():
    ruleset = Ruleset([rule(f"r{n}", f'http.host eq "h{n}" and ssl') for n in range(50)])
    fields = {"http.host": b"h7", "ssl": True}
    assert ruleset.decide(fields) is ruleset.decide(dict(fields))


# --- fail closed ------------------------------------------------------------------------------------------------


class Broken(dict):
    def get(self, *_):
        raise RuntimeError("the disk is on fire")


@pytest.mark.parametrize("count", [1, 40])
def test_an_error_while_deciding_is_a_block(count):
    ruleset = Ruleset([rule(f"r{n}", f'http.host eq "h{n}"') for n in range(count)])
    decision = ruleset.decide(Broken())
    assert (decision.action, decision.rule, decision.blocked) == ("block", None, True)
    assert decision.reason == f"{BLOCKED_BY_ERROR}: RuntimeError: the disk is on fire"


@pytest.mark.parametrize("count", [1, 20, 200])
@pytest.mark.parametrize(
    "fields",
    [
        {"http.host": "h1"},
        {"http.host": ["h1"]},
        {"http.host": 3},
        {"http.host": b"h0", "ssl": "no"},
        {"http.host": b"h0", "ip.src": "192.0.2.1"},
        {"http.host": b"h0", "cf.waf.score": True},
        None,
        7,
    ],
)
def test_a_value_of_the_wrong_class_is_never_let_in(count, fields):
    ruleset = Ruleset(
        [
            rule(f"r{n}", f'http.host in {{"h{n}"}} and (ssl or ip.src in {{192.0.2.0/24}} or cf.waf.score lt 0)')
            for n in range(count)
        ]
    )
    decision = ruleset.decide(fields)
    assert decision.blocked
    assert decision.reason.startswith(BLOCKED_BY_ERROR)


def test_a_wrong_value_behind_many_rules_without_guard_is_never_let_in():
    ruleset = Ruleset([rule(f"r{n}", f'http.host ne "h{n}" and ssl') for n in range(100)])
    assert ruleset.decide({"http.host": "h", "ssl": False}).reason.startswith(BLOCKED_BY_ERROR)
    assert ruleset.decide({"http.host": b"h", "ssl": False}).action == "allow"


# --- refused at load --------------------------------------------------------------------------------------------


def test_an_unknown_list_is_refused_with_the_rule_that_names_it():
    with pytest.raises(ListError, match="rule a: no list is named `office`"):
        Ruleset([rule("a", "ip.src in $office")])
    Ruleset([rule("a", "ip.src in $office", enabled=False)])
    assert Ruleset([rule("a", "ip.src in $office")], {"office": ["192.0.2.1"]}).lists


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("ip.src in $l", ["192.0.2.0/33"]),
        ("ip.src in $l", ["a.example"]),
        ("ip.src.asnum in $l", ["x"]),
        ("ip.src.asnum in $l", [True]),
        ("http.host in $l", [7]),
    ],
)
def test_an_item_that_is_none_of_the_lists_kind_is_refused_at_load(text, items):
    with pytest.raises(ListError, match="the list `l` can't be used here"):
        Ruleset([rule("a", text)], {"l": items})


def test_two_rules_of_one_name_and_unknown_actions_are_refused():
    with pytest.raises(ValueError, match="two rules have the ref a"):
        Ruleset([rule("a", YES), rule("a", NO)])
    with pytest.raises(ValueError, match="`allow` is not an action"):
        Ruleset([rule("a", YES, "allow")])


# --- the index --------------------------------------------------------------------------------------------------

hosts = st.sampled_from([b"a", b"b", b"c", b"d"])
guards = st.one_of(
    st.lists(hosts, max_size=3).map(
        lambda found: Comparison(Field("http.host"), "in", Set(tuple(s.string(host) for host in found)))
    ),
    hosts.map(lambda host: Comparison(Field("http.host"), "eq", s.string(host))),
    hosts.map(lambda host: Comparison(lang.ast.Call("lower", (Field("http.host"),)), "eq", s.string(host))),
    st.sampled_from([b"/a", b"/b"]).map(lambda path: Comparison(Field("http.request.uri.path"), "eq", s.string(path))),
    st.sampled_from([1, 2]).map(lambda number: Comparison(Field("ip.geoip.asnum"), "eq", s.integer(number))),
)
actions = st.sampled_from(["block", "log", "skip", "managed_challenge"])


@st.composite
def rulesets(draw):
    rules = []
    for number in range(draw(st.integers(0, 14))):
        parts = draw(st.lists(guards, max_size=2)) + draw(st.lists(s.clauses, max_size=2))
        condition = draw(st.sampled_from(["and", "or"]))
        root = Logical(condition, tuple(parts)) if len(parts) > 1 else (parts or [lang.ast.Always(True)])[0]
        if len(parts) > 2 and draw(st.booleans()):
            root = Logical("or", (Logical("and", tuple(parts[:2])), Logical("and", (*parts[1:],))))
        rules.append(
            Rule(
                f"r{number}",
                Expression(root),
                draw(actions),
                enabled=draw(st.integers(0, 5)) > 0,
                shadow=draw(st.integers(0, 7)) == 0,
            )
        )
    return rules


requests = st.builds(
    lambda fields, host, path, asnum: (
        fields
        | ({} if host is None else {"http.host": host})
        | ({} if path is None else {"http.request.uri.path": path})
        | ({} if asnum is None else {"ip.src.asnum": asnum})
    ),
    s.fields,
    st.none() | hosts | st.just(b"A"),
    st.none() | st.sampled_from([b"/a", b"/b", b"/c"]),
    st.none() | st.sampled_from([1, 2, 3]),
)


@settings(max_examples=200, deadline=None)
@given(rulesets(), st.lists(requests, min_size=1, max_size=4))
def test_the_index_decides_as_the_plain_loop_does(rules, asked):
    ruleset = Ruleset(rules, s.lists())
    for fields in asked:
        assert ruleset.decide(fields) == ruleset.decide_plainly(fields)


@settings(max_examples=150, deadline=None)
@given(rulesets(), requests, requests, st.sets(st.sampled_from([*s.every_field, "http.request.uri.path"])))
def test_what_is_unknown_is_never_told_as_decided(rules, fields, others, unknown):
    """Whatever the unknown fields turn out to be, the action is among the possible ones."""
    ruleset = Ruleset(rules, s.lists())
    told = ruleset.decide_unknown(fields, frozenset(unknown))
    hidden = unknown | {"ip.src.asnum" for name in unknown if name == "ip.geoip.asnum"}
    mixed = {name: value for name, value in fields.items() if name not in hidden}
    mixed |= {name: value for name, value in others.items() if name in hidden}
    truth = ruleset.decide_plainly(mixed)
    if isinstance(told, UnknownDecision):
        assert truth.action in told.possible
        assert told.unknown <= {lang.catalogue.FIELDS[name].canonical for name in unknown}
        assert told.rule.ref in told.reason
    else:
        assert told.action == truth.action
        if not unknown:
            assert told == truth


CERTIFICATE = frozenset({"cf.tls_client_auth.cert_verified"})


@pytest.mark.parametrize(
    ("rules", "possible"),
    [
        ([("a", "not cf.tls_client_auth.cert_verified", "block")], {"allow", "block"}),
        ([("a", "cf.tls_client_auth.cert_verified", "skip"), ("b", YES, "block")], {"allow", "block"}),
        ([("a", "cf.tls_client_auth.cert_verified", "challenge"), ("b", YES, "block")], {"challenge", "block"}),
        ([("n", NO, "block"), ("a", "cf.tls_client_auth.cert_verified xor ssl", "block")], {"allow", "block"}),
    ],
)
def test_what_depends_on_an_unknown_field_is_unknown(rules, possible):
    ruleset = Ruleset([rule("log", YES, "log"), *(rule(*each) for each in rules)])
    told = ruleset.decide_unknown({}, CERTIFICATE)
    assert isinstance(told, UnknownDecision)
    assert (told.action, told.rule.ref, told.unknown, told.possible) == ("unknown", "a", CERTIFICATE, possible)
    assert refs(told.logged) == ["log"]
    assert told.reason == "rule a depends on cf.tls_client_auth.cert_verified, which is not known"


@pytest.mark.parametrize(
    ("rules", "action", "ref"),
    [
        ([("a", "not cf.tls_client_auth.cert_verified", "block"), ("b", YES, "block")], "block", "b"),
        ([("a", "cf.tls_client_auth.cert_verified", "skip")], "allow", None),
        ([("a", "cf.tls_client_auth.cert_verified", "log"), ("b", YES, "block")], "block", "b"),
        ([("b", YES, "block"), ("a", "cf.tls_client_auth.cert_verified", "skip")], "block", "b"),
        ([("a", "not cf.tls_client_auth.cert_verified and ssl", "block")], "allow", None),
    ],
)
def test_what_comes_out_the_same_either_way_is_decided(rules, action, ref):
    told = Ruleset([rule(*each) for each in rules]).decide_unknown({}, CERTIFICATE)
    assert isinstance(told, Decision)
    assert (told.action, told.rule.ref if told.rule else None) == (action, ref)


@settings(max_examples=100, deadline=None)
@given(rulesets(), requests)
def test_a_host_that_no_rule_may_match_is_always_allowed_without_a_log(rules, fields):
    ruleset = Ruleset(rules, s.lists())
    host = fields.get("http.host")
    if host is not None and not ruleset.may_match_host(host):
        assert ruleset.decide(fields) == Decision("allow", reason="no rule matched")


def test_a_host_that_rules_name_may_match_and_another_may_not():
    ruleset = Ruleset([rule("a", 'http.host in {"a.example"} and not cf.tls_client_auth.cert_verified')])
    assert ruleset.may_match_host("a.example")
    assert ruleset.may_match_host(b"a.example")
    assert not ruleset.may_match_host("b.example")
    assert Ruleset([rule("a", 'http.host wildcard "*.example" and ssl')]).may_match_host("x.example")
    assert not Ruleset([rule("a", 'http.host wildcard "*.example" and ssl')]).may_match_host("x.test")
    assert Ruleset([rule("a", "ssl")]).may_match_host("x.test")


def test_a_large_ruleset_finds_its_rules_by_several_guards_in_order():
    rules = [rule(f"h{n}", f'http.host in {{"h{n}"}} and not ssl', "log") for n in range(500)]
    rules.insert(250, rule("all", "cf.waf.score eq 99", "log"))
    rules += [rule(f"b{n}", f'http.host eq "h{n}"') for n in range(500)]
    decision = decided(*rules, fields={"http.host": b"h400", "cf.waf.score": 99, "ssl": False})
    assert (decision.rule.ref, refs(decision.logged)) == ("b400", ["all", "h400"])


@pytest.mark.parametrize("operator", ["contains", "ne", "lt", "le", "gt", "ge", "wildcard", "strict wildcard"])
def test_every_comparison_with_a_host_that_is_known_in_advance_is_decided_as_it_is(operator):
    """Requests of one host share a program in which what the host decides alone is already decided."""
    rules = [rule(f"h{n}", f'http.host eq "h{n}"', "log") for n in range(20)]
    rules.append(rule("open", f'http.host {operator} "h7"'))
    for host in (b"h7", b"h6", b"h8", b"h17", b"xh7", b"other"):
        decided(*rules, fields={"http.host": host})
    rules[-1] = rule("open", f'http.host in {{"h7" "h8"}} or not http.host {operator} "h7"')
    for host in (b"h7", b"h6", b"h8", b"h17", b"xh7", b"other"):
        decided(*rules, fields={"http.host": host})


def test_more_combinations_than_are_kept_are_decided_all_the_same(monkeypatch):
    monkeypatch.setattr("mtls_tui.engine.ruleset.MAX_PROGRAMS", 2)
    rules = [rule(f"h{n}", f'http.host eq "h{n}"', "log") for n in range(20)]
    rules += [rule(f"p{n}", f'http.request.uri.path eq "/{n}"') for n in range(20)]
    ruleset = Ruleset(rules)
    for n in range(20):
        fields = {"http.host": b"h%d" % n, "http.request.uri.path": b"/%d" % (n % 7)}
        decision = ruleset.decide(fields)
        assert (refs(decision.logged), decision.rule.ref) == ([f"h{n}"], f"p{n % 7}")
        assert ruleset.decide_unknown(fields, frozenset({"ssl"})) == decision == ruleset.decide_plainly(fields)


def test_the_fields_that_enabled_rules_read_have_their_successors_names():
    ruleset = Ruleset([rule("a", 'ip.geoip.country eq "GB" and any(lower(http.request.headers.names[*])[*] eq "x")')])
    assert ruleset.fields_read == {"ip.src.country", "http.request.headers.names"}


def test_a_disabled_rule_changes_no_decision():
    rules = [rule("a", "ssl"), rule("b", YES, "log")]
    with_off = [rule("off", YES, enabled=False), *rules]
    assert Ruleset(rules).decide({}) == Ruleset(with_off).decide({})
    assert Ruleset([replace(rules[0], enabled=False)]).decide({"ssl": True}).action == "allow"


def test_host_in_capitals_is_found_by_the_rules_about_its_lowered_name():
    ruleset = Ruleset([rule("a", 'lower(http.host) eq "a.example" and ssl'), rule("b", 'http.host eq "b.example"')])
    assert ruleset.may_match_host("A.example")
    assert ruleset.may_match_host(b"A.EXAMPLE")
    assert not ruleset.may_match_host("B.example")
