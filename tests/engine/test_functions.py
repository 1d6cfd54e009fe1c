"""Functions compute what the documentation shows, keep its limits, and never raise on data."""

import base64
import hashlib
import hmac
from inspect import signature
from ipaddress import ip_address
from urllib.parse import quote

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from mtls_tui import engine, lang
from mtls_tui.engine import encodings
from mtls_tui.engine.functions import FUNCTIONS
from mtls_tui.engine.trace import plain
from mtls_tui.lang import catalogue
from tests.engine import strategies as s
from tests.engine.test_conformance import fields_of

WRITTEN_OTHERWISE = {
    # The documentation writes the address in full; the value is the same.
    "2001:0000:0000:0000:0000:0000:0000:0000": "2001::",
}
RANDOM = {"uuidv4(cf.random_seed)"}
REFUSED_AS_ITS_OWN_TEXT_SAYS = {
    # "source must be a field", says the documentation, and then shows literals: computed below with a field instead.
    'url_decode("John%20Doe")',
    'url_decode("John+Doe")',
    'url_decode("%2520")',
    'url_decode("%2520", "r")',
}
EXAMPLES = [
    pytest.param(example, id=f"{info.name}: {example.expression[:70]}")
    for info in catalogue.FUNCTIONS.values()
    for example in info.examples
    if example.result is not None and example.expression not in RANDOM | REFUSED_AS_ITS_OWN_TEXT_SAYS
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_documented_examples_give_their_documented_result(example):
    fields = fields_of(example.given)
    wanted = WRITTEN_OTHERWISE.get(str(example.result), example.result)
    try:
        expression = lang.parse(example.expression)
    except lang.ParseError:
        value = lang.parse_value(example.expression)
        assert plain(engine.evaluate(value, fields)) == wanted
        assert plain(engine.explain_value(value, fields).value) == wanted
    else:
        assert engine.compile(expression)(fields) is wanted
        assert engine.explain(expression, fields).verdict is wanted


@pytest.mark.parametrize("text", sorted(REFUSED_AS_ITS_OWN_TEXT_SAYS))
def test_examples_with_a_literal_are_refused_and_give_their_result_for_a_field(text):
    example = next(e for e in catalogue.FUNCTIONS["url_decode"].examples if e.expression == text)
    with pytest.raises(lang.ParseError):
        lang.parse_value(text)
    literal, _, rest = text.removeprefix('url_decode("').partition('"')
    value = lang.parse_value(f"url_decode(http.request.uri.path{rest}")
    assert engine.evaluate(value, {"http.request.uri.path": literal.encode()}) == example.result.encode()


TOLERANT = {"concat", "coalesce"}
"""Functions that compute something from a missing argument."""


def test_every_function_of_the_catalogue_is_here():
    assert set(FUNCTIONS) | {"any", "all"} == set(catalogue.FUNCTIONS)
    assert {info.name for info in catalogue.FUNCTIONS.values() if info.accepts_missing} == TOLERANT


ARGUMENTS = {
    "Bytes": s.texts | st.binary(max_size=40) | st.just(b"/**"),
    "Int": s.numbers,
    "Bool": st.booleans(),
    "Ip": s.addresses,
    "Array": st.lists(s.texts, max_size=3),
    "Map": st.dictionaries(s.texts, st.lists(s.texts, max_size=2), max_size=3),
    "Any": s.texts | s.numbers | st.booleans() | s.addresses,
}


def calls(name, *, missing):
    """Arguments of the right types; `missing` values among them when wanted."""
    info = catalogue.FUNCTIONS[name]
    parts = []
    for param in info.params:
        values = st.one_of([ARGUMENTS[type_.name] for type_ in param.types])
        parts.append(
            st.lists(
                st.none() | values if missing else values,
                min_size=0 if param.optional else 1,
                max_size=2 if param.repeat else 1,
            )
        )
    return st.tuples(*parts).map(lambda lists: [item for part in lists for item in part])


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_function_raises_on_data_of_its_types(name, data):
    arguments = data.draw(calls(name, missing=False))
    kinds = {type(argument) for argument in arguments}
    if name in TOLERANT and len(kinds) > 1:
        return  # all arguments share one type: the checker sees to it
    result = FUNCTIONS[name](*arguments)
    assert result is None or isinstance(result, bytes | int | list | type(arguments[0]))


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - TOLERANT))
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_missing_argument_gives_a_missing_result(name, data):
    arguments = data.draw(calls(name, missing=True).filter(lambda drawn: None in drawn))
    assert FUNCTIONS[name](*arguments) is None


# For each type, fields that can hold an argument.
PLACES = {
    "Bytes": ["http.user_agent", "http.referer", "http.cookie", "http.x_forwarded_for"],
    "Int": ["cf.waf.score", "ip.src.asnum", "cf.edge.server_port", "cf.bot_management.score"],
    "Bool": ["ssl"],
    "Ip": ["ip.src", "cf.edge.server_ip"],
    "Array": ["http.request.headers.names", "http.request.headers.values", "http.request.accepted_languages"],
    "Map": ["http.request.headers"],
}


@st.composite
def whole_calls(draw, name):
    """A call whose arguments are all there and within their documented ranges, and the fields that it reads."""
    info = catalogue.FUNCTIONS[name]
    fields, arguments, free = {}, [], {kind: list(names) for kind, names in PLACES.items()}
    alike = draw(st.sampled_from(["Bytes", "Array"])) if name in ("concat", "coalesce") else None
    for param in info.params:
        for _ in range(draw(st.integers(0 if param.optional else 1, 2 if param.repeat else 1))):
            kinds = [type_.name for type_ in param.types if alike is None or type_.name in (alike, "Any")]
            kind = draw(st.sampled_from(kinds))
            kind = (alike or "Bytes") if kind == "Any" else kind
            value = draw(st.integers(*param.range) if param.range else ARGUMENTS[kind])
            value = b"," if param.non_empty and not value else value
            writers = {"Bytes": s.string, "Int": s.integer, "Ip": s.address}
            literal = kind in writers and (draw(st.booleans()) or not free[kind] or bool(param.range))
            if literal:
                arguments.append(writers[kind](value))
            else:
                arguments.append(lang.ast.Field(free[kind].pop()))
                fields[arguments[-1].name] = value
    return lang.ast.Call(name, tuple(arguments)), fields


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS)))
def test_a_total_function_has_a_result_for_all_present_arguments_and_no_other_one_is_called_total(name):
    gaps = []

    @settings(max_examples=300, deadline=None, phases=[Phase.generate])
    @given(whole_calls(name))
    def look(made):
        call, fields = made
        found = engine.evaluate(call, fields)
        assert (found is None) == (plain(engine.explain_value(call, fields).value) is None)
        if found is None:
            gaps.append(call)

    look()
    assert bool(gaps) is not catalogue.FUNCTIONS[name].total


@pytest.mark.parametrize("name", ["any", "all"])
@pytest.mark.parametrize("given_names", [None, [], [b"a"], [b"a", b"b"]])
def test_any_and_all_have_a_result_whatever_the_array(name, given_names):
    assert catalogue.FUNCTIONS[name].total
    value = lang.parse(f'{name}(http.request.headers.names[*] eq "a")').root.value
    fields = {} if given_names is None else {"http.request.headers.names": given_names}
    assert engine.evaluate(value, fields) in (True, False)
    assert engine.explain_value(value, fields).value in (True, False)


def f(name, *arguments):
    return FUNCTIONS[name](*arguments)


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        # Missing arguments: the two that compute something nevertheless.
        (("concat", b"a", None, b"b"), b"ab"),
        (("concat", None, b"b"), b"b"),
        (("concat", None, None), None),
        (("concat", [b"a"], None, [b"b"]), [b"a", b"b"]),
        (("coalesce", None, b"", b"x"), b""),
        (("coalesce", None, None), None),
        # Bytes, not characters; positions are clamped.
        (("len", "é".encode()), 2),
        (("lower", b"\xc3\x89ABC"), b"\xc3\x89abc"),
        (("upper", b"\xc3\xa9abc"), b"\xc3\xa9ABC"),
        (("substring", b"abc", 5), b""),
        (("substring", b"abc", 2, 1), b""),
        (("substring", b"abc", -9, 9), b"abc"),
        (("substring", b"abc", -2, -1), b"b"),
        (("remove_bytes", b"a.b.c", b"."), b"abc"),
        # Text of values.
        (("to_string", True), b"true"),
        (("to_string", -5), b"-5"),
        (("to_string", ip_address("2001:db8:0:0::1")), b"2001:db8::1"),
        (("to_string", ip_address("::ffff:192.0.2.1")), b"::ffff:192.0.2.1"),
        # Splitting and joining.
        (("split", b"a,b,c", b",", 2), [b"a", b"b,c"]),
        (("split", b"a,b,c", b",", 1), [b"a,b,c"]),
        (("split", b"", b",", 3), [b""]),
        (("split", b"a", b"", 3), None),
        (("split", b"a", b",", 129), None),
        (("join", [], b","), b""),
        (("join", [b"a"], b","), b"a"),
        # Addresses.
        (("cidr", ip_address("192.0.2.77"), 24, 64), ip_address("192.0.2.0")),
        (("cidr", ip_address("2001:db8::77"), 24, 64), ip_address("2001:db8::")),
        (("cidr", ip_address("192.0.2.77"), 0, 64), None),
        (("cidr", ip_address("192.0.2.77"), 24, 129), None),
        (("cidr6", ip_address("192.0.2.77"), 64), ip_address("192.0.2.77")),
        # Encodings.
        (("decode_base64", b"YWI="), b"ab"),
        (("decode_base64", b"YWI"), b"ab"),
        (("decode_base64", b"_-8="), b"\xff\xef"),
        (("decode_base64", b"Y"), None),
        (("decode_base64", b"Y W I"), None),
        (("encode_base64", b"\xff\xef", b"u"), b"_-8"),
        (("encode_base64", b"\xff\xef", b"p"), b"/+8="),
        (("sha256", b""), hashlib.sha256().digest()),
        (("url_decode", b"a%2Fb+c"), b"a/b c"),
        (("url_decode", b"%zz%4"), b"%zz%4"),
        (("url_decode", b"%u2601"), b"%u2601"),
        (("url_decode", b"%u2601", b"u"), b"\xe2\x98\x81"),
        (("url_decode", b"%uD83D%uDE00", b"u"), "😀".encode()),
        (("url_decode", b"%uD83D", b"u"), "\ufffd".encode()),
        (("url_decode", b"%uD83Dab%uDE00", b"u"), "\ufffdab\ufffd".encode()),
        (("url_decode", b"%2525252525uD83D%2525252525uDE00", b"ur"), "😀".encode()),
        (("url_decode", b"%2525252525uD83Dabc%2525252525uDE00", b"ur"), "\ufffdabc\ufffd".encode()),
        (("url_decode", b"%25252541", b"r"), b"A"),
        (("url_decode", b"%25252541", b"ur"), b"A"),
        # Query strings.
        (("remove_query_args", b"a=1&b=2&a", b"a"), b"b=2"),
        (("remove_query_args", b"a=1&b=2", b"a", b"b"), b""),
        (("remove_query_args", b"ab=1", b"a"), b"ab=1"),
        # Maps and arrays.
        (("has_key", {b"a": []}, b"a"), True),
        (("has_key", {b"a": []}, b"A"), False),
        (("has_value", [b"a"], b"a"), True),
        (("has_value", {b"k": 3}, 3), True),
        (("has_value", [b"a"], b"A"), False),
        # Replacing.
        (("regex_replace", b"aXbX", b"X", b"[$$${1}]"), b"a[$]bX"),
        (("regex_replace", b"ab", b"(a)(b)", b"${2}${1}${9}$1"), b"ba${9}$1"),
        (("regex_replace", b"ab", b"(", b""), None),
        (("regex_replace", b"ab", b"(z)?a", b"<${1}>"), b"<>b"),
        (("wildcard_replace", b"/A/b", b"/a/*", b"/${1}"), b"/b"),
        (("wildcard_replace", b"/A/b", b"/a/*", b"/${1}", b"s"), b"/A/b"),
        (("wildcard_replace", b"a.b.c", b"*.*", b"${1}|${2}"), b"a|b.c"),
        (("wildcard_replace", b"a", b"**", b""), None),
        (("regex_replace", b"ab", b"(a)", b"${1}" * 9), None),
        (("wildcard_replace", b"ab", b"a*", b"${1}" * 8), b"b" * 8),
        # What only Cloudflare's network can know.
        (("is_jwt_valid", b"x"), None),
        (("bit_slice", b"x", 0, 8), None),
        (("uuidv4", b"short"), None),
        (("uuidv4", bytes(16)), b"00000000-0000-4000-8000-000000000000"),
    ],
)
def test_results(call, wanted):
    name, *arguments = call
    assert f(name, *arguments) == wanted


@pytest.mark.parametrize(
    ("text", "path", "string", "number"),
    [
        (b'{"a": {"b": ["x", -3]}}', (b"a", b"b", 0), b"x", None),
        (b'{"a": {"b": ["x", -3]}}', (b"a", b"b", 1), None, -3),
        (b'{"a": 42.0}', (b"a",), None, None),
        (b'{"a": true}', (b"a",), None, None),
        (b'{"a": null}', (b"a",), None, None),
        (b'{"a": 9223372036854775808}', (b"a",), None, None),
        (b'{"a": -9223372036854775808}', (b"a",), None, -(1 << 63)),
        (b'{"a": 1}', (0,), None, None),
        (b"[1]", (-1,), None, None),
        (b"[1]", (1,), None, None),
        (b"[1]", (b"0",), None, None),
        (b"{", (b"a",), None, None),
        (b"\xff", (b"a",), None, None),
        (b'{"\xc3\xa9": "\xc3\xa9"}', ("é".encode(),), "é".encode(), None),
        (b"[" * 100_000, (0,), None, None),
    ],
)
def test_json_lookups_find_strings_and_plain_integers_alone(text, path, string, number):
    assert f("lookup_json_string", text, *path) == string
    assert f("lookup_json_integer", text, *path) == number


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from([b"%", b"2", b"5", b"25", b"41", b"+", b"2B", b"%25", b"a", b"\xff"]), max_size=14))
def test_repeated_decoding_ends_where_decoding_changes_nothing(parts):
    text = b"".join(parts)
    wanted = text
    while (once := f("url_decode", wanted)) != wanted:
        wanted = once
    assert f("url_decode", text, b"r") == wanted
    assert encodings._decode_to_the_end(text, unicode_too=False) == wanted


def signed(key: bytes, message: bytes, at: int, separator: bytes, flags: str) -> bytes:
    """A token as the documented scripts make it."""
    mac = hmac.new(key, message + b"%d" % at, hashlib.sha256).digest()
    if flags == "s":
        text = base64.urlsafe_b64encode(mac).rstrip(b"=")
    else:
        text = quote(base64.b64encode(mac), safe="").encode()
    return message + separator + b"%d-" % at + text


@pytest.mark.parametrize("flags", ["", "s"])
@pytest.mark.parametrize("key", [b"mysecrettoken", b"k"])
def test_timed_tokens_are_valid_until_they_expire_and_only_with_their_key(flags, key):
    at, ttl = 1_484_063_137, 100
    token = signed(key, b"/images/cat.jpg", at, b"?verify=", flags)

    def valid(key, token, now, ttl=ttl, separator=8):
        return f("is_timed_hmac_valid_v0", key, token, ttl, now, separator, flags.encode())

    assert valid(key, token, at)
    assert valid(key, token, at + 99)
    assert not valid(key, token, at + 100)
    assert not valid(b"another", token, at)
    assert not valid(key, token.replace(b"cat", b"dog"), at)
    assert not valid(key, token, at, separator=7)
    assert not valid(key, token, at, separator=-1)
    assert not valid(key, b"", at)


def test_a_token_without_separator_and_without_flags_needs_no_more_arguments():
    token = signed(b"k", b"/a", 1_484_063_137, b"", "")
    assert f("is_timed_hmac_valid_v0", b"k", token, 10, 1_484_063_140) is True


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_implementations_have_a_documentation(name):
    assert FUNCTIONS[name].__name__
    assert signature(FUNCTIONS[name])
