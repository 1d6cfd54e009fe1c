"""Every function and operator of the catalogue: compiled to what the engine computes, or refused by name."""

import itertools
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtls_tui import engine, lang
from mtls_tui.engine.functions import FUNCTIONS
from mtls_tui.engine.lua import functions
from mtls_tui.engine.lua.refusal import RefusedError
from mtls_tui.lang import ast, catalogue
from mtls_tui.lang.catalogue import FIELDS
from tests.engine import strategies as s
from tests.engine.lua import luajit
from tests.engine.test_conformance import fields_of
from tests.engine.test_functions import EXAMPLES, TOLERANT, calls

KINDS = {bytes: "Bytes", bool: "Bool", int: "Int", list: "Array", dict: "Map"}
MISSING = {
    kind: itertools.cycle(sorted(
        name for name, info in FIELDS.items()
        if not info.alias_of and info.default is None and str(info.type) == text
    ))
    for kind, text in {
        "Bytes": "Bytes", "Int": "Int", "Bool": "Bool", "Ip": "Ip", "Array": "Array<Bytes>", "Map": "Map<Array<Bytes>>",
    }.items()
}  # fmt: skip
"""Names of fields that are missing when they are not given, by type."""


def call(name, arguments):
    """A call with each argument in a field of its own, and those fields; None stays a field that is missing."""
    fields, nodes = {}, []
    params = catalogue.FUNCTIONS[name].params
    for place, argument in enumerate(arguments):
        of = params[min(place, len(params) - 1)].types[0].name
        typed = argument
        if name in TOLERANT:  # its arguments are of one type
            typed = next((one for one in arguments if one is not None), b"")
        kind = "Ip" if hasattr(typed, "version") else KINDS.get(type(typed), of)
        if name == "url_decode" and place == 1 and argument is not None:
            nodes.append(s.string(argument))
            continue
        field = next(MISSING[kind if kind != "Any" else "Bytes"])
        while field in fields:
            field = next(MISSING[kind])
        nodes.append(ast.Field(field))
        if argument is not None:
            fields[field] = argument
    return ast.Call(name, tuple(nodes)), fields


def computed(node, fields):
    lua = luajit.shared()
    return lua.python(lua.chunk(luajit.value_source(node))(lua.fields(fields)))


def test_every_function_is_compiled_or_named():
    assert set(catalogue.FUNCTIONS) == functions.COMPILED | functions.NOT_COMPILED.keys()
    assert not functions.COMPILED & functions.NOT_COMPILED.keys()


@pytest.mark.parametrize("name", sorted(functions.COMPILED - {"any", "all"}))
@settings(max_examples=150)
@given(data=st.data())
def test_functions_compute_what_the_engine_does(name, data):
    arguments = data.draw(calls(name, missing=data.draw(st.booleans())))
    if name in TOLERANT and len({type(argument) for argument in arguments if argument is not None}) > 1:
        return
    if any(isinstance(argument, dict) for argument in arguments[1:]) or not luajit.exact(arguments):
        return
    node, fields = call(name, arguments)
    try:
        found = computed(node, fields)
    except RefusedError:
        assert name in functions.PARTLY or len(arguments) > functions.MAX_ARGUMENTS
        return
    expected = FUNCTIONS[name](*arguments)
    if hasattr(expected, "version"):
        expected = int(expected) if expected.version == 4 else expected.packed
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("example", EXAMPLES)
def test_documented_examples(example):
    try:
        expression = lang.parse(example.expression)
    except lang.ParseError:
        node = lang.parse_value(example.expression)
    else:
        node = ast.Call("to_string", (expression.root,))
    fields = fields_of(example.given)
    try:
        found = computed(node, fields)
    except RefusedError as error:
        assert error.name in functions.NOT_COMPILED.keys() | functions.PARTLY.keys()
        return
    expected = engine.evaluate(node, fields)
    if hasattr(expected, "version"):
        expected = int(expected) if expected.version == 4 else expected.packed
    assert found == (list(expected) if isinstance(expected, tuple) else expected)


TEXTS = [b"", b"a", b"%41", b"%2541", b"%%34%31+", b"%4", b"%zz", b"a=b&c&=d&a", b"&&", b"YQ", b"YQ==", b"YWI=", b"Y",
         b"Y===", b"a-_/+", b"\0%00\xff", b"a.b.c", b"%u0041", b"%25%32%35"]  # fmt: skip
ONE = ["lower", "upper", "len", "encode_base64", "decode_base64", "url_decode"]
TWO = ["starts_with", "ends_with", "remove_bytes", "concat", "coalesce", "remove_query_args"]


@pytest.mark.parametrize("name", ONE)
@pytest.mark.parametrize("text", TEXTS)
def test_texts_of_one(name, text):
    node, fields = call(name, [text])
    assert computed(node, fields) == FUNCTIONS[name](text)


@pytest.mark.parametrize("name", TWO)
@pytest.mark.parametrize("text", TEXTS)
def test_texts_of_two(name, text):
    for other in TEXTS:
        node, fields = call(name, [text, other])
        assert computed(node, fields) == FUNCTIONS[name](text, other)


@pytest.mark.parametrize("text", TEXTS)
def test_decoding_to_the_end(text):
    node, fields = call("url_decode", [text, b"r"])
    assert computed(node, fields) == FUNCTIONS["url_decode"](text, b"r")


@settings(max_examples=200)
@given(st.lists(st.sampled_from([b"%", b"2", b"5", b"+", b"4", b"1", b"a"]), max_size=16).map(b"".join))
def test_decoding_to_the_end_of_layers(text):
    node, fields = call("url_decode", [text, b"r"])
    assert computed(node, fields) == FUNCTIONS["url_decode"](text, b"r")


@pytest.mark.parametrize("text", [
    "255.255.255.255", "::", "::1", "1::", "1:0:0:2::3", "2001:db8::1", "2001:db8:0:1:1:1:1:1", "1:2:3:4:5:6:7:8",
    "0.0.0.9", "::ffff:192.0.2.1", "::ffff:0:1", "fe80::1:0:0:1", "0:0:1::", "1:0:1:0:1:0:1:0", "::2:0:0:0:3",
])  # fmt: skip
def test_addresses_as_text(text):
    address = ip_address(text)
    node, fields = call("to_string", [address])
    assert computed(node, fields) == FUNCTIONS["to_string"](address)
    lua = luajit.shared()
    plain = address.ipv4_mapped if address.version == 6 and address.ipv4_mapped else address
    assert lua.prelude[b"address"](text.encode()) == (int(plain) if plain.version == 4 else plain.packed)


@settings(max_examples=300)
@given(st.binary(min_size=16, max_size=16), st.integers(0, 40), st.integers(0, 130))
def test_networks_and_texts_of_any_address(packed, v4_bits, v6_bits):
    for address in (ip_address(packed), ip_address(packed[:4])):
        node, fields = call("cidr", [address, v4_bits, v6_bits])
        expected = FUNCTIONS["cidr"](address, v4_bits, v6_bits)
        if expected is not None:
            expected = int(expected) if expected.version == 4 else expected.packed
        assert computed(node, fields) == expected
        node, fields = call("to_string", [address])
        assert computed(node, fields) == FUNCTIONS["to_string"](address)


@pytest.mark.parametrize("text", [
    "", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4:80", "[::1]", "::1%eth0",
    ":", ":::", "1::2::3", "12345::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8", "::1.2.3", "1.2.3.4::",
    "g::",     "::1.2.3.400", "1:2:3:4:5:6:7:1.2.3.4", "\0", "1" * 100, "::" + "0:" * 60,
])  # fmt: skip
def test_what_is_no_plain_address_is_asked(text):
    try:
        address = ip_address(text)
    except ValueError:
        address = None
    found = luajit.shared().prelude[b"address"](text.encode())
    assert found is None or (
        address is not None and found == (address.packed if address.version == 6 else int(address))
    )


@pytest.mark.parametrize("value", [0, 1, 5, -1, -2, 1 << 31, 1 << 32, (1 << 53) - 1, 1 << 53, -(1 << 53), 0xF0F0F0F0F0])
@pytest.mark.parametrize("mask", [0, 1, 4, -1, 1 << 31, 1 << 32, 1 << 52, 1 << 62, -(1 << 63), (1 << 63) - 1, ~1])
def test_bits(value, mask):
    node = ast.Comparison(ast.Field("ip.src.asnum"), "bitwise_and", s.integer(mask))
    lua = luajit.shared()
    assert lua.chunk(luajit.condition_source(node)[0])(lua.fields({"ip.src.asnum": value})) is (value & mask != 0)


@pytest.mark.parametrize("operator", ["eq", "ne", "lt", "le", "gt", "ge"])
@pytest.mark.parametrize("literal", [(1 << 53) + 1, (1 << 63) - 1, -(1 << 53) - 1, -(1 << 63), 1 << 53, -(1 << 53)])
@pytest.mark.parametrize("value", [0, 1 << 53, -(1 << 53), (1 << 53) - 1])
def test_integers_that_no_double_holds(operator, literal, value):
    node = ast.Comparison(ast.Field("ip.src.asnum"), operator, s.integer(literal))
    fields = {"ip.src.asnum": value}
    lua = luajit.shared()
    found = lua.chunk(luajit.condition_source(node)[0])(lua.fields(fields))
    assert found is engine.compile(ast.Expression(node))(fields)
