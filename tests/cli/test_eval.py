"""`mtls-tui eval`: 0 matches, 1 does not, 2 error."""

import json

import pytest


@pytest.mark.parametrize(
    ("expression", "fields", "code"),
    [
        ('http.host eq "a"', ["http.host=a"], 0),
        ('http.host eq "a"', ["http.host=b"], 1),
        ("not cf.tls_client_auth.cert_verified", [], 0),
        ("cf.tls_client_auth.cert_verified", ["cf.tls_client_auth.cert_verified=true"], 0),
        ("ip.src in {192.0.2.0/24}", ["ip.src=192.0.2.1"], 0),
        ("http.request.timestamp.sec gt 5", ["http.request.timestamp.sec=4"], 1),
        ('any(http.request.headers["x"][*] eq "y")', ['http.request.headers={"x": ["z", "y"]}'], 0),
        ('http.host eq "a"', ["http.host=a=b"], 1),
        ("true", [], 0),
    ],
)
def test_an_expression_is_evaluated_on_fields_given_by_hand(expression, fields, code, mtls_tui):
    result = mtls_tui("eval", expression, *(f"--field={field}" for field in fields))
    assert result.code == code
    assert result.out == ("matches\n" if code == 0 else "does not match\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["http.hst eq 1"], "did you mean `http.host`?"),
        (["ssl", "-f", "http.hst=1"], "http.hst"),
        (["ssl", "-f", "ip.src=x"], "ip.src"),
        (["ssl", "-f", "nonsense"], "NAME=VALUE|FIELD=VALUE"),
        (["ip.src in $office"], "--lists"),
        (["ssl", "--lists", "absent.toml"], "no such file"),
        (["x" * 5000], "4,096|4096"),
        ([""], ""),
        ([], "Missing argument"),
        (["concat(", "--value"], ""),
    ],
)
def test_what_can_t_be_evaluated_says_why(arguments, words, mtls_tui):
    result = mtls_tui("eval", *arguments)
    assert result.code == 2
    assert result.out == ""
    assert any(word in result.err for word in words.split("|"))


def test_the_explanation_shows_every_clause(mtls_tui):
    result = mtls_tui("eval", 'http.host eq "a" and not ssl', "-f", "http.host=a", "-f", "ssl=true", "--explain")
    assert result.code == 1
    assert 'http.host eq "a"' in result.out
    assert "✗" in result.out
    data = json.loads(mtls_tui("eval", "--json", "--explain", "ssl or not ssl").out)
    assert data["matches"] is True
    assert [child["text"] for child in data["trace"]["children"]] == ["ssl", "not ssl"]


def test_a_value_expression_is_printed(mtls_tui):
    assert mtls_tui("eval", "--value", "lower(http.host)", "-f", "http.host=AB").out == "ab\n"
    assert mtls_tui("eval", "--value", "len(http.host)", "-f", "http.host=AB").out == "2\n"
    assert json.loads(mtls_tui("eval", "--value", "--json", 'http.request.headers["x"][0]').out) == {
        "missing": True,
        "value": None,
    }


def test_lists_come_from_a_rule_file(mtls_tui, sample):
    arguments = ("eval", "ip.src in $office", "--lists", sample(6), "-f")
    assert mtls_tui(*arguments, "ip.src=203.0.113.1").code == 0
    assert mtls_tui(*arguments, "ip.src=203.0.114.1").code == 1


def test_an_expression_comes_from_standard_input(mtls_tui):
    assert mtls_tui("eval", "-", "-f", "ssl=true", stdin=b"ssl\n  and\r\n ssl\n").code == 0
    assert mtls_tui("eval", "-", stdin=b"\xff").code == 2
    assert mtls_tui("eval", "-", stdin=b"x" * 2_000_000).code == 2


def test_control_characters_never_reach_the_terminal(mtls_tui):
    result = mtls_tui("eval", 'http.host eq "\x1b]0;x\x07"', "-f", "http.host=\x1b[2J", "--explain")
    assert "\x1b" not in result.out
    assert "\x1b" not in mtls_tui("eval", "--value", "lower(http.host)", "-f", "http.host=\x1b[2J").out
    assert "\x1b" not in mtls_tui("eval", "\x1b[2J eq 1").err


@pytest.mark.parametrize(
    ("name", "cure"),
    [("http.hots", "did you mean `http.host`?"), ("user_agent", "did you mean `http.user_agent`?"), ("zzz", "docs/")],
)
def test_an_unknown_field_is_named_with_the_one_that_is_meant(name, cure, mtls_tui):
    result = mtls_tui("eval", "ssl", "--field", f"{name}=1")
    assert result.code == 2
    assert f"`{name}` is not a field; {cure}" in result.err
