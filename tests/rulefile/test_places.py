"""Every key and value is found where it stands, in every notation that TOML has."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtls_tui.rulefile.places import Places

TRICKY = '''\
# comment with [[rules]] and key = "value"
version = 1 # trailing
"quoted key" = 'literal \\ string'
dotted . key.'third' = """
multi \\""" line ""\\
   [not.a.table]
"""
array = [ # comment, with ] bracket
  "a,]", 'b', """c
]""", [1, 2,], { x = [3], "y z" = "}" },
] # after
date = 1979-05-27 07:32:00
float = -1.5e3
empty = {}
none = []
quotes = """"a"""""
apostrophes = \'\'\''b\'\'\'\'\'
[table]
inside = true
[table.sub] # comment
deeper = 0xff
[[things]]
name = "first"
[things.part]
x = 1
[[things.more]]
y = 2
[[things.more]]
y = 3
[[things]]
name = "second"
[[things.more]]
y = 4
[lists."a.b"]
items = ["x"]
'''


def value_at(data, path):
    for part in path:
        data = data[part]
    return data


def assert_places_hold(text):
    data = tomllib.loads(text)
    places = Places(text)
    headers = {header.path for header in places.headers}
    leaves = 0
    for path, place in places.values.items():
        if path in headers:
            continue
        written = text[place.start : place.end]
        assert tomllib.loads(f"x = {written}")["x"] == value_at(data, path), path
        leaves += 1
    return leaves


def test_a_value_s_place_holds_exactly_its_text():
    assert assert_places_hold(TRICKY) == 30


def test_crlf_line_ends_make_no_difference():
    assert assert_places_hold(TRICKY.replace("\n", "\r\n")) == 30


def test_tables_of_arrays_are_numbered_within_their_parent():
    places = Places(TRICKY)
    assert value_at(tomllib.loads(TRICKY), ("things", 1, "more", 0, "y")) == 4
    assert places.line(("things", 1, "more", 0, "y")) == TRICKY[: TRICKY.index("y = 4")].count("\n") + 1
    assert [header.path for header in places.headers if header.array] == [
        ("things", 0), ("things", 0, "more", 0), ("things", 0, "more", 1), ("things", 1), ("things", 1, "more", 0),
    ]  # fmt: skip


def test_what_is_not_there_is_said_of_the_table_that_should_hold_it():
    places = Places(TRICKY)
    assert places.line(("table", "sub", "absent")) == TRICKY[: TRICKY.index("[table.sub]")].count("\n") + 1
    assert places.line(("absent",)) == 1


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)
values = st.recursive(
    st.booleans() | st.integers(-(2**62), 2**62) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(texts, values, max_size=4), st.lists(st.dictionaries(texts, values, max_size=3), max_size=3))
def test_places_hold_for_any_document_that_tomlkit_writes(top, rules):
    import tomlkit

    document = tomlkit.document()
    for key, value in top.items():
        document.add(key or tomlkit.key([key]), tomlkit.item(value))
    if rules and "rules" not in top:
        array = tomlkit.aot()
        for rule in rules:
            array.append(tomlkit.item(rule))
        document.add("rules", array)
    text = tomlkit.dumps(document)
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        pytest.skip("tomlkit wrote what tomllib does not read")
    assert_places_hold(text)
