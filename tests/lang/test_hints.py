"""Every common mistake gets the original's place and words, and a hint that says what was meant."""

from __future__ import annotations

import gzip
import json

import pytest

from mtls_tui import lang

MISTAKES = [
    # text, column, code, what the hint says
    ('http.host in {"a", "b"}', 18, "bad-byte", "spaces, not commas"),
    ("cf.edge.server_port in {80, 443}", 27, "expected-digit", "spaces, not commas"),
    ("ip.src in {192.0.2.1, 192.0.2.2}", 21, "expected-address", "spaces, not commas"),
    ('ip.src eq "192.0.2.1"', 11, "expected-address", "without quotes"),
    ("ip.src eq 10.0.0.0/8", 11, "bad-address", "`in {10.0.0.0/8}`"),
    ("ip.src in 10.0.0.0/8", 11, "expected-literal", "`in {10.0.0.0/8}`"),
    ("ssl AND ssl", 4, "unrecognised-input", "lower case: `and`"),
    ("NOT ssl", 1, "unknown-identifier", "lower case: `not`"),
    ('http.host EQ "a"', 11, "expected-operator", "lower case: `eq`"),
    ('http.host not in {"a"}', 11, "expected-operator", "`not http.host in …`"),
    ('http.request.uri.path ends_with ".php"', 23, "expected-operator", '`ends_with(http.request.uri.path, ".php")`'),
    ('http.request.uri.path startsWith "/a"', 23, "expected-operator", '`starts_with(http.request.uri.path, "/a")`'),
    ("http.host eq 'a'", 14, "bad-byte", "straight double quotes"),
    ("http.host eq “a”", 14, "bad-byte", "straight double quotes"),
    ("http.host in {‘a’}", 15, "bad-byte", "straight double quotes"),
    ('http.hots eq "a"', 1, "unknown-identifier", "did you mean `http.host`?"),
    ('host eq "a"', 1, "unknown-identifier", "did you mean `http.host`?"),
    ("cf.tls_client_auth.cert_verfied", 1, "unknown-identifier", "did you mean `cf.tls_client_auth.cert_verified`?"),
    ('lowre(http.host) eq "a"', 1, "unknown-identifier", "did you mean `lower`?"),
    ('lower(cf.tls_versoin) eq "a"', 7, "unrecognised-input", "did you mean `cf.tls_version`?"),
    ("http.host eq www.example.com", 14, "unknown-identifier", '"www.example.com"'),
    ("http.host eq 5", 14, "too-few-characters", 'double quotes: "5"'),
    ("http.host < 12", 15, "too-few-characters", 'double quotes: "12"'),
    ('cf.waf.score eq "5"', 17, "expected-digit", "without quotes"),
    ('cf.waf.score contains "5"', 14, "unsupported-operator", "operators for an integer: eq, ne"),
    ('http.request.headers eq "a"', 22, "unsupported-operator", 'http.request.headers["name"][0]'),
    ('any(http.request.headers.names == "x")', 32, "unsupported-operator", "any(http.request.headers.names[*]"),
    ('http.request.headers.names[*] == "a"', 37, "type-mismatch", "any(…) or all(…)"),
    ('lower(http.request.headers.names) eq "a"', 7, "argument-type", "`[*]`"),
    ("any(ssl)", 5, "type-mismatch", "a single condition stands alone"),
    ("((ssl)", 7, "expected-literal", "opens at 1:1 is not closed"),
    ('(ssl and (http.host eq ")"', 27, "expected-literal", "opens at 1:10 is not closed"),
    ("(ssl))", 6, "unrecognised-input", "closes nothing"),
    ('http.host eq "\\d+"', 16, "bad-escape", 'r"\\d+"'),
    ('regex_replace(http.host, "\\.md$", "") eq "a"', 28, "bad-escape", 'r"\\.md$"'),
    ("ssl == true", 4, "unrecognised-input", "`ssl`"),
    ("ssl eq false", 4, "unrecognised-input", "`not ssl`"),
    ("ssl != true", 4, "unrecognised-input", "`not ssl`"),
    ('http.host matches "(?=a)"', 20, "bad-regex", "two conditions"),
    ('http.host matches "(a)\\1"', 20, "bad-regex", "can't refer to its groups"),
    ('http.host matches "*.php"', 20, "bad-regex", "`.*` matches anything"),
    ('http.host = "a"', 11, "expected-operator", "`eq` or `==`"),
    ("http.host", 10, "expected-operator", "an operator and a value have to follow"),
    ("ssl ssl", 4, "unrecognised-input", "joined by `and`"),
    ("ssl and", 8, "expected-name", "ends too early"),
    ("", 1, "expected-name", "has to stand here"),
    ('http.host eq "a', 15, "missing-quote", "never closed"),
    ('http.host\teq "a"', 10, "expected-operator", "a tab"),
    ("ssl # why", 4, "unrecognised-input", "no comments"),
    ("ip.src in {10.0.0.1/8}", 12, "bad-address", "10.0.0.0/8"),
    ("ip.src in {10.0.0.0/33}", 12, "bad-address", "at most 32"),
    ("cf.edge.server_port in {9..1}", 25, "range-bounds", "lower to the higher"),
    ("http.host in $Office", 15, "bad-list-name", "lower-case letters"),
    ('http.request.headers["a"]["b"] eq "a"', 26, "bad-index", "is an array"),
    ('http.request.headers[0] eq "a"', 21, "bad-index", "is a map"),
    ('http.host[*] eq "a"', 10, "bad-index", "single value"),
    ('http.request.headers[user-agent][0] eq "a"', 22, "expected-literal", "in double quotes"),
    ('substring(http.host) eq "a"', 20, "argument-count", "substring(field"),
    ('starts_with("a", http.host)', 13, "argument-kind", "a literal can't stand here"),
    ('split(http.host, http.cookie, 3)[0] eq "a"', 18, "argument-kind", "only a literal"),
    ('http.host wildcard "a**b"', 20, "bad-wildcard", "one `*`"),
    ('http.host wildcard "a\\\\b"', 20, "bad-wildcard", "only before `*`"),
    ('lower http.host eq "a"', 7, "expected-literal", "lower(value String)"),
    ("cf.edge.server_port eq 080", 24, "bad-number", "octal"),
    ("cf.edge.server_port eq 1.5", 25, "unrecognised-input", "whole numbers"),
    ('http.host eq "\\x4"', 17, "bad-byte", 'r"\\x4"'),
    ('cf.waf.score & "1"', 16, "expected-digit", "without quotes"),
]


@pytest.mark.parametrize(("text", "column", "code", "advice"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_a_mistake_is_placed_and_advised(text, column, code, advice):
    with pytest.raises(lang.ParseError) as caught:
        lang.parse(text)
    found = caught.value.diagnostic
    assert (found.line, found.column, found.code) == (1, column, code)
    assert advice in found.hint


@pytest.mark.slow
def test_hardly_any_mistake_goes_without_a_hint(shared):
    with gzip.open(shared("conformance/engine_verdicts.jsonl.gz"), "rt", encoding="utf-8") as lines:
        rejects = [record["expression"] for line in lines if "error" in (record := json.loads(line))]
    silent = 0
    for text in rejects:
        with pytest.raises(lang.ParseError) as caught:
            lang.parse(text, max_length=None)
        silent += not caught.value.diagnostic.hint
    assert silent < len(rejects) / 50


def test_a_printed_error_looks_like_the_services():
    with pytest.raises(lang.ParseError) as caught:
        lang.parse('ssl or\nhttp.blob ~ "Chrome"')
    assert str(caught.value) == (
        "Filter parsing error (2:1):\n"
        'http.blob ~ "Chrome"\n'
        "^^^^^^^^^ unknown identifier\n"
        "hint: no field or function has this name"
    )


def test_columns_count_characters_and_the_span_is_of_the_whole_text():
    text = 'ssl and\n  http.host in {"é" "ü" x}'
    with pytest.raises(lang.ParseError) as caught:
        lang.parse(text)
    found = caught.value.diagnostic
    assert (found.line, found.column) == (2, 25)
    assert text[found.span.start] == "x"


def test_long_lines_are_cut_around_the_place():
    text = "ssl and " * 100 + "oops and " + "ssl and " * 100 + "ssl"
    with pytest.raises(lang.ParseError) as caught:
        lang.parse(text)
    head, source, carets, *_ = str(caught.value).split("\n")
    assert head == "Filter parsing error (1:801):"
    assert source.startswith("…")
    assert source.endswith("…")
    assert source[carets.index("^") :].startswith("oops")
    assert carets.count("^") == 4
