"""No key of a rule is lost on its way from the file to a decision, nor without a word on its way to Cloudflare."""

from dataclasses import fields, replace

import msgspec
import pytest

from mtls_tui.engine.bundle import BundleResponse, BundleRule
from mtls_tui.engine.model import Response, Rule
from mtls_tui.engine.policy import Policy
from mtls_tui.lang import parse
from mtls_tui.rulefile import ResponseEntry, RuleEntry, bundle, loads
from mtls_tui.rulefile.edit import insert_rule
from mtls_tui.targets import ruleset
from mtls_tui.tui.app.evaluate import engine_rules
from mtls_tui.tui.state.content import Content

BASE = {"ref": "base", "expression": "ssl"}

# One value of each key that is not its default. A new key needs a row here.
VALUES = {
    "ref": "other",
    "expression": "not ssl",
    "description": "why",
    "action": "log",
    "enabled": False,
    "shadow": True,
    "response": {"status": 404, "content_type": "text/html", "body": "no"},
}

NOT_DECIDING: frozenset[str] = frozenset()
"""Keys of `RuleEntry` that stay in the rule file on purpose."""


def keys(record):
    return set(getattr(record, "__struct_fields__", ())) or {field.name for field in fields(record)}


def test_the_three_records_of_a_rule_have_the_same_keys():
    assert set(VALUES) == keys(RuleEntry), "write a value of the new key into VALUES"
    assert keys(RuleEntry) - NOT_DECIDING == keys(BundleRule) == keys(Rule)
    assert keys(ResponseEntry) == keys(BundleResponse) == keys(Response) == set(VALUES["response"])


@pytest.mark.parametrize("key", sorted(set(VALUES) - NOT_DECIDING))
def test_every_key_of_a_rule_arrives_in_the_bundle_and_in_the_engine(key):
    given = VALUES[key]
    file = insert_rule(loads(""), {**BASE, key: given})
    made = bundle(file)
    (bundled,) = made.rules
    told = getattr(bundled, key)
    assert (msgspec.to_builtins(told) if key == "response" else told) == given
    wanted = {"expression": parse, "response": lambda value: Response(**value)}.get(key, lambda value: value)(given)
    (loaded,) = Policy.from_bundle(made).ruleset.rules
    for rule in (loaded, file.rule(0), *engine_rules(Content(file=file))):
        assert getattr(rule, key) == wanted


@pytest.mark.parametrize("key", sorted(set(VALUES) - NOT_DECIDING))
def test_every_key_of_a_rule_is_carried_to_cloudflare_or_named_in_a_note(key):
    plain = Rule("base", parse("ssl"))
    value = {"expression": parse("not ssl"), "response": Response(404)}.get(key, VALUES[key])
    assert ruleset([replace(plain, **{key: value})]) != ruleset([plain])
