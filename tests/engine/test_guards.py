"""Guards follow from their expression, and folding changes no truth."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtls_tui import engine, lang
from mtls_tui.engine.folding import fold
from mtls_tui.engine.guards import HOST, LOWERED_HOST, best_guard, guards_of
from mtls_tui.lang.ast import Call, Comparison, Expression, Field, Logical, Not, Set
from tests.engine import strategies as s

hosts = st.sampled_from([b"a", b"b", b"A", b"ab"])
subjects = st.sampled_from([Field("http.host"), Call("lower", (Field("http.host"),))])
about_hosts = st.builds(Comparison, subjects, st.sampled_from(["eq", "ne", "lt"]), hosts.map(s.string)) | st.builds(
    Comparison, subjects, st.just("in"), st.lists(hosts.map(s.string), max_size=3).map(lambda items: Set(tuple(items)))
)
conditions = st.recursive(
    about_hosts | s.bool_values.map(lang.ast.Test) | st.booleans().map(lang.ast.Always),
    lambda inner: (
        inner.map(Not)
        | st.builds(
            lambda operator, items: Logical(operator, tuple(items)),
            st.sampled_from(["and", "or", "xor"]),
            st.lists(inner, min_size=2, max_size=3),
        )
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(conditions, hosts, s.fields, st.booleans())
def test_folding_a_known_host_changes_no_truth(condition, host, fields, lowered):
    known = {HOST: host} | ({LOWERED_HOST: host.lower()} if lowered else {})
    asked = {**fields, "http.host": host}
    folded = engine.compile(Expression(fold(condition, known)))
    assert folded(asked) is engine.compile(Expression(condition))(asked)


@settings(max_examples=300, deadline=None)
@given(conditions, st.none() | hosts, s.fields)
def test_without_a_value_of_its_guard_an_expression_is_false(condition, host, fields):
    asked = {name: value for name, value in fields.items() if name != "http.host"}
    if host is not None:
        asked["http.host"] = host
    for subject, values in guards_of(condition).items():
        if subject.reader()(asked) not in values:
            assert engine.compile(Expression(condition))(asked) is False


@pytest.mark.parametrize(
    ("text", "name", "values"),
    [
        ('http.host eq "a" and ssl', "http.host", {b"a"}),
        ('ssl and (http.host in {"a" "b"} and http.host in {"b" "c"})', "http.host", {b"b"}),
        ('http.host eq "a" or (http.host eq "b" and ssl)', "http.host", {b"a", b"b"}),
        ('http.request.uri.path in {"/a" "/b"} and http.request.method eq "GET"', "http.request.method", {b"GET"}),
        ('http.request.uri.path eq "/a" and http.host in {"a" "b" "c"}', "http.host", {b"a", b"b", b"c"}),
        ("ip.geoip.asnum in {1 2}", "ip.src.asnum", {1, 2}),
        ('lower(http.host) eq "a"', "http.host", {b"a"}),
    ],
)
def test_the_best_guard_is_the_host_and_else_the_narrowest(text, name, values):
    subject, found = best_guard(guards_of(lang.parse(text).root))
    assert (subject.name, found) == (name, values)


@pytest.mark.parametrize(
    "text",
    [
        'not http.host eq "a"',
        'http.host eq "a" or ssl',
        'http.host eq "a" xor http.host eq "b"',
        'http.host ne "a"',
        'http.host contains "a"',
        "http.host eq http.user_agent",
        "ip.src in {192.0.2.1}",
        "ip.src.asnum in {1..2}",
        "ssl",
        "true",
    ],
)
def test_what_gives_no_guard(text):
    assert guards_of(lang.parse(text).root) == {}
