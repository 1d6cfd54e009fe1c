"""The differences that docs/compatibility-evaluation.md lists, and the list itself."""

import re
from pathlib import Path

import pytest

from mtls_tui import engine, lang
from mtls_tui.lang.catalogue import FUNCTIONS

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "compatibility-evaluation.md"


def holds(text, fields=None):
    expression = lang.parse(text)
    verdict = engine.compile(expression)(fields or {})
    assert engine.explain(expression, fields or {}).verdict is verdict
    return verdict


def test_every_entry_names_a_test_that_is_there():
    named = re.findall(r"`(?:(test_\w+)\.py::)?(test_\w+)`", PAGE.read_text())
    assert len(named) >= 18
    current = ""
    for module, test in named:
        current = module or current
        assert f"def {test}(" in (HERE / f"{current}.py").read_text(), f"{current}::{test}"
    entries = re.findall(r"^- ", PAGE.read_text(), re.MULTILINE)
    assert len(entries) <= len(named)


@pytest.mark.parametrize("text", ['is_jwt_valid("x")', 'is_jwt_present("x")', "bit_slice(tcp, 0, 8) ge 0"])
def test_what_only_the_network_knows_is_missing(text):
    assert holds(text, {"tcp": b"\xff"}) is False
    assert holds(f"not {text}", {"tcp": b"\xff"}) is True


def test_documented_examples_that_are_wrong():
    wrong = [e for e in FUNCTIONS["regex_replace"].examples if e.result is False]
    assert len(wrong) == 1
    assert holds(wrong[0].expression) is False
    assert holds(wrong[0].expression.replace('"/bar/path/a/"', '"/bar/path/a"')) is True
    tokens = [e for e in FUNCTIONS["is_timed_hmac_valid_v0"].examples if "http.request.uri" in e.given]
    assert len(tokens) == 2
    for example in tokens:
        fields = {name: v.encode() if isinstance(v, str) else v for name, v in example.given.items()}
        assert holds(example.expression, fields | {"http.request.timestamp.sec": 1_484_063_787}) is False


def test_url_decode_ends():
    def decoded(value, options):
        parsed = lang.parse_value(f'url_decode(http.request.uri.path, "{options}")')
        return engine.evaluate(parsed, {"http.request.uri.path": value})

    assert decoded(b"%" + b"25" * 10 + b"41", "r") == b"A"
    assert decoded(b"%" + b"25" * 50_000 + b"41", "r") == b"A"
    assert decoded(b"%" + b"u0025" * 50_000 + b"41", "ur") == b"A"
    assert decoded(b"%" + b"25" * 9 + b"u2601", "ur") == "☁".encode()
    assert decoded(b"%" + b"25" * 9 + b"uD83D%uDE00", "ur") == b"\xef\xbf\xbd" * 2
    assert decoded(b"%25252525uD83D%25252525uDE00", "ur") == "😀".encode()
    assert decoded(b"100%", "r") == b"100%"
    assert decoded(b"a%2Bb", "r") == b"a b"
    assert decoded(b"%ud83d", "u") == "\ufffd".encode()


def test_query_args_compare_as_spelled():
    parsed = lang.parse_value('remove_query_args(http.request.uri.query, "a b")')
    assert engine.evaluate(parsed, {"http.request.uri.query": b"a%20b=1&a b=2"}) == b"a%20b=1"


def test_case_is_ascii():
    fields = {"http.user_agent": "ÄA".encode()}
    assert holds('lower(http.user_agent) eq "Äa"', fields)
    assert holds('upper(http.user_agent) eq "ÄA"', fields)
    assert holds('http.user_agent wildcard "Äa"', fields)
    assert not holds('http.user_agent wildcard "äa"', fields)
