"""Completion at a cursor: what may stand there, by place and type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtls_tui import lang
from mtls_tui.lang.catalogue import FIELDS, FUNCTIONS
from mtls_tui.lang.completion import complete, hint
from mtls_tui.lang.types import BOOL

ON_STRINGS = ["eq ", "ne ", "lt ", "le ", "gt ", "ge ", "contains ", "wildcard ", "strict wildcard ", "matches ", "in "]


def proposals(text, **known):
    """The proposed texts for a cursor at `|`."""
    offset = text.index("|")
    found = complete(text.replace("|", ""), offset, **known)
    return [item.text for item in found.items]


def test_fields_after_the_dot():
    found = proposals("http.request.uri.|")
    assert found[:3] == ["http.request.uri.path", "http.request.uri.path.extension", "http.request.uri.query"]
    assert all(".uri." in name for name in found)


def test_a_word_of_the_meaning_finds_the_field():
    assert proposals("not revoked|")[0] == "cf.tls_client_auth.cert_revoked"
    assert "http.host" in proposals("hostname|")


def test_the_whole_word_around_the_cursor_is_replaced():
    found = complete("ssl and http.hos.x eq", 14, hosts=())
    assert (found.start, found.end) == (8, 18)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http.host |", ON_STRINGS),
        ("ip.src |", ["eq ", "ne ", "in "]),
        ("len(http.host) |", ["eq ", "ne ", "lt ", "le ", "gt ", "ge ", "in "]),
        ("ssl |", ["and ", "or ", "xor "]),
        ("not starts_with(http.host, \"x\") |", ["and ", "or ", "xor "]),
        ("http.host eq \"a\" |", ["and ", "or ", "xor "]),
        ("http.host in {\"a\"} |", ["and ", "or ", "xor "]),
        ("ip.src in $office |", ["and ", "or ", "xor "]),
        ("http.host strict |", ["wildcard "]),
        ("any(http.request.headers[\"x\"][*] |", ON_STRINGS),
        ("any(lower(http.request.headers.names[*])|", ["[*]", "[0]"]),
        ("http.request.headers |", ['["']),
        ("http.request.uri.path eq http.request.headers[\"x\"][0] |", ["and ", "or ", "xor "]),
        ("http.host eq lower(http.cookie) |", ["and ", "or ", "xor "]),
    ],
)  # fmt: skip
def test_operators_and_joins_by_what_stands_before(text, expected):
    assert proposals(text) == expected


def test_values_come_from_hosts_catalogue_and_caller():
    assert proposals('http.host eq "|', hosts=["api.example.com"]) == ['"api.example.com"']
    assert proposals('http.host in {"a.example.com" |', hosts=["b.example.com"]) == ['"b.example.com"']
    assert proposals('http.request.method eq "P|') == ['"POST"', '"PUT"', '"PATCH"']
    assert proposals("ip.src.continent in {|")[0] == '"AF"'
    assert proposals("ip.geoip.continent in {|")[0] == '"AF"'
    serial = {"cf.tls_client_auth.cert_serial": ["0A1B"]}
    assert proposals("cf.tls_client_auth.cert_serial eq |", values=serial)[0] == '"0A1B"'


def test_lists_after_the_dollar():
    known = {"office": "ip", "partners": "ip"}
    assert proposals("ip.src in $|", lists=known)[:2] == ["$office", "$partners"]
    assert proposals("ip.src in $par|", lists=known) == ["$partners"]
    assert proposals("ip.src in |", lists=known)[:2] == ["{", "$office"]


def test_dynamic_right_sides_offer_fields_of_the_same_type():
    assert "raw.http.request.uri.path" in proposals("http.request.uri.path ne raw|")
    found = proposals("http.request.timestamp.sec gt |")
    assert "cf.edge.server_port" in found
    assert "http.host" not in found


def test_arguments_offer_what_the_parameter_takes():
    found = proposals("cidr(|")
    assert {"ip.src", "cf.edge.server_ip"} <= set(found)
    assert "ssl" not in found
    assert proposals("remove_query_args(|") == ["http.request.uri.query", "raw.http.request.uri.query"]


def test_hints_show_field_and_parameter():
    assert hint("http.host eq", 3).startswith("http.host  String  Host header")
    assert "»substring String«" in hint("starts_with(http.host, ", 23)
    assert "»source String«" in hint("starts_with(", 12)
    assert hint('starts_with(http.host, "x") and ', 32) == ""
    assert "Cloudflare's edge" in hint("cf.bot_management.score", 5)


def test_old_names_and_edge_fields_come_last():
    found = proposals("ip.|")
    assert found[0] == "ip.src"
    assert found.index("ip.src.country") < found.index("ip.geoip.country")


@given(st.text(alphabet='ab.h[]{}()"$*,!=&| r#\\not1', max_size=30), st.integers(0, 30))
def test_any_text_gets_an_answer(text, offset):
    found = complete(text, offset, lists={"a": "ip"}, hosts=["a"])
    assert 0 <= found.start <= found.end <= max(len(text), found.start)


def test_every_proposed_operator_makes_a_valid_row_with_its_field():
    literals = {"Bytes": '"a"', "Int": "1", "Ip": "192.0.2.1"}
    for name, info in FIELDS.items():
        if info.type.item is not None or info.type == BOOL:
            continue
        operators = proposals(f"{name} |")
        assert operators, name
        for operator in operators:
            right = literals[info.type.name]
            lang.parse(f"{name} {operator}{'{' + right + '}' if operator == 'in ' else right}")


def test_every_proposed_argument_has_a_type_that_the_parameter_takes():
    for name, function in FUNCTIONS.items():
        if name in ("any", "all"):
            continue
        for item in complete(f"{name}(", len(name) + 1, limit=500).items:
            if item.kind != "field":
                continue
            kind = FIELDS[item.text].type
            reached = [kind]
            while reached[-1].item is not None:
                reached.append(reached[-1].item)
            assert any(function.params[0].accepts(each) for each in reached), (name, item.text)


def test_quoted_and_raw_strings_are_replaced_whole():
    text = 'http.host matches r"api and ssl'
    found = complete('http.host matches r"api', 23, hosts=["api.example.com"])
    assert (found.start, found.end) == (18, 23)
    assert found.items[0].text == 'r"api.example.com"'
    assert complete(text, len(text)).items == ()


def test_a_long_text_is_read_quickly():
    text = " and ".join(f'http.host ne "host-{index}.example.com"' for index in range(2000)) + " and ht"
    assert complete(text, len(text)).items[0].text == "http.cookie"
    for hostile in ("(" * 100_000, '"' * 100_000, 'r#"' * 50_000, "a." * 50_000, "f:" * 50_000):
        complete(hostile, len(hostile))
