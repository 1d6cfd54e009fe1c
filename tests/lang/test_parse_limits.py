"""Any text ends in an expression or a diagnostic, soon, whatever it is."""

from __future__ import annotations

import random
import sys
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mtls_tui import lang
from mtls_tui.lang import grammar

MEGA = 10_000_000
GIANTS = {
    "parentheses": lambda: "(" * MEGA,
    "quotes": lambda: '"' * MEGA,
    "bytes": lambda: random.Random(1).randbytes(MEGA).decode("latin-1"),
    "characters of the language": lambda: (
        "".join(random.Random(1).choices('()"\\ andorhtp.eqin{}[]*!', k=MEGA // 10)) * 10
    ),
    "blanks": lambda: " " * MEGA,
    "negations": lambda: "!" * MEGA,
    "a name": lambda: "a." * (MEGA // 2),
    "a string": lambda: 'http.host eq "' + "a" * MEGA,
    "escapes": lambda: 'http.host eq "' + '\\"' * (MEGA // 2),
    "a raw string": lambda: 'http.host eq r#"' + '"' * MEGA,
    "hashes": lambda: "http.host eq r" + "#" * MEGA,
    "a pattern": lambda: 'http.host matches "' + "(" * MEGA + '"',
    "classes": lambda: 'http.host matches "' + "[a" * (MEGA // 2),
    "repetitions": lambda: 'http.host matches "' + "a{1000}" * (MEGA // 7) + '"',
    "digits": lambda: "cf.waf.score eq " + "9" * MEGA,
    "an address": lambda: "ip.src in {" + "1:" * (MEGA // 2),
    "indexes": lambda: "http.request.headers" + "[*]" * (MEGA // 3),
    "calls": lambda: "lower(" * (MEGA // 6),
    "quantifiers": lambda: "any(" * (MEGA // 4),
    "stars": lambda: 'http.host wildcard "' + "*a" * (MEGA // 2),
}


@pytest.mark.parametrize("name", GIANTS)
@pytest.mark.parametrize("options", [{}, {"max_length": None}, {"max_length": None, "check": False}], ids=str)
def test_ten_megabytes_end_in_an_error_within_a_second(name, options):
    text = GIANTS[name]()
    start = time.process_time()
    with pytest.raises(lang.ParseError) as caught:
        lang.parse(text, **options)
    assert str(caught.value)
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    ("opening", "closing"),
    [("(", ")"), ("not ", ""), ("!", ""), ("!(", ")"), ("any(", ")"), ("starts_with(lower(", ")")],
)
def test_the_nesting_limit_is_128_and_its_place_the_first_too_many(opening, closing):
    depth = opening.count("(") + opening.count("not") + opening.count("!")
    text = opening * (129 // depth + 1) + "ssl" + closing * (129 // depth + 1)
    with pytest.raises(lang.ParseError) as caught:
        lang.parse(text, check=False)
    assert caught.value.diagnostic.message == "maximum nesting depth exceeded (limit: 128)"


def test_128_levels_of_every_kind_are_read():
    lang.parse("(" * 128 + "ssl" + ")" * 128)
    lang.parse("not " * 128 + "ssl")
    lang.parse("lower(" * 128 + "http.host" + ")" * 128 + ' eq "a"')
    with pytest.raises(lang.ParseError) as caught:
        lang.parse("(" * 129 + "ssl" + ")" * 129)
    assert caught.value.diagnostic.column == 129


def test_a_caller_deep_in_calls_gets_an_error_and_no_recursion_error():
    text = "lower(" * 128 + "http.host" + ")" * 128 + ' eq "a"'

    def deep(levels):
        return lang.parse(text) if levels == 0 else deep(levels - 1)

    limit = sys.getrecursionlimit()
    for levels in (limit - 400, limit - 300, limit - 250):
        try:
            deep(levels)
        except lang.ParseError as error:
            assert error.diagnostic.code == "nesting-limit"
        except RecursionError:
            pass  # the test's own calls were too many already


def test_surrogates_are_refused():
    with pytest.raises(lang.ParseError) as caught:
        lang.parse('http.host eq "\udc80"')
    assert (caught.value.diagnostic.code, caught.value.diagnostic.column) == ("not-unicode", 15)


WORDS = (
    'http.host ssl ip.src cf.waf.score http.request.headers ( ) [ ] [*] ["k"] [0] { } " "a" r" r#"a"# \\ $a 1 0x1 '
    "- 1..2 1.2.3.4 ::1 / 10.0.0.0/8 , eq == ne in contains matches wildcard strict & not! ! and or xor ^^ | || "
    'true any( all( lower( len( concat( starts_with( "(a" "[a" "\\d" "\\x4" é “ oops AND .'
)
FRAGMENTS = st.sampled_from([*WORDS.split(), "\t", "\n", " ", "strict wildcard", "not "])


@settings(max_examples=600, deadline=None)
@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(FRAGMENTS, max_size=14).map(" ".join),
        st.lists(FRAGMENTS, max_size=14).map("".join),
    )
)
@example('http.host matches "')
@example('http.host matches "\\')
@example('http.host matches "[\\')
@example("http.request.headers[")
@example("ip.src in {1.2.3.4..")
@example("len(1")
def test_any_text_gives_an_expression_or_a_diagnostic_with_a_place_in_it(text):
    for check in (True, False):
        try:
            expression = lang.parse(text, check=check)
        except lang.ParseError as error:
            found = error.diagnostic
            lines = text.split("\n")
            assert 1 <= found.line <= len(lines)
            assert 1 <= found.column <= len(lines[found.line - 1]) + 1
            start = sum(len(line) + 1 for line in lines[: found.line - 1]) + found.column - 1
            assert found.span.start == start <= found.span.end <= len(text)
            assert found.message
            assert str(error)
        else:
            assert lang.parse(lang.format(expression), check=check, max_length=None) == expression


@settings(max_examples=200, deadline=None)
@given(st.lists(FRAGMENTS, max_size=12).map(" ".join))
def test_what_is_checked_reads_the_same_unchecked(text):
    try:
        checked = lang.parse(text)
    except lang.ParseError:
        return
    assert lang.parse(text, check=False) == checked


def test_small_rules_and_large_ones_are_read_in_time():
    def seconds(text, times):
        lang.parse(text)
        start = time.process_time()
        for _ in range(times):
            lang.parse(text)
        return (time.process_time() - start) / times

    rule = '(http.host in {"api.example.com"} and not cf.tls_client_auth.cert_verified)'
    assert seconds(rule, 500) < 0.0005
    large = " or ".join(
        f'(http.host eq "h{n}.example.com" and http.request.uri.path contains "/x{n}")' for n in range(50)
    )
    assert 3500 < len(large) <= 4096
    assert seconds(large, 10) < 0.02


@pytest.mark.parametrize(
    "unit",
    [
        *("http.host eq concat(http.host eq ", "http.host eq lower(", "no.such eq other(", "any(len(x) eq len("),
        *("decode_base64(decode_base64(", "ab.cd(ab.cd(", "(not (", "ip.src in {1 any(", 'concat(http.host,"a",'),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_nothing_is_read_twice_at_every_level(unit, check):
    text = (unit * 200)[:4000]
    grammar.read_expression("ssl")  # imported and warm
    start = time.process_time()
    with pytest.raises(lang.ParseError):
        lang.parse(text, check=check)
    assert time.process_time() - start < (0.2 if check else 1)
