"""What an expression is read as: nodes, values, spans, precedence, types."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest

from mtls_tui import lang
from mtls_tui.lang.ast import (
    Address,
    Call,
    Comparison,
    Field,
    Index,
    Integer,
    ListName,
    Logical,
    Network,
    Not,
    Pattern,
    Range,
    Set,
    String,
    Test,
)
from mtls_tui.lang.types import BOOL, BYTES, INT, IP, array, map_of


def root(text, **options):
    return lang.parse(text, **options).root


def right(text):
    return root(text).right


DEFAULT_RULE = '(http.host in {"api.example.com"} and not cf.tls_client_auth.cert_verified)'


def test_the_default_rule():
    host = Comparison(Field("http.host"), "in", Set((String(b"api.example.com", '"api.example.com"'),)))
    tree = root(DEFAULT_RULE)
    assert tree == Logical("and", (host, Not(Test(Field("cf.tls_client_auth.cert_verified")))))
    assert tree.parens == 1
    assert tree.symbols == ("and",)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"a"', b"a"),
        ('""', b""),
        ('"é"', "é".encode()),
        ('"a\\"b\\\\c"', b'a"b\\c'),
        ('"\\x2e\\x77\\101\\377"', b".wA\xff"),
        ('"a\nb"', b"a\nb"),
        ('r"\\d"', b"\\d"),
        ('r#"say "x""#', b'say "x"'),
        ('r##"a"#b"##', b'a"#b'),
        ("01:2e:F3", b"\x01\x2e\xf3"),
        ("ab-cd.ef", b"\xab\xcd\xef"),
    ],
)
def test_strings(text, value):
    assert right(f"http.host eq {text}") == String(value, text)


def test_a_raw_string_may_have_255_hashes_and_not_256():
    hashes = "#" * 255
    assert right(f'http.host eq r{hashes}"a"{hashes}').value == b"a"
    with pytest.raises(lang.ParseError) as caught:
        lang.parse(f'http.host eq r{hashes}#"a"{hashes}#')
    assert caught.value.diagnostic.message == "invalid raw string hash count, there can't be more than 255 #s"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("0", 0), ("443", 443), ("-2", -2), ("0x1F", 31), ("0755", 493), ("00", 0)),
        *(("9223372036854775807", 2**63 - 1), ("-9223372036854775808", -(2**63)), ("0x7fffffffffffffff", 2**63 - 1)),
    ],
)
def test_integers(text, value):
    assert right(f"cf.waf.score eq {text}") == Integer(value, text)


def test_sets_of_every_kind():
    assert right('http.host in {"a" r"b" 01:02}').items == (
        *(String(b"a", '"a"'), String(b"b", 'r"b"'), String(b"\x01\x02", "01:02")),
    )
    assert right("cf.waf.score in {1 5..0x9 -3..-1}").items == (
        Integer(1, "1"),
        Range(Integer(5, "5"), Integer(9, "0x9")),
        Range(Integer(-3, "-3"), Integer(-1, "-1")),
    )
    assert right("ip.src in {192.0.2.1 10.0.0.0/8 ::1 2001:db8::/32 1.2.3.4..1.2.3.9}").items == (
        Address(IPv4Address("192.0.2.1"), "192.0.2.1"),
        Network(IPv4Network("10.0.0.0/8"), "10.0.0.0/8"),
        Address(IPv6Address("::1"), "::1"),
        Network(IPv6Network("2001:db8::/32"), "2001:db8::/32"),
        Range(Address(IPv4Address("1.2.3.4"), "1.2.3.4"), Address(IPv4Address("1.2.3.9"), "1.2.3.9")),
    )
    assert right("http.host in {}") == Set(())
    assert right('http.host in{"a""b"}').items == (String(b"a", '"a"'), String(b"b", '"b"'))


def test_short_addresses_are_read_in_sets_alone():
    assert right("ip.src in {10/8 10.1 01.2.3.4}").items == (
        Network(IPv4Network("10.0.0.0/8"), "10/8"),
        Address(IPv4Address("10.1.0.0"), "10.1"),
        Address(IPv4Address("1.2.3.4"), "01.2.3.4"),
    )
    with pytest.raises(lang.ParseError):
        lang.parse("ip.src eq 10.1")


def test_lists_patterns_and_notations():
    assert right("ip.src in $cf.open_proxies") == ListName("cf.open_proxies")
    assert right('http.host wildcard "*.a\\\\*"') == Pattern(b"*.a\\*", '"*.a\\\\*"')
    assert root('http.host strict wildcard "A*"').operator == "strict wildcard"
    for word, symbol in [("eq", "=="), ("ne", "!="), ("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">=")]:
        assert root(f"cf.waf.score {word} 1") == root(f"cf.waf.score{symbol}1")
    assert root('http.host matches "a"') == root('http.host ~ "a"')
    assert root("cf.waf.score & 1") == root("cf.waf.score bitwise_and 1")
    assert root("not ssl and ssl or ssl xor ssl") == root("!ssl&&ssl||ssl^^ssl")


def test_words_need_no_blanks_around_them():
    assert root('http.host eq"a"andssl') == root('http.host eq "a" and ssl')
    assert root("notssl") == root("not ssl")
    assert root('any ( http.request.headers.names[ * ]eq\n"x" )') == root('any(http.request.headers.names[*] eq "x")')


def test_indexes():
    base = Field("http.request.headers")
    key = Index(base, String(b"a", '"a"'))
    assert root('http.request.headers["a"][0] eq "x"').left == Index(key, 0)
    assert root('http.request.headers[ "a" ][ 0x1 ] eq "x"').left == Index(key, 1)
    call = root('any(http.request.headers["a"][*] eq "x")').value
    assert call.arguments[0].left == Index(key, None)


def test_precedence_and_grouping():
    a, b, c, d = (Test(Field(name)) for name in ("ssl", "sip", "cf.client.bot", "tcp.flags.ack"))
    assert root("ssl or sip xor cf.client.bot and tcp.flags.ack") == Logical(
        "or", (a, Logical("xor", (b, Logical("and", (c, d)))))
    )
    assert root("ssl and sip and cf.client.bot") == Logical("and", (a, b, c))
    nested = root("(ssl and sip) and cf.client.bot")
    assert nested == Logical("and", (Logical("and", (a, b)), c))
    assert nested.items[0].parens == 1
    assert root("not ssl and sip") == Logical("and", (Not(a), b))
    assert root('not http.host eq "a"') == Not(root('http.host eq "a"'))
    assert root("not not ssl") == Not(Not(a))
    assert root("((ssl))").parens == 2
    assert root("ssl or sip and cf.client.bot or tcp.flags.ack").symbols == ("or", "or")


def test_spans_are_of_the_text_as_given():
    text = '\n ( not ( ssl )\nor lower( http.host )\n== "é" ) '
    tree = root(text)

    def cut(span):
        return text[span.start : span.end]

    assert cut(tree.outer).startswith("( not")
    assert cut(tree.outer).endswith('"é" )')
    assert cut(tree.span) == 'not ( ssl )\nor lower( http.host )\n== "é"'
    negation, comparison = tree.items
    assert (cut(negation.span), cut(negation.item.outer), cut(negation.item.span)) == ("not ( ssl )", "( ssl )", "ssl")
    assert cut(comparison.left.span) == "lower( http.host )"
    assert cut(comparison.left.arguments[0].span) == "http.host"
    assert cut(comparison.right.span) == '"é"'


def test_every_node_of_a_parsed_text_has_a_span():
    text = (
        'not any(lower(http.request.headers["a"][*])[*] in {"x" r"y"}) and ip.src in {::1 10.0.0.0/8 ::1..::2} '
        'xor (cf.waf.score in {1..2} or http.host ~ "a" or http.host in $b or true)'
    )

    def walk(node):
        if isinstance(node, tuple):
            for item in node:
                walk(item)
        elif is_dataclass(node):
            names = [f.name for f in fields(node)]
            assert node.span is not None, node
            for name in names:
                if name not in ("span", "outer"):
                    walk(getattr(node, name))

    walk(root(text))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("http.host", BYTES),
        ("len(http.host)", INT),
        ("ip.src", IP),
        ("ssl", BOOL),
        ("http.request.headers", map_of(array(BYTES))),
        ('http.request.headers["a"]', array(BYTES)),
        ('concat(http.host, "a")', BYTES),
        ("concat(http.request.headers.names, http.request.headers.values)", array(BYTES)),
        ("coalesce(cf.waf.score, 1)", INT),
        ('split(http.host, ".", 3)', array(BYTES)),
        ("cidr(ip.src, 24, 64)", IP),
        ("lower(http.request.headers.names[*])", array(BYTES)),
    ],
)
def test_values_and_their_types(text, kind):
    assert lang.type_of(lang.parse_value(text)) == kind


def test_types_of_expressions():
    assert lang.type_of(lang.parse('http.host eq "a"')) == BOOL
    inside = root('any(http.request.headers.names[*] eq "a")').value.arguments[0]
    assert lang.type_of(inside) == array(BOOL)
    mapped = root('any(starts_with(http.request.headers.names[*], "a"))').value.arguments[0]
    assert isinstance(mapped, Call)
    assert lang.type_of(mapped) == array(BOOL)
    assert lang.type_of(Field("no.such.field")) is None
    assert lang.type_of(Call("no_such", ())) is None


def test_a_value_expression_has_no_each_and_nothing_behind():
    with pytest.raises(lang.ParseError) as caught:
        lang.parse_value("http.request.headers.names[*]")
    assert caught.value.diagnostic.message == "expected value of type Bytes, but got Array<Bytes>"
    with pytest.raises(lang.ParseError) as caught:
        lang.parse_value('http.host eq "a"')
    assert caught.value.diagnostic.column == 10


@pytest.mark.parametrize(
    "text",
    [
        'no.such.field eq "a"',
        "no.such.field",
        'no_such(http.host, 1) eq "a"',
        "http.host eq 5",
        'ip.src eq "192.0.2.1"',
        "ssl == true",
        "no.such in {1 2}",
        "no.such in {10.0.0.0/8 ::1}",
        'no.such in {"a" "b"}',
        "no.such in $list",
        'no.such ~ "a"',
        "no.such gt 0x10",
        "no.such eq 192.0.2.1",
        'any(no.such[*] eq "a") and not (http.host)',
        "substring(http.host)",
        'no.such["k"][0] eq http.cookie',
        'http.host["k"] eq "a"',
    ],
)
def test_syntax_alone_takes_unknown_names_and_types(text):
    expression = lang.parse(text, check=False)
    assert lang.parse(lang.format(expression), check=False) == expression
    with pytest.raises(lang.ParseError):
        lang.parse(text)


def test_syntax_alone_reads_literals_by_their_form():
    def literal(text):
        return lang.parse(f"no.such eq {text}", check=False).root.right

    assert literal("5") == Integer(5, "5")
    assert literal("192.0.2.1") == Address(IPv4Address("192.0.2.1"), "192.0.2.1")
    assert literal("::1") == Address(IPv6Address("::1"), "::1")
    assert literal('"a"') == String(b"a", '"a"')
    assert literal("01:02") == String(b"\x01\x02", "01:02")
    assert literal("other.name") == Field("other.name")
    assert literal("other(1)") == Call("other", (Integer(1, "1"),))


def test_white_space_around_is_of_any_kind_and_between_tokens_only_blank_and_line_ends():
    assert root("\t\u2003\v ssl\u3000\t") == root("ssl")
    assert root("ssl\r\nand\n \rssl") == root("ssl and ssl")
    for text in ("ssl\tand ssl", "ssl and\tssl", "ssl \u00a0and ssl"):
        with pytest.raises(lang.ParseError):
            lang.parse(text)


def test_an_expression_keeps_its_text():
    assert lang.parse(" ssl ").text == " ssl "


@pytest.mark.parametrize(
    ("text", "code", "column"),
    [
        ('regex_replace(http.host, "(", "b")', "argument-value", 26),
        ('regex_replace(http.host, "a", "${1}${2}${3}${4}${5}${6}${7}${8}${9}")', "argument-value", 31),
        ('wildcard_replace(http.host, "**", "b")', "argument-value", 29),
        ('regex_replace(wildcard_replace(http.host, "*", "a"), "b", "c")', "nested-calls", 15),
        ('concat(regex_replace(http.host, "a", "b"), regex_replace(http.host, "c", "d"))', "too-many-calls", 44),
    ],
)
def test_what_is_replaced_is_bounded_as_documented(text, code, column):
    with pytest.raises(lang.ParseError) as caught:
        lang.parse_value(text)
    assert (caught.value.diagnostic.code, caught.value.diagnostic.column) == (code, column)
    lang.parse_value('concat("a", regex_replace(http.host, "^(a)", "${1}x"))')
