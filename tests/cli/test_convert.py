"""`mtls-tui convert`: out and back in, nothing overwritten, what can't go along is said."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from mtls_tui import rulefile
from mtls_tui.cli.convert import command
from mtls_tui.cli.errors import InputError

SAMPLES = Path(__file__).resolve().parent.parent.parent / "sample_rules"
PINNED = SAMPLES / "3-pin-the-issuer.rules.toml"
LISTS = SAMPLES / "6-many-hosts-with-lists.rules.toml"


def run(*arguments, text=None, expect=0):
    result = CliRunner().invoke(command, [str(argument) for argument in arguments], input=text)
    if isinstance(result.exception, InputError):
        assert expect == 2, result.exception
        return str(result.exception), ""
    assert result.exit_code == expect, (result.output, result.exception)
    return result.stdout, result.stderr


def test_rules_come_back_from_cloudflares_shape_as_they_were(tmp_path):
    out, _ = run(PINNED, "--to", "cloudflare")
    back, _ = run("-", "--to", "rules", text=out)
    rules = tmp_path / "back.rules.toml"
    rules.write_text(back)
    mine, theirs = rulefile.load(rules).engine_rules, rulefile.load(PINNED).engine_rules
    assert [(r.ref, r.expression, r.action, r.enabled, r.response) for r in mine] == [
        (r.ref, r.expression, r.action, r.enabled, r.response) for r in theirs
    ]


def test_what_is_not_carried_over_is_said_and_makes_exit_code_1():
    out, said = run(LISTS, "--to", "cloudflare", expect=1)
    assert json.loads(out)["phase"] == "http_request_firewall_custom"
    assert "Enterprise" in said
    assert "$office" in said
    _, said = run("-", "--to", "rules", text=out, expect=1)
    assert said.count("to be cured") >= 1


@pytest.mark.parametrize(("target", "mark"), [("terraform", "rules = ["), ("terraform4", "  rules {")])
def test_terraform_goes_to_a_new_file_only(tmp_path, target, mark):
    path = tmp_path / "mtls.tf"
    run(PINNED, "--to", target, "-o", path)
    assert mark in path.read_text()
    assert "exists already" in run(PINNED, "--to", target, "-o", path, expect=2)[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"rules": 1}', "/rules: a list of rules is expected"),
        ("{}", "there is no ruleset here"),
        ('{"version": 4, "resources": []}', "there is no ruleset here"),
        ('[{"action": "block", "expression": "http.hots eq 1"}]', "did you mean `http.host`"),
        ('[{"ref": "a", "action": "block", "expression": "ssl", "description": "' + "x" * 600 + '"}]', "description"),
    ],
)
def test_bad_rulesets_are_one_clear_error(text, message):
    assert message in run("-", "--to", "rules", text=text, expect=2)[0]


def test_a_resource_name_cannot_break_out_of_its_quotes():
    assert "not a name for a resource" in run(PINNED, "--to", "terraform", "--name", 'a" {', expect=2)[0]


def test_one_rule_that_cannot_be_read_does_not_stop_the_others():
    rules = [{"ref": f"r{n}", "action": "block", "expression": f"ip.src in {{10.0.{n}.0/24}}"} for n in range(30)]
    rules[7]["expression"] = "cf.nonexisting.field eq 1"
    rules[9]["description"] = "x" * 600
    out, said = run("-", "--to", "rules", text=json.dumps({"rules": rules}), expect=1)
    made = rulefile.loads(out)
    assert [rule.ref for rule in made.rules] == [f"r{n}" for n in range(30) if n not in (7, 9)]
    assert "note: r7: the rule is left out: /rules/7/expression" in said
    assert "note: r9: the rule is left out" in said


def test_an_empty_ruleset_is_not_silent():
    assert "has no rules" in run("-", "--to", "rules", text='{"rules": []}', expect=1)[1]


def test_properties_stay_behind_and_are_named(mtls_tui, tmp_path):
    path = tmp_path / "a.rules.toml"
    path.write_text("[[rules]]\nref = 'a'\nexpression = 'ssl'\n[[properties]]\nname = 'all pass'\nexpect = 'allowed'\n")
    for target in ("cloudflare", "terraform", "terraform4"):
        result = mtls_tui("convert", path, "--to", target)
        assert result.code == 1 and "all pass" not in result.out
        assert "note: properties are not part of a ruleset: `all pass`; `mtls-tui prove` checks them" in result.err


def test_bytes_that_are_not_text_are_refused_in_plain_words(mtls_tui, tmp_path):
    (tmp_path / "junk.bin").write_bytes(b"\xf4\x00\xff")
    result = mtls_tui("convert", str(tmp_path / "junk.bin"), "--to", "rules")
    assert result.code == 2
    assert "junk.bin: not UTF-8 text; give a ruleset" in result.err and "codec" not in result.err
