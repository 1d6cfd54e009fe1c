"""`mtls-tui prove`: 0 proved, 1 a request passes (or no proof), 2 error; what it shows can be repeated."""

import json
import shlex

import pytest


def test_the_default_rule_is_proved_to_keep_everyone_out(mtls_tui, sample):
    result = mtls_tui("prove", sample(1))
    assert result.code == 0
    assert result.out.count("✓") == 2
    assert "every request to api.example.com without a certificate is blocked" in result.out


def test_a_revoked_certificate_passes_the_default_rule(mtls_tui, sample):
    assert mtls_tui("prove", sample(1), "--client", "revoked").code == 1
    assert mtls_tui("prove", sample(2), "--client", "revoked").code == 0


def test_a_request_that_passes_can_be_simulated(mtls_tui, sample):
    path = sample(5)
    result = mtls_tui("prove", path)
    assert result.code == 1
    lines = [line.partition("try it: ")[2] for line in result.out.splitlines() if "try it: " in line]
    assert lines
    for line in lines:
        again = mtls_tui(*shlex.split(line)[1:])
        assert again.code == 0, again.out + again.err


def test_json_has_the_same_answers(mtls_tui, sample):
    data = json.loads(mtls_tui("prove", sample(5), "--json").out)
    statuses = [answer["status"] for answer in data["answers"]]
    assert "reached" in statuses
    reached = next(answer for answer in data["answers"] if answer["status"] == "reached")
    assert reached["request"]["url"].startswith("https://")
    assert reached["try"].startswith("mtls-tui simulate ")


def test_a_change_is_shown_by_who_is_newly_let_in(mtls_tui, sample, tmp_path):
    old, new = sample(2), sample(1)
    result = mtls_tui("prove", new, "--against", old)
    assert result.code == 1
    assert "with a revoked certificate is allowed now" in result.out
    assert "no request to api.example.com is newly blocked" in result.out
    assert mtls_tui("prove", old, "--against", old).code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "nowhere.example.com"], "no host `nowhere.example.com`"),
        (["--against", "missing.rules.toml"], "missing.rules.toml"),
    ],
)
def test_what_is_not_there_is_an_error(arguments, message, mtls_tui, sample):
    result = mtls_tui("prove", sample(1), *arguments)
    assert result.code == 2
    assert message in result.err


def test_internationalised_hosts_are_proved_by_their_a_labels(mtls_tui, tmp_path):
    rules = tmp_path / "idn.rules.toml"
    rules.write_text(
        'version = 1\n[[hosts]]\nname = "bücher.example"\nmtls = true\n[[rules]]\nref = "m"\naction = "block"\n'
        "expression = '(http.host eq \"xn--bcher-kva.example\" and not cf.tls_client_auth.cert_verified)'\n"
    )
    for arguments in ([str(rules)], [str(rules), "--host", "bücher.example"]):
        assert mtls_tui("prove", *arguments).code == 0


def test_nothing_to_prove_is_no_proof(mtls_tui, tmp_path):
    rules = tmp_path / "empty.rules.toml"
    rules.write_text("version = 1\n")
    assert mtls_tui("prove", rules).code == 1
