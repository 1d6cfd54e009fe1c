"""The tables: whole, typed, unchangeable, quick to load."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mtls_tui import lang
from mtls_tui.lang import catalogue
from mtls_tui.lang.catalogue import BUILDER, FIELDS, FUNCTIONS, OPERATORS, builder_operators, operators_for
from mtls_tui.lang.types import BOOL, BYTES, INT, IP, array, map_of

DATA = Path(catalogue.__file__).parent / "data"


def test_tables_hold_every_row_of_the_data():
    for name, table in (("fields", FIELDS), ("functions", FUNCTIONS)):
        rows = json.loads((DATA / f"{name}.json").read_text())
        assert list(table) == [row["name"] for row in rows]


def test_tables_cover_the_reference(shared):
    fields = json.loads(shared("reference/fields.json").read_text())
    assert {row["name"]: row["type"] for row in fields}.keys() == FIELDS.keys()
    for row in fields:
        info = FIELDS[row["name"]]
        assert info.type == catalogue.parse_type(row["type"])
        assert info.scope == row["scope"]
        assert (info.alias_of, info.deprecated_by) == (row["alias_of"], row["deprecated_by"])
        if "default" in row:
            default = row["default"]
            assert info.default == (default.encode() if isinstance(default, str) else default)
    functions = json.loads(shared("reference/functions.json").read_text())
    for row in functions:
        info = FUNCTIONS[row["name"]]
        assert [p.name for p in info.params] == [p["name"] for p in row["params"]]
        assert [e.expression for e in info.examples] == [e["expr"] for e in row["examples"]]


def test_types_are_engine_types():
    assert FIELDS["http.host"].type == BYTES
    assert FIELDS["cf.random_seed"].type == BYTES
    assert FIELDS["ssl"].type == BOOL
    assert FIELDS["cf.edge.server_port"].type == INT
    assert FIELDS["ip.src"].type == IP
    assert FIELDS["http.request.headers"].type == map_of(array(BYTES))
    assert FIELDS["http.request.body.multipart.names"].type == array(array(BYTES))


def test_certificate_fields_are_never_missing():
    fields = [info for info in FIELDS.values() if info.group == "Certificate"]
    assert len(fields) == 21
    for info in fields:
        assert info.default == (False if info.type == BOOL else b"")


def test_an_alias_has_the_type_and_default_of_what_it_stands_for():
    aliases = [info for info in FIELDS.values() if info.alias_of]
    assert len(aliases) == 6
    for info in aliases:
        other = FIELDS[info.canonical]
        assert (info.type, info.default, info.scope) == (other.type, other.default, other.scope)
        assert info.name in other.aliases


def test_labels_are_unique_and_every_field_has_one():
    labels = [info.label for info in FIELDS.values()]
    assert all(labels)
    assert len(set(labels)) == len(labels)


def test_a_parameter_accepts_its_types_and_no_others():
    assert FUNCTIONS["len"].params[0].accepts(array(BYTES))
    assert FUNCTIONS["len"].params[0].accepts(BYTES)
    assert not FUNCTIONS["len"].params[0].accepts(INT)
    assert FUNCTIONS["has_key"].params[0].accepts(map_of(array(BYTES)))
    assert not FUNCTIONS["has_key"].params[0].accepts(array(BYTES))
    assert not FUNCTIONS["cidr"].params[0].accepts(BYTES)


def test_argument_counts_follow_optional_and_repeated_parameters():
    fewest = {name: info.min_arguments for name, info in FUNCTIONS.items()}
    assert (fewest["substring"], fewest["lookup_json_string"], fewest["concat"]) == (2, 2, 2)
    assert fewest["is_timed_hmac_valid_v0"] == 4
    assert FUNCTIONS["concat"].param(7) is FUNCTIONS["concat"].params[1]
    for name, most in (("lower", 1), ("substring", 3), ("is_timed_hmac_valid_v0", 6)):
        assert FUNCTIONS[name].param(most - 1) is not None
        assert FUNCTIONS[name].param(most) is None


@pytest.mark.parametrize(
    ("table", "read"),
    [
        ("fields", catalogue._field),
        ("functions", catalogue._function),
        ("functions", lambda row: catalogue._param(row["params"][0] | {"colour": "red"})),
        ("operators", catalogue._operator),
    ],
)
def test_a_key_of_a_row_that_no_record_has_is_refused(table, read):
    row = json.loads((DATA / f"{table}.json").read_text("utf-8"))[0]
    with pytest.raises(TypeError, match="colour"):
        read(row | {"colour": "red"})


def test_operators_go_with_the_types_of_the_table():
    assert [info.name for info in operators_for(BOOL)] == []
    assert [info.name for info in operators_for(IP)] == ["eq", "ne", "in"]
    assert "bitwise_and" in [info.name for info in operators_for(INT)]
    assert [info.label for info in builder_operators(IP)] == [
        "equals",
        "does not equal",
        "is in",
        "is not in",
        "is in list",
        "is not in list",
    ]


def test_every_comparison_operator_has_a_builder_label():
    labelled = {info.operator for info in BUILDER.values()}
    assert {info.name for info in OPERATORS.values() if info.kind == "comparison"} == labelled - {""}


def test_symbols_are_those_of_the_language():
    signs = {info.name: info.symbol for info in OPERATORS.values() if info.symbol}
    assert signs == {
        "eq": "==",
        "ne": "!=",
        "lt": "<",
        "le": "<=",
        "gt": ">",
        "ge": ">=",
        "matches": "~",
        "bitwise_and": "&",
        "not": "!",
        "and": "&&",
        "xor": "^^",
        "or": "||",
    }


def test_records_and_tables_cannot_be_changed():
    with pytest.raises(AttributeError):
        FIELDS["ssl"].label = "x"
    with pytest.raises(TypeError):
        FIELDS["ssl"] = FIELDS["http.host"]
    with pytest.raises(TypeError):
        FUNCTIONS["len"].limits["x"] = 1


def test_importing_reads_no_data_and_reading_is_quick():
    code = (
        "import time; from mtls_tui.lang import catalogue as c; assert c.FIELDS._rows is None;"
        "t = time.process_time(); len(c.FIELDS), len(c.FUNCTIONS), len(c.OPERATORS), len(c.BUILDER);"
        "print(time.process_time() - t)"
    )
    times = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(3)
    ]
    assert min(times) < 0.05


def test_the_data_names_no_place_it_was_copied_from():
    for path in DATA.glob("*.json"):
        text = path.read_text()
        assert "mdx" not in text
        assert "find_string" not in text


def bounded_calls():
    """A call with each bounded argument in turn, as a template, and the two ends of what is allowed."""
    samples = {IP: "ip.src", BYTES: "http.user_agent", INT: "1"}
    for info in FUNCTIONS.values():
        for place, param in enumerate(info.params):
            if param.range is None:
                continue
            given = []
            for index, other in enumerate(info.params):
                kind = other.types[0]
                given.append(
                    "{}" if index == place else '","' if other.literal_only and kind == BYTES else samples[kind]
                )
            yield pytest.param(info, f"{info.name}({', '.join(given)})", param.range, id=f"{info.name}-{param.name}")


@pytest.mark.parametrize(("info", "call", "bounds"), bounded_calls())
def test_both_ends_of_every_range_are_allowed_and_their_neighbours_are_not(info, call, bounds):
    ending = {array(BYTES): '[0] eq "a"', IP: " eq 192.0.2.1"}[info.returns]
    for value in bounds:
        lang.parse(call.format(value) + ending)
    for value in (bounds[0] - 1, bounds[1] + 1):
        with pytest.raises(lang.ParseError, match=f"must be between {bounds[0]} and {bounds[1]}"):
            lang.parse(call.format(value) + ending)
