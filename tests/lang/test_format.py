"""The formatter: canonical, idempotent, meaning kept, parentheses as few as stay clear."""

import inspect
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mtls_tui import lang
from mtls_tui.lang import ast
from mtls_tui.lang.formatter import format_node, quote, raw_quote
from tests.lang.trees import expressions, scribbled


def canonical(text):
    return lang.format(lang.parse(text, check=False))


@given(scribbled())
@settings(deadline=None, max_examples=120)
def test_text_parses_to_the_tree_it_was_written_from_and_back(pair):
    expression, text = pair
    parsed = lang.parse(text, max_length=None)
    assert parsed == expression
    once = lang.format(parsed)
    again = lang.parse(once, max_length=None)
    assert again == expression
    assert lang.format(again) == once


@given(expressions, st.integers(10, 90))
@settings(deadline=None, max_examples=80)
def test_several_lines_say_the_same_as_one(expression, width):
    text = lang.format(expression, width=width)
    parsed = lang.parse(text, check=False, max_length=None)
    assert parsed == expression
    assert lang.format(parsed, width=width) == text
    assert lang.format(parsed) == lang.format(lang.parse(lang.format(expression), check=False, max_length=None))


@pytest.mark.parametrize(
    "text",
    [
        '(http.host in {"a.example.com"} and not cf.tls_client_auth.cert_verified)',
        '(http.host eq "a") or (http.host eq "b")',
        '(http.host eq "a" and ssl) or (ip.src.country eq "KP")',
        "(not ip.src in {192.0.2.0/24})",
        'not http.request.uri.path contains "/x"',
        'not (http.host eq "a" and ssl)',
        'not (http.host eq "a")',
        "(ssl and cf.tls_client_auth.cert_verified) and cf.tls_client_auth.cert_presented",
        "true",
        'http.request.uri.path matches r"^/a\\.b"',
        'any(lower(http.request.headers.names[*])[*] eq "x-debug")',
        'any((http.request.headers.names[*] eq "a" or http.request.headers.names[*] eq "b"))',
        "cf.edge.server_port in {80 443 8000..8009}",
        "http.request.uri.path ne raw.http.request.uri.path",
        'any((starts_with(http.request.headers.names[*], "x")))',
    ],
)
def test_what_the_builder_and_careful_authors_write_stays(text):
    assert canonical(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('((http.host eq "a"))', '(http.host eq "a")'),
        ('http.host=="a"&&!ssl', 'http.host eq "a" and not ssl'),
        ("ssl and ssl or ssl", "(ssl and ssl) or ssl"),
        ("ssl xor ssl and ssl", "ssl xor (ssl and ssl)"),
        ("(ssl) and (ssl)", "ssl and ssl"),
        ("not (ssl)", "not ssl"),
        ("!!ssl", "not not ssl"),
        ('http.host in {  "a"\n"b"}', 'http.host in {"a" "b"}'),
        ('http.host ~ "a"', 'http.host matches "a"'),
        ("cf.edge.server_port in {0x50..0120}", "cf.edge.server_port in {0x50..0120}"),
        ('starts_with( http.host ,"a" )', 'starts_with(http.host, "a")'),
        ('any((http.request.headers.names[*] == "a"))', 'any(http.request.headers.names[*] eq "a")'),
        ("((ssl and ssl) and ssl)", "((ssl and ssl) and ssl)"),
        ("(((ssl and ssl))) or ssl", "(ssl and ssl) or ssl"),
    ],
)
def test_notation_spaces_and_parentheses_become_canonical(text, expected):
    assert canonical(text) == expected


def test_a_width_breaks_before_operators_and_between_set_items():
    text = canonical(
        '(http.host in {"api.example.com" "b.example.com"} and (not cf.tls_client_auth.cert_verified or '
        'cf.tls_client_auth.cert_revoked) and not starts_with(http.request.uri.path, "/hook/"))'
    )
    assert lang.format(lang.parse(text), width=80) == (
        '(http.host in {"api.example.com" "b.example.com"}\n'
        " and (not cf.tls_client_auth.cert_verified or cf.tls_client_auth.cert_revoked)\n"
        ' and not starts_with(http.request.uri.path, "/hook/"))'
    )
    assert lang.format(lang.parse('http.host in {"aaaaaaaaaa" "bbbbbbbbbb" "cccccccccc"}'), width=40) == (
        'http.host in {"aaaaaaaaaa" "bbbbbbbbbb"\n              "cccccccccc"}'
    )
    assert "\n" not in lang.format(lang.parse(text), width=400)


@given(st.binary(max_size=20))
@example(b'\xc3\x28\x00"\\')
@settings(deadline=None, max_examples=100)
def test_a_quoted_literal_denotes_the_bytes_it_was_made_from(value):
    comparison = lang.parse(f"http.host eq {quote(value)}").root
    assert comparison.right.value == value
    assert quote(value).isprintable()


@given(st.text(alphabet='a"#\\ é', max_size=12))
@settings(deadline=None, max_examples=100)
def test_a_raw_literal_denotes_the_bytes_it_was_made_from(value):
    comparison = lang.parse(f"http.host eq {raw_quote(value.encode())}").root
    assert comparison.right.value == value.encode()


def test_what_no_raw_literal_can_show_is_refused():
    for value in (b"\xff", b"a\x1bb", b'"' + b"#" * 255):
        with pytest.raises(ValueError):
            raw_quote(value)


def test_trees_made_by_hand_need_no_spans():
    row = ast.Comparison(ast.Field("http.host"), "eq", ast.String(b"a", '"a"'))
    group = ast.Logical("or", (row, ast.Not(ast.Logical("and", (row, ast.Test(ast.Field("ssl")))))))
    assert format_node(group) == 'http.host eq "a" or not (http.host eq "a" and ssl)'


def test_expressions_as_they_come_keep_their_meaning(expressions):
    for text in expressions:
        parsed = lang.parse(text, check=False, max_length=None)
        once = lang.format(parsed)
        again = lang.parse(once, check=False, max_length=None)
        assert again == parsed
        assert lang.format(again) == once
        wide = lang.format(parsed, width=100)
        assert lang.parse(wide, check=False, max_length=None) == parsed
    assert len(expressions) > 300


def test_the_deepest_rule_that_parses_is_written_with_little_stack():
    depth = 126
    text = "(ssl and " * depth + "ssl" + ")" * depth
    parsed = lang.parse(text)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 120)
    try:
        written = lang.format(parsed)
    finally:
        sys.setrecursionlimit(limit)
    assert written == text
    assert lang.format(parsed, width=60) == text  # on several lines it would pass 4,096 characters


def test_breaking_lines_never_makes_a_valid_rule_too_long():
    rows = [f'http.host eq "{index:04}"' for index in range(160)]
    parsed = lang.parse(f"not ({' or '.join(rows)})")
    assert "\n" in lang.format(lang.parse(f"not ({' or '.join(rows[:140])})"), width=80)
    assert lang.parse(lang.format(parsed, width=80)) == parsed
