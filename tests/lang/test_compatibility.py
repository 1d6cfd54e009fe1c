"""Every difference that docs/compatibility.md lists for the grammar, pinned."""

from __future__ import annotations

import re

import pytest

from mtls_tui import lang
from mtls_tui.lang.ast import Always, Call, Comparison, Field, Not, String
from tests.conftest import ROOT


def refused(text, **options):
    with pytest.raises(lang.ParseError) as caught:
        lang.parse(text, **options)
    return caught.value.diagnostic


def test_every_pin_of_the_page_exists():
    page = (ROOT / "docs" / "compatibility.md").read_text()
    pins = re.findall(r"`(test_\w+)\.py(?:::(test_\w+))?`", page)
    assert len(pins) > 15
    for file, name in pins:
        found = list((ROOT / "tests").rglob(f"{file}.py"))
        assert found, file
        assert not name or any(f"def {name}(" in path.read_text() for path in found), name


def test_true_and_false_are_conditions_and_no_values():
    assert lang.parse("true").root == Always(True)
    assert lang.parse("(not false)").root == Not(Always(False))
    assert lang.parse("ssl or true").root.items[1] == Always(True)
    assert refused("ssl eq true").column == 4
    assert refused("http.host eq true").message == "unknown identifier"
    assert refused("any(true)").column == 5
    assert refused("truethy").message == "unknown identifier"


def test_right_sides_may_be_values_of_the_same_type():
    root = lang.parse("http.request.uri.path ne raw.http.request.uri.path").root
    assert root == Comparison(Field("http.request.uri.path"), "ne", Field("raw.http.request.uri.path"))
    assert isinstance(lang.parse("len(http.host) gt len(http.cookie)").root.right, Call)
    lang.parse("ip.src eq cf.edge.server_ip")
    lang.parse("any(http.request.headers.names[*] eq http.host)")
    found = refused("http.host eq cf.waf.score")
    assert (found.column, found.message) == (14, "expected value of type Bytes, but got Int")
    found = refused("http.host eq http.request.headers.names[*]")
    assert (found.column, found.message) == (14, "expected value of type Bytes, but got Array<Bytes>")
    for operator in ("contains", "in", "matches", "wildcard"):
        refused(f"http.host {operator} http.cookie")


def test_a_begun_literal_keeps_its_own_error():
    assert (refused("http.host eq ab:zz").column, refused("http.host eq ab:cd:e").column) == (17, 20)
    assert refused('http.host eq r"abc').message == "could not find an ending quote"
    assert refused("http.host eq r##x").message == 'expected " or #'
    assert refused("ip.src eq fe80:zz").message.startswith("couldn't parse address")
    assert refused("http.host eq cafe").message == "unknown identifier"


def test_byte_strings_take_three_separators():
    for text in ("61:62-63.64", "AB-cd", "ab.cd"):
        literal = lang.parse(f"http.host eq {text}").root.right
        assert literal == String(bytes.fromhex(re.sub("[:.-]", "", text)), text)


def test_any_and_all_are_no_names():
    assert refused("any").message == "unknown identifier"
    assert refused("http.host eq all").column == 14
    assert refused("any http.host").column == 1


def test_bitwise_and_takes_an_integer():
    lang.parse("cf.waf.score & 0x0f")
    assert refused("cf.waf.score & cf.threat_score").column == 16


def test_places_count_characters():
    found = refused('  ssl and\nhttp.host in {"ééé" x}')
    assert (found.line, found.column) == (2, 21)
    assert refused("  oops").column == 3


def test_types_are_readable_in_messages():
    assert refused('http.request.headers eq "a"').message == ("cannot perform this operation on type Map<Array<Bytes>>")
    assert refused('http.host matches "(?=a)"').message == (
        "error: look-around, including look-ahead and look-behind, is not supported"
    )


@pytest.mark.parametrize("text", ["", "   ", "\n\t\n"])
def test_an_empty_text_is_an_error(text):
    found = refused(text)
    assert (found.code, found.hint) == ("expected-name", "an expression has to stand here")


def test_length_is_limited():
    text = 'http.host eq "' + "é" * 4081 + '"'
    assert len(text) == 4096
    lang.parse(text)
    found = refused(text + " ")
    assert (found.code, found.line, found.column) == ("too-long", 1, 4097)
    lang.parse(text + " " * 5000, max_length=None)


@pytest.mark.parametrize(
    "text",
    [
        "len(http.request.headers.names) gt 3",
        'len("abc") eq 3',
        'lower("A") eq "a"',
        'to_string(ssl) eq "true"',
        'to_string(ip.src) eq "192.0.2.1"',
        'url_decode(http.host, "ru") eq "a"',
        'substring(http.host, -2) eq "om"',
        'lookup_json_string(http.request.body.raw, "a", 0, "b") eq "c"',
        "has_key(http.request.headers, lower(http.host))",
        'regex_replace("a", "b", "c") eq "a"',
        'is_timed_hmac_valid_v0("key", http.request.uri, 100, http.request.timestamp.sec, 8, "s")',
        'coalesce(http.request.uri.args["a"][0], http.cookie, "") eq "x"',
        'coalesce(len(http.request.headers["x"]), 0) eq 1',
        "ip.geoip.asnum eq 1",
        "tcp.flags.syn and tcp.dstport in {1..1024}",
    ],
)
def test_documented_signatures_are_accepted(text):
    lang.parse(text)


def test_substring_takes_literal_positions():
    found = refused('substring(http.request.uri, len(http.request.uri.path)) eq ""')
    assert found.column == 29
    assert found.message == "invalid kind of argument #1: expected argument of kind Literal, but got Field"


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("cidr(ip.src, 33, 64) eq 192.0.2.0", 14),
        ("cidr6(ip.src, 0) eq 192.0.2.0", 15),
        ('url_decode(http.host, "x") eq "a"', 23),
        ('remove_query_args(http.host, "a") eq "b"', 19),
        ("bit_slice(http.host, 1, 2) eq 3", 11),
        ('split(http.host, "", 3)[0] eq "a"', 18),
    ],
)
def test_values_of_arguments_are_checked(text, column):
    found = refused(text)
    assert (found.code, found.column) == ("argument-value", column)


def test_has_value_looks_into_single_values():
    lang.parse('has_value(http.request.headers.names, "a")')
    lang.parse("has_value(cf.llm.prompt.custom_topic_categories, 3)")
    found = refused('has_value(http.request.headers, "a")')
    assert (found.code, found.column) == ("argument-type", 11)
