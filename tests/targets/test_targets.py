"""Rules leave for Cloudflare and Terraform and come back with the same meaning; what can't go along is said."""

import json
import re
import shutil
import subprocess

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
        ({"phase": "http_ratelimit", "rules": []}, "/phase"),
        ([{"phase": "http_ratelimit", "rules": []}], "/0/phase"),
        ({"rules": 1}, "/rules: a list of rules is expected"),
        ({"result": [{"phase": targets.cloudflare.PHASE}]}, "/result/0/rules: a ruleset without rules"),
        ([{"phase": targets.cloudflare.PHASE, "rules": []}] * 2, "/0, /1: several rulesets"),
        ({"result": None, "success": False}, "no ruleset"),
        ({"name": "default"}, "no ruleset"),
        ({"resources": [{"type": "cloudflare_zone", "instances": [{}]}]}, "no ruleset"),
        ({"values": {"root_module": {}}}, "no ruleset"),
        ("text", "/: there is no ruleset"),
    ],
)
def test_what_is_no_ruleset_is_an_error_that_names_the_place(data, place):
    with pytest.raises(targets.TargetError, match=re.escape(place)):
        targets.read_ruleset(data)


GOOD = {"ref": "good", "expression": "ssl", "action": "block"}
UNREADABLE = [
    ({"action": "block", "expression": "http.hots eq 1"}, "/1/expression"),
    ({"action": "block", "expression": "cf.nonexisting.field eq 1"}, "/1/expression"),
    ({"action": "block"}, "/1/expression"),
    (1, "/1: a rule object"),
    ({"id": "a", "expression": "ssl", "action": "execute"}, "/1/action: `execute`"),
    ({"expression": "ssl", "action": {}}, "/1/action"),
    ({"expression": "ssl", "action": "block", "action_parameters": {"response": 1}}, "/1/action_parameters/response"),
    ({"expression": "ssl", "action": "block", "action_parameters": {"overrides": 1}}, "`overrides` is not known"),
    ({"expression": "ssl", "action": "block", "enabled": "no"}, "/1/enabled"),
    ({"expression": "ssl", "action": "skip", "action_parameters": {"products": ["waf"]}}, "products"),
    ({"expression": "ssl", "action": "skip"}, "nothing of this ruleset"),
    ({"expression": "ssl", "action": "skip", "action_parameters": {"ruleset": "current", "phases": ["x"]}}, "phases"),
    ({**GOOD, "exposed_credential_check": {"username_expression": "x"}}, "/1/exposed_credential_check"),
    ({**GOOD, "ratelimit": {"period": 10}}, "/1/ratelimit"),
    ({**GOOD, "a_key_of_next_year": True}, "/1/a_key_of_next_year"),
]


@pytest.mark.parametrize(("item", "said"), UNREADABLE)
def test_a_rule_that_cannot_come_as_it_is_is_named_and_left_out_and_the_others_come(item, said):
    rules, notes = targets.read_ruleset([GOOD, item, {**GOOD, "ref": "last"}])
    assert [rule.ref for rule in rules] == ["good", "last"]
    assert len(notes) == 1
    assert said in notes[0].message


def test_what_changes_nothing_of_a_rule_does_not_stop_it():
    noise = {"version": "3", "last_updated": "2026-01-01T00:00:00Z", "categories": ["x"], "logging": {"enabled": True}}
    unset = {"ratelimit": None, "exposed_credential_check": [], "action_parameters": None, "enabled": None}
    rules, notes = targets.read_ruleset([{**GOOD, **noise, **unset}])
    assert ([rule.ref for rule in rules], notes) == (["good"], [])


def in_state(resource):
    return {"version": 4, "resources": [{"mode": "managed", "type": "cloudflare_zone", "instances": [{}]}, resource]}


def in_plan(resource):
    values = {"type": resource["type"], "mode": "managed", "values": resource["instances"][0]["attributes"]}
    return {"planned_values": {"root_module": {"child_modules": [{"resources": [values]}]}}, "prior_state": {}}


def shown(resource):
    return {"values": in_plan(resource)["planned_values"]}


def in_list(resource):
    return [{"phase": "http_ratelimit", "rules": [GOOD]}, resource["instances"][0]["attributes"]]


def four(rule):
    """A rule as the provider's version 4 keeps it: blocks are lists, what isn't set is there and empty."""
    parameters = dict(rule.get("action_parameters", {}))
    if "response" in parameters:
        parameters["response"] = [parameters["response"]]
    made = {**rule, "action_parameters": [{**parameters, "products": [], "id": ""}] if parameters else []}
    return {**made, "ratelimit": [], "exposed_credential_check": [], "logging": []}


@pytest.mark.parametrize("wrap", [in_state, in_plan, shown, in_list, lambda r: {"result": in_list(r)}])
@pytest.mark.parametrize("version", [4, 5])
def test_rules_come_from_terraforms_json_and_from_the_right_phase_of_a_list(wrap, version):
    body, _ = targets.ruleset(RULES)
    attributes = body | {"rules": [four(rule) for rule in body["rules"]]} if version == 4 else body
    resource = {"mode": "managed", "type": "cloudflare_ruleset", "instances": [{"attributes": attributes}]}
    rules, notes = targets.read_ruleset(json.loads(json.dumps(wrap(resource))))
    assert notes == []
    assert [(r.ref, r.expression, r.action, r.enabled, r.response) for r in rules] == [
        (r.ref, r.expression, r.action, r.enabled, r.response) for r in RULES
    ]


@pytest.mark.parametrize("version", [4, 5])
def test_terraform_holds_every_rule_once_and_in_order(version):
    text, _ = targets.resource(RULES, version=version)
    assert re.findall(r'ref +=? "([^"]+)"', text) == ["mtls-api", "paths", "office"]
    assert text.count("{") - text.count("}") == sum(string(lang.format(r.expression)).count("{") for r in RULES) - sum(
        string(lang.format(r.expression)).count("}") for r in RULES
    )
    assert ("rules = [" in text) == (version == 5)
    assert ("action_parameters = {" in text) == (version == 5)


@pytest.mark.parametrize("version", [4, 5])
def test_terraform_text_declares_provider_and_variable(version):
    text, _ = targets.resource(RULES[:1], version=version)
    assert f'source  = "cloudflare/cloudflare"\n      version = "~> {version}.0"' in text
    assert 'variable "cloudflare_zone_id" {' in text
    assert "zone_id     = var.cloudflare_zone_id" in text
    assert "variable" not in targets.resource(RULES[:1], zone_id='"abc"', version=version)[0]


@pytest.mark.parametrize("version", [4, 5])
def test_terraform_itself_reads_the_text_and_would_format_it_the_same(version):
    terraform = shutil.which("terraform")
    if terraform is None:
        pytest.skip("terraform is not here")
    text, _ = targets.resource(RULES, version=version)
    done = subprocess.run([terraform, "fmt", "-"], input=text, capture_output=True, text=True, check=True)
    assert done.stdout == text


def test_terraform_templates_in_expressions_stay_text():
    assert string('a "${b}" %{c}\n\x01') == '"a \\"$${b}\\" %%{c}\\n\\u0001"'


@pytest.mark.parametrize("action", [{}, [], 1, None, "rewrite"])
def test_an_action_of_any_shape_that_is_not_known_leaves_the_rule_out(action):
    rules, notes = targets.read_ruleset({"rules": [{"ref": "a", "action": action, "expression": "ssl"}]})
    assert not rules
    assert [note.ref for note in notes] == ["a"]
