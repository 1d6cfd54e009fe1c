"""Requests that are rare and real: no proof may forget them."""

import pytest

from mtls_tui import lang
from mtls_tui.analysis import Side, ask, lint, unprotected
from mtls_tui.engine import Ruleset
from mtls_tui.engine.fields import EXTRACTORS, MAX_HEADERS, RequestView, compute
from mtls_tui.engine.model import HttpRequest, Rule

HOST = "api.example.com"
MANY = tuple((f"h{number}", b"x") for number in range(MAX_HEADERS))
CASES = {
    "OPTIONS *, in the whole URI": (
        ['http.request.uri.path ne "*"', 'http.request.full_uri contains "other"'],
        HttpRequest("OPTIONS", host=HOST, target="*"),
    ),
    "OPTIONS *, in the whole URI as received": (
        ['raw.http.request.uri.path ne "*"', 'raw.http.request.full_uri contains "other"'],
        HttpRequest("OPTIONS", host=HOST, target="*"),
    ),
    "port 0 in the whole URI": (
        [f'not http.request.full_uri wildcard "https://{HOST}:0/*"'],
        HttpRequest(host=f"{HOST}:0"),
    ),
    "port 0, which is the usual port": (
        [f'not http.request.full_uri wildcard "https://{HOST}:0/*"', "cf.edge.server_port ne 443"],
        HttpRequest(host=f"{HOST}:00"),
    ),
    "a header behind so many that arrays leave it out": (
        ['http.referer eq ""', 'has_key(http.request.headers, "referer")'],
        HttpRequest(host=HOST, headers=(*MANY, ("referer", b"a"))),
    ),
}


@pytest.mark.parametrize(("expressions", "http"), CASES.values(), ids=CASES)
def test_no_proof_where_an_odd_request_passes(expressions, http):
    ruleset = Ruleset([Rule(f"r{place}", lang.parse(text)) for place, text in enumerate(expressions)])
    assert ruleset.decide(compute(RequestView(http), EXTRACTORS.items())).action == "allow"
    assert unprotected(HOST, ruleset, others=[HOST]).status != "proved"


@pytest.mark.parametrize(
    "text",
    [
        'http.host eq "[::1]" and http.request.full_uri contains "a"',
        'http.host eq "[::1]" and http.request.full_uri contains "a" and cf.edge.server_port eq 8443',
        'http.request.uri.path eq "*" and http.request.full_uri contains "a"',
    ],
)
def test_no_lint_says_never_of_an_odd_request(text):
    codes = {finding.code for finding in lint([Rule("one", lang.parse(text))])}
    assert "never-matches" not in codes


def test_no_proof_about_an_ambiguous_path_where_no_rule_reads_paths():
    ruleset = Ruleset([Rule("agent", lang.parse('http.user_agent contains "bad"'))])
    holds = lang.parse('http.request.uri.path eq "/a/..;/b"').root
    http = HttpRequest(host=HOST, target="/a/%2e%2e;/b")
    assert compute(RequestView(http), EXTRACTORS.items())["http.request.uri.path"] == b"/a/..;/b"
    assert ask(HOST, [Side(ruleset, True)], others=[HOST], holds=holds).status != "proved"
