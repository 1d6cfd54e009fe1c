"""The question that proofs, comparisons and properties stand on."""

import pytest

from mtls_tui import lang
from mtls_tui.analysis import Side, ask
from mtls_tui.engine import Ruleset
from mtls_tui.engine.model import Rule

HOST = "api.example.com"


def ruleset(*texts, lists=None):
    made = []
    for number, text in enumerate(texts):
        action, _, expression = text.partition(": ")
        made.append(Rule(f"r{number}", lang.parse(expression), action))
    return Ruleset(made, lists or {})


def root(text):
    return None if text is None else lang.parse(text).root


ADMIN = ruleset('block: starts_with(http.request.uri.path, "/admin") and not cf.tls_client_auth.cert_verified')


@pytest.mark.parametrize(
    ("client", "holds", "unless", "allowed", "status"),
    [
        ("none", 'starts_with(http.request.uri.path, "/admin")', None, True, "proved"),
        ("valid", 'starts_with(http.request.uri.path, "/admin")', None, True, "witness"),
        ("valid", 'starts_with(http.request.uri.path, "/admin")', None, False, "proved"),
        ("none", None, 'starts_with(http.request.uri.path, "/admin")', True, "witness"),
        ("none", None, 'starts_with(http.request.uri.path, "/admin")', False, "proved"),
        ("none", 'http.request.method eq "POST"', None, False, "witness"),
        ("none", 'http.request.method eq "POST" and http.request.method eq "PUT"', None, None, "proved"),
        ("none", 'http.request.method eq "POST"', 'http.request.uri.path eq "/"', None, "witness"),
    ],
)
def test_the_answer_is_a_request_as_asked_for_or_a_proof(client, holds, unless, allowed, status):
    answer = ask(HOST, [Side(ADMIN, allowed)], client=client, holds=root(holds), unless=root(unless))
    assert answer.status == status
    if status == "witness":
        assert allowed is None or (answer.decisions[0].action == "allow") is allowed
        assert answer.http.host == HOST


def test_two_sides_are_asked_about_one_request():
    after = ruleset('block: http.request.uri.path eq "/admin" and not cf.tls_client_auth.cert_verified')
    answer = ask(HOST, [Side(ADMIN, False), Side(after, True)], client="none")
    assert [decision.action for decision in answer.decisions] == ["block", "allow"]
    assert ask(HOST, [Side(ADMIN, True), Side(after, False)], client="none").status == "proved"
    assert ask(HOST, [Side(None, False), Side(after, True)], client="none").status == "witness"
    assert ask(HOST, [Side(None, True), Side(after, None)], client="none").status == "proved"


def test_a_side_without_mtls_sees_no_certificate():
    presented = ruleset("block: cf.tls_client_auth.cert_presented")
    sides = [Side(presented, False), Side(presented, True, mtls=False)]
    assert ask(HOST, sides, client="untrusted").status == "witness"
    assert ask(HOST, sides, client="none").status == "proved"


def test_lists_of_a_condition_are_those_of_the_last_side():
    before = ruleset("block: not ip.src in $office", lists={"office": ["192.0.2.1"]})
    after = ruleset("block: not ip.src in $office", lists={"office": ["192.0.2.1", "192.0.2.2"]})
    sides = [Side(before, False), Side(after, True)]
    assert ask(HOST, sides, holds=root("ip.src in $office")).http.client_ip == "192.0.2.2"
    assert ask(HOST, sides, unless=root("ip.src in $office")).status == "proved"
