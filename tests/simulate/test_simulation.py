"""What one request gets, why, and what would turn it around."""

import json

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtls_tui import lang
from mtls_tui.engine import explain
from mtls_tui.pki.roles import ROLES
from mtls_tui.simulate import from_url, simulate
from mtls_tui.simulate.document import SimulationDocument, document, schema
from mtls_tui.simulate.policies import policy_of
from mtls_tui.simulate.report import expression_tree, report
from mtls_tui.simulate.requests.message import from_json
from mtls_tui.simulate.style import Style
from tests.simulate.conftest import NOW

VERDICTS = {
    "none": "block",
    "good": "allow",
    "expired": "block",
    "not_yet_valid": "block",
    "revoked": "block",
    "foreign": "block",
    "self_signed": "block",
    "server_purpose": "block",
}


def run(policy, site, role="none", url="https://api.example.com/v1", **request):
    return simulate(policy, from_url(url, **request), site.chain(role), NOW)


@pytest.mark.parametrize("role", ROLES)
def test_every_role_gets_its_verdict(policy, site, role):
    simulation = run(policy, site, role)
    assert simulation.decision.action == VERDICTS[role]
    assert simulation.decision == policy.decide(simulation.http, site.chain(role), NOW).decision


def test_rules_are_told_in_order_with_their_course(policy, site):
    simulation = run(policy, site, headers=[("user-agent", "a bot")])
    assert [(view.rule.ref, view.course) for view in simulation.rules] == [
        ("office", "no match"),
        ("watch", "logged"),
        ("mtls", "decided"),
        ("admin", "not reached"),
        ("off", "disabled"),
    ]
    assert simulation.deciding.rule.ref == "mtls"


def test_a_skip_rule_ends_the_evaluation(policy, site):
    simulation = run(policy, site, ip="192.0.2.7")
    assert simulation.allowed
    assert [view.course for view in simulation.rules][:3] == ["skipped the rest", "not reached", "not reached"]


def test_a_host_that_the_policy_lacks_is_blocked_before_any_rule(policy, site):
    simulation = run(policy, site, url="https://elsewhere.example/")
    assert simulation.decision.blocked
    assert simulation.decision.rule is None
    assert {view.course for view in simulation.rules} == {"not reached", "disabled"}
    text = report(simulation, Style())
    assert "no host" in text
    assert "host www.example.com" in text


@pytest.mark.parametrize(
    ("role", "name", "words"),
    [
        ("expired", "valid", "expired"),
        ("not_yet_valid", "valid", "valid"),
        ("revoked", "serial", "revoked"),
        ("foreign", "issuer", "Foreign authority"),
        ("self_signed", "issuer", "self-signed"),
        ("server_purpose", "usage", "client"),
    ],
)
def test_what_is_wrong_stands_at_the_line_of_the_certificate_that_it_is_about(policy, site, role, name, words):
    wrong = [fact for fact in run(policy, site, role).certificate if fact.problem]
    assert [fact.name for fact in wrong] == [name]
    assert words in wrong[0].problem


def test_a_certificate_that_ends_soon_is_a_warning(policy, site):
    (fact,) = [fact for fact in run(policy, site, "good").certificate if fact.warning]
    assert (fact.name, fact.warning) == ("valid", "expires in 15 days")


def test_garbage_instead_of_a_certificate_is_explained(policy, site):
    simulation = simulate(policy, from_url("https://api.example.com/"), (b"\x30garbage",), NOW)
    assert simulation.decision.blocked
    assert "can't be read" in report(simulation, Style())


def turned(simulation, change):
    return simulate(simulation.policy, change.scenario.http, change.scenario.chain, change.scenario.at)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "url", ["https://api.example.com/v1", "https://pay.example.com/hook/x", "https://www.example.com/"]
)
def test_every_change_turns_the_verdict_and_none_of_its_turns_can_be_spared(policy, site, role, url):
    simulation = run(policy, site, role, url)
    assert simulation.changes
    assert not (simulation.to_let_in and simulation.to_block)
    for change in simulation.changes:
        assert turned(simulation, change).allowed is not simulation.allowed
        for spared in change.turns:
            rest = simulation.scenario.turned(t for t in change.turns if t is not spared)
            if len(change.turns) > 1:
                outcome = policy.decide(rest.http, rest.chain, rest.at)
                assert outcome.decision.blocked is simulation.decision.blocked


def test_changes_are_on_both_sides(policy, site):
    simulation = run(policy, site, "expired")
    texts = report(simulation, Style())
    assert {change.side for change in simulation.to_let_in} == {"request", "certificate"}
    assert "a certificate that is valid now" in texts
    assert "path /hook/" in texts
    assert "host www.example.com" in texts
    assert "client address 192.0.2.1" in texts


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ("none", "a client certificate that this host trusts"),
        ("revoked", "a certificate that is not revoked"),
        ("foreign", "a certificate from an authority that this host trusts"),
        ("server_purpose", "a certificate for client authentication"),
    ],
)
def test_the_change_of_certificate_is_said_for_what_is_wrong_with_it(policy, site, role, words):
    assert words in report(run(policy, site, role), Style())


def test_an_allowed_request_is_told_what_would_block_it(policy, site):
    simulation = run(policy, site, "good")
    states = {turn.value for change in simulation.to_block for turn in change.turns if turn.knob.kind == "certificate"}
    assert states
    assert any(change.decision.rule.ref == "admin" for change in simulation.to_block)


def test_a_host_without_mtls_is_not_told_to_bring_a_certificate(rulefile, site):
    text = """version = 1
[[hosts]]
name = "www.example.com"
mtls = false
[[rules]]
ref = "r"
expression = 'not cf.tls_client_auth.cert_verified'
action = "block"
"""
    policy = policy_of(rulefile(text)).policy
    simulation = simulate(policy, from_url("https://www.example.com/"), site.chain("good"), NOW)
    assert simulation.decision.blocked
    assert all(change.side == "request" for change in simulation.changes)


CLAUSES = [
    'http.request.uri.path matches "^/v[0-9]+/x$"',
    'http.request.uri.path.extension eq "json"',
    'lower(http.host) eq "api.example.com" and len(http.request.uri.query) gt 5',
    'any(http.request.headers["x-token"][*] eq "secret")',
    'any(lower(http.request.headers.names[*])[*] eq "x-debug")',
    'http.request.uri.args["id"][0] eq "7"',
    'http.request.cookies["session"][0] wildcard "a*z"',
    'ip.src in {198.51.100.0/24 2001:db8::/32}',
    'http.request.method in {"PUT" "DELETE"} xor http.request.uri.path eq "/"',
    'http.user_agent contains "curl" and http.referer eq ""',
    'not (http.request.method eq "GET" or ip.src eq 127.0.0.1)',
    'cf.threat_score ge 10',
    'ip.src.country in {"DE" "FR"}',
    'cf.tls_client_auth.cert_serial eq "AB12"',
    'http.request.body.raw contains "drop"',
    'lookup_json_string(http.request.body.raw, "user") eq "joe"',
    'http.request.timestamp.sec lt 1000000000',
    'not ssl',
    'http.request.full_uri eq "https://api.example.com/a?b"',
]  # fmt: skip


@pytest.mark.parametrize("clause", CLAUSES)
def test_a_way_to_be_blocked_is_found_for_clauses_of_every_kind(rulefile, site, clause):
    text = f"""version = 1
[[hosts]]
name = "api.example.com"
anchors = ["ca.pem"]
[[rules]]
ref = "r"
expression = '''{clause}'''
action = "block"
"""
    policy = policy_of(rulefile(text)).policy
    simulation = simulate(policy, from_url("https://api.example.com/a?c", ip="203.0.113.9"), (), NOW)
    assert simulation.changes
    for change in simulation.changes:
        assert turned(simulation, change).allowed is not simulation.allowed
        # And back again: the search finds a way out of what it made.
        assert turned(simulation, change).changes


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    role=st.sampled_from(ROLES),
    host=st.sampled_from(["api.example.com", "pay.example.com", "www.example.com", "x.example"]),
    path=st.text(alphabet="/hokadmin.%2Fü", max_size=12),
    ip=st.sampled_from(["127.0.0.1", "192.0.2.9", "2001:db8::1"]),
    method=st.sampled_from(["GET", "POST"]),
)
def test_the_explanation_agrees_with_the_decision(policy, site, role, host, path, ip, method):
    simulation = simulate(policy, from_url(f"https://{host}/{path}", ip=ip, method=method), site.chain(role), NOW)
    matched = {"decided", "logged", "skipped the rest", "shadowed"}
    for view in simulation.rules:
        if view.course not in ("not reached", "disabled"):
            assert view.trace.verdict is (view.course in matched)
    for change in simulation.changes:
        assert turned(simulation, change).allowed is not simulation.allowed


def test_a_shadowed_rule_blocks_nothing_and_is_told(rulefile):
    text = """version = 1
[[hosts]]
name = "api.example.com"
[[rules]]
ref = "s"
expression = 'ssl'
action = "block"
shadow = true
"""
    simulation = simulate(policy_of(rulefile(text)).policy, from_url("https://api.example.com/"), (), NOW)
    assert simulation.allowed
    assert simulation.rules[0].course == "shadowed"
    assert "✓ 1 s  block  shadowed\n" in report(simulation, Style())


def test_of_a_map_the_entry_is_shown_and_changes_are_made_of_its_values(rulefile):
    text = """version = 1
[[hosts]]
name = "api.example.com"
[[rules]]
ref = "r"
expression = 'any(http.request.headers["x-token"][*] eq "secret") and http.request.method ne http.user_agent'
action = "block"
"""
    request = from_url("https://api.example.com/", headers=[("x-token", "secret"), ("x-other", "hidden")])
    simulation = simulate(policy_of(rulefile(text)).policy, request, (), NOW)
    out = report(simulation, Style(False, 120))
    assert '✓  ["secret"]' in out
    assert 'http.request.method: "GET", http.user_agent: ""' in out
    assert "hidden" not in out
    assert "header x-token: x-token" not in out


def test_json_is_of_its_published_schema_and_its_request_can_be_simulated_again(policy, site):
    simulation = run(policy, site, "expired", method="POST", body=b"x", headers=[("x-a", "1")])
    data = msgspec.json.encode(document(simulation, explain=True, notes=("n",)))
    read = msgspec.json.decode(data, type=SimulationDocument)
    assert read.verdict == "block"
    assert read.rule.ref == "mtls"
    assert read.certificate.error.number == 10
    assert read.fields["http.host"] == "api.example.com"
    assert read.rules[2].trace["verdict"] is True
    again = from_json(json.dumps(read.request).encode())
    assert simulate(policy, again, site.chain("expired"), NOW).decision == simulation.decision
    for change in read.to_let_in:
        assert change.verdict == "allow"


def test_schema_is_a_json_schema():
    made = schema()
    assert made["$schema"].endswith("2020-12/schema")
    assert "SimulationDocument" in made["$defs"]


@pytest.mark.parametrize("width", [40, 72, 120])
def test_report_without_colour_is_plain_and_its_prose_holds_the_width(policy, site, width):
    simulation = run(policy, site, "expired")
    text = report(simulation, Style(False, width))
    assert "\x1b" not in text
    assert "\n■ BLOCKED by rule 3 mtls\n" in text
    verdict = text[text.index("■ BLOCKED") : text.index("Rules\n")]
    changes = text[text.index("To let it in") :]
    longest_word = max(len(word) for word in (verdict + changes).split())
    assert all(len(line) <= max(width, longest_word + 20) for line in (verdict + changes).splitlines())


def test_nothing_from_outside_moves_the_cursor(policy, site):
    evil = "\x1b[2J\x07‮\u2028"
    request = from_url(
        "https://api.example.com/",
        headers=[("user-agent", evil), ("x-a", evil.encode() + b"\xff")],
        method="GET",
    )
    simulation = simulate(policy, request, site.chain("good"), NOW)
    for style in (Style(False), Style(True)):
        text = report(simulation, style, explain=True)
        assert "\x1b[2J" not in text
        assert not any(char in text for char in "\x07‮\u2028")
    assert "\\e[2J" in report(simulation, Style(False), explain=True)


def test_tree_as_it_is_meant_to_look(policy, site):
    text = report(run(policy, site, "expired"), Style(False, 110))
    tree = text[text.index("Rule 3 mtls\n") : text.index("\n\nCertificate")]
    assert (
        tree
        == """\
Rule 3 mtls
  all of                                                ✓
  ├ http.host in {"api.example.com" "pay.example.com"}  ✓  "api.example.com"  ◂ decides
  ├ any of                                              ✓
  │ ├ not cf.tls_client_auth.cert_verified              ✓  false  ◂ decides
  │ └ cf.tls_client_auth.cert_revoked                   –
  └ not starts_with(http.request.uri.path, "/hook/")    ✓  "/v1"  ◂ decides"""
    )


def test_a_clause_under_two_nots_is_marked_as_both_make_it():
    trace = explain(lang.parse("not not ssl and not (not ssl or cf.client.bot)"), {"ssl": True, "cf.client.bot": False})
    assert (
        expression_tree(trace, Style(False, 110))
        == """\
  all of             ✓
  ├ not not ssl      ✓  true  ◂ decides
  └ not any of       ✓
    ├ not ssl        ✗  true  ◂ decides
    └ cf.client.bot  ✗  false  ◂ decides"""
    )
