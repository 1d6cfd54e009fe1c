"""Rules leave for Cloudflare and Terraform and come back with the same meaning; what can't go along is said."""

import json
import re

import pytest

from mtls_tui import lang, targets
from mtls_tui.engine.model import Response, Rule
from mtls_tui.targets.terraform import string

DEFAULT = '(http.host in {"api.example.com"} and not cf.tls_client_auth.cert_verified)'


def rule(text=DEFAULT, **more):
    return Rule(ref=more.pop("ref", "mtls-api"), expression=lang.parse(text), **more)


RULES = [
    rule(description="Require a client certificate", response=Response(403, "application/json", '{"error":"no"}')),
    rule('http.request.uri.path contains "${x}%{y}"', ref="paths", action="managed_challenge", enabled=False),
    rule("ip.src in {192.0.2.0/24}", ref="office", action="skip"),
]


def test_the_documented_shape_comes_out():
    body, notes = targets.ruleset(RULES[:1])
    assert notes == []
    assert body == {
        "name": "default",
        "description": "",
        "kind": "zone",
        "phase": "http_request_firewall_custom",
        "rules": [
            {
                "ref": "mtls-api",
                "description": "Require a client certificate",
                "expression": DEFAULT,
                "action": "block",
                "enabled": True,
                "action_parameters": {
                    "response": {"status_code": 403, "content": '{"error":"no"}', "content_type": "application/json"}
                },
            }
        ],
    }


@pytest.mark.parametrize("wrap", [lambda b: b, lambda b: {"result": b, "success": True}, lambda b: b["rules"]])
def test_rules_come_back_as_they_left(wrap):
    body, _ = targets.ruleset(RULES)
    rules, notes = targets.read_ruleset(json.loads(json.dumps(wrap(body))))
    assert notes == []
    assert [(r.ref, r.expression, r.action, r.enabled, r.response) for r in rules] == [
        (r.ref, r.expression, r.action, r.enabled, r.response) for r in RULES
    ]


def test_what_has_no_place_there_is_said():
    _, notes = targets.ruleset(
        [
            rule(shadow=True),
            rule(ref="log", action="log"),
            rule(ref="xml", response=Response(403, "application/xml", "é" * 1025)),
        ]
    )
    assert [note.ref for note in notes] == ["mtls-api", "log", "xml", "xml"]


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({"rules": [{"action": "block", "expression": "http.hots eq 1"}]}, "/rules/0/expression"),
        ({"result": {"rules": [{"action": "block"}]}}, "/result/rules/0/expression"),
        ({"phase": "http_ratelimit", "rules": []}, "/phase"),
        ([1], "/0"),
        ("text", "/"),
        (
            [{"expression": "ssl", "action": "block", "action_parameters": {"response": 1}}],
            "/0/action_parameters/response",
        ),
    ],
)
def test_errors_name_the_place(data, place):
    with pytest.raises(targets.TargetError, match=re.escape(place)):
        targets.read_ruleset(data)


def test_rules_of_other_phases_are_left_out_aloud():
    rules, notes = targets.read_ruleset([{"id": "a", "expression": "ssl", "action": "execute"}])
    assert rules == []
    assert [(note.ref, "execute" in note.message) for note in notes] == [("a", True)]


def test_a_skip_of_other_products_is_not_taken_for_a_skip_of_our_rules():
    item = {"id": "s", "expression": "ssl", "action": "skip", "action_parameters": {"products": ["waf"]}}
    rules, notes = targets.read_ruleset([item])
    assert rules == []
    assert "products" in notes[0].message


@pytest.mark.parametrize("version", [4, 5])
def test_terraform_holds_every_rule_once_and_in_order(version):
    text, _ = targets.resource(RULES, version=version)
    assert re.findall(r'ref +=? "([^"]+)"', text) == ["mtls-api", "paths", "office"]
    assert text.count("{") - text.count("}") == sum(string(lang.format(r.expression)).count("{") for r in RULES) - sum(
        string(lang.format(r.expression)).count("}") for r in RULES
    )
    assert ("rules = [" in text) == (version == 5)
    assert ("action_parameters = {" in text) == (version == 5)


def test_terraform_templates_in_expressions_stay_text():
    assert string('a "${b}" %{c}\n\x01') == '"a \\"$${b}\\" %%{c}\\n\\u0001"'


@pytest.mark.parametrize("action", [{}, [], 1, None, "rewrite"])
def test_an_action_of_any_shape_that_is_not_known_leaves_the_rule_out(action):
    rules, notes = targets.read_ruleset({"rules": [{"ref": "a", "action": action, "expression": "ssl"}]})
    assert not rules
    assert [note.ref for note in notes] == ["a"]
