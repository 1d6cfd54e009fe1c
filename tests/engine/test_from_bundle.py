"""A ruleset from a bundle: whole and verified, or refused with the rule that is wrong."""

import gc

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mtls_tui.engine import Bundle, BundleError, Response, Rule, Ruleset
from mtls_tui.engine.bundle import BundleList, BundleResponse, BundleRule
from mtls_tui.engine.from_bundle import without_collector

RULE = BundleRule(
    ref="mtls",
    expression='http.host in {"a.example"} and not ip.src in $office',
    action="block",
    description="d",
    response=BundleResponse(status=401, content_type="application/json", body="{}"),
)
LISTS = {"office": BundleList(kind="ip", items=("192.0.2.0/24",))}


def written(tmp_path, bundle, key=None):
    path = tmp_path / "rules.bundle.json"
    path.write_bytes(bundle.encode(key))
    return path


def test_rules_and_lists_of_a_bundle_decide(tmp_path):
    off = BundleRule(ref="off", expression="true", action="log", enabled=False, shadow=True)
    ruleset = Ruleset.from_bundle(written(tmp_path, Bundle(rules=(RULE, off), lists=LISTS)))
    decision = ruleset.decide({"http.host": b"a.example"})
    assert decision.action == "block"
    assert decision.rule.response == Response(401, "application/json", "{}")
    first, second = ruleset.rules
    assert (first.ref, first.description, first.enabled, first.shadow) == ("mtls", "d", True, False)
    assert second == Rule("off", second.expression, "log", enabled=False, shadow=True)


def test_with_a_key_only_what_it_signed_is_loaded(tmp_path):
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    path = written(tmp_path, Bundle(rules=(RULE,), lists=LISTS), key)
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert Ruleset.from_bundle(path, verify_key=key.public_key()).rules
    assert Ruleset.from_bundle(str(path), verify_key=pem).rules
    with pytest.raises(BundleError):
        Ruleset.from_bundle(path, verify_key=other.public_key())


@pytest.mark.parametrize(
    ("rule", "lists", "said"),
    [
        (BundleRule(ref="r", expression="http.hots eq 1", action="block"), {}, "rule r: unknown identifier"),
        (BundleRule(ref="r", expression="http.hots", action="block", enabled=False), {}, "rule r: unknown identifier"),
        (RULE, {}, "rule mtls: no list is named `office`"),
        (RULE, {"office": BundleList(kind="asn", items=(1,))}, "rule mtls: `office` is a list of kind asn"),
        (RULE, {"office": BundleList(kind="ip", items=("x",))}, "rule mtls: the list `office` can't be used here"),
    ],
)
def test_what_is_wrong_with_a_rule_or_list_is_said_at_load(tmp_path, rule, lists, said):
    with pytest.raises(BundleError) as caught:
        Ruleset.from_bundle(written(tmp_path, Bundle(rules=(rule,), lists=lists)))
    assert caught.value.message.startswith(said)
    assert caught.value.cure


def test_a_file_that_can_not_be_read_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="no such file"):
        Ruleset.from_bundle(tmp_path / "absent.bundle.json")


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_as_before_after_a_load_that_failed(enabled):
    before = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        with pytest.raises(ZeroDivisionError), without_collector():
            assert not gc.isenabled()
            raise ZeroDivisionError
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()
