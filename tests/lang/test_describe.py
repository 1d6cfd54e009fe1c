"""Rows in the builder's words, for every expression that there is."""

import pytest
from hypothesis import given, settings

from mtls_tui import lang
from mtls_tui.lang import ast, tree
from mtls_tui.lang.catalogue import BUILDER
from mtls_tui.lang.clause import clause_text
from mtls_tui.lang.describe import describe, heading, sentence
from tests.lang.trees import nodes


def row(text):
    return describe(lang.parse(text).root)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('http.host in {"a.example.com" "b.example.com"}', "Hostname is in a.example.com, b.example.com"),
        ('not http.host in {"a"}', "Hostname is not in a"),
        ("cf.tls_client_auth.cert_verified", "Client certificate verified"),
        ("not cf.tls_client_auth.cert_verified", "not Client certificate verified"),
        ("not not ssl", "SSL/HTTPS"),
        ('http.host eq "a"', "Hostname equals a"),
        ('not http.host eq "a"', "not Hostname equals a"),
        ('http.host ne "a"', "Hostname does not equal a"),
        ('starts_with(http.request.uri.path, "/hook/")', "URI Path starts with /hook/"),
        ('not ends_with(http.request.uri.path, ".js")', "URI Path does not end with .js"),
        (r'http.host matches r"^a\.b$"', r"Hostname matches regex ^a\.b$"),
        ("ip.src in $office", "IP Source Address is in list $office"),
        ("ip.src in {10.0.0.0/8 192.0.2.1..192.0.2.9}", "IP Source Address is in 10.0.0.0/8, 192.0.2.1..192.0.2.9"),
        ("cf.edge.server_port in {}", "Server port is in (nothing)"),
        ('any(http.request.headers["x"][*] eq "a")', 'any Header["x"][*] equals a'),
        ('any(lower(http.request.headers.names[*])[*] == "x")', "any lower(Header names[*])[*] equals x"),
        ('not all(http.request.headers["x"][*] contains "a")', 'not all Header["x"][*] contains a'),
        (
            "http.request.uri.path ne raw.http.request.uri.path",
            "URI Path does not equal Raw URI Path",
        ),
        ('http.host eq ""', 'Hostname equals ""'),
        ('http.host in {"a, b"}', 'Hostname is in "a, b"'),
        (r'http.host eq "\x00"', r'Hostname equals "\x00"'),
        ("true", "always"),
        (
            'any((http.request.headers.names[*] eq "a" or http.request.headers.names[*] eq "b"))',
            "any(Header names[*] equals a or Header names[*] equals b)",
        ),
    ],
)
def test_a_row_in_words(text, words):
    assert row(text).words == words


def test_a_row_tells_where_its_parts_are():
    text = 'not any(lower(http.request.headers.names[*])[*] == "x-debug")'
    expression = lang.parse(text)
    found = describe(expression.root)
    assert (found.negated, found.quantifier) == (True, "any")
    assert tree.source(expression, found.subject_path) == "lower(http.request.headers.names[*])[*]"
    assert tree.source(expression, found.value_path) == '"x-debug"'
    assert found.choice is BUILDER["equals"]


def test_groups_have_headings():
    assert heading(lang.parse("ssl and ssl").root) == "all of"
    assert heading(lang.parse("ssl or ssl").root) == "any of"
    assert heading(lang.parse("ssl xor ssl").root) == "one of"
    assert heading(lang.parse("ssl xor ssl xor ssl").root) == "an odd number of"


def test_a_whole_rule_reads_like_a_sentence():
    text = (
        '(http.host in {"api.example.com"} and (not cf.tls_client_auth.cert_verified '
        "or cf.tls_client_auth.cert_revoked))"
    )
    assert sentence(lang.parse(text)) == (
        "Hostname is in api.example.com and (not Client certificate verified or Client certificate revoked)"
    )


@pytest.mark.parametrize("choice", BUILDER.values(), ids=lambda choice: choice.label)
def test_every_choice_of_the_builder_is_read_back_as_it_was_written(choice):
    subject = {"Bytes": "http.host", "Ip": "ip.src", "Int": "cf.edge.server_port"}[choice.types[-1].name]
    values = {"Bytes": '"a"', "Ip": "192.0.2.1", "Int": "80"}
    value = {"set": f"{{{values[choice.types[-1].name]}}}", "list": "$office"}.get(
        choice.form, values[choice.types[-1].name]
    )
    found = row(clause_text(subject, choice, value))
    assert found.negated == choice.negated
    assert choice.label in found.words
    assert found.choice is not None and found.choice.negated is False


@given(nodes)
@settings(deadline=None, max_examples=100)
def test_every_row_has_words_and_its_paths_lead_somewhere(node):
    expression = ast.Expression(node)
    assert sentence(node)
    for path, part in tree.walk(node):
        if not tree.is_expression(part):
            continue
        found = describe(part)
        assert found.words
        for below in (found.subject_path, found.value_path, found.clause_path):
            if below is not None:
                tree.node_at(expression, path + below)


def test_expressions_as_they_come_have_words(expressions):
    assert all(sentence(lang.parse(text, check=False, max_length=None)) for text in expressions)
