"""The laws of missing values, as documented."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtls_tui import engine, lang
from mtls_tui.lang.catalogue import FIELDS
from tests.engine import strategies as s


def verdict(text, fields=None):
    expression = lang.parse(text)
    compiled = engine.compile(expression)(fields or {})
    assert engine.explain(expression, fields or {}).verdict is compiled
    return compiled


@pytest.mark.parametrize(
    "operator", ["eq", "ne", "lt", "le", "gt", "ge", "contains", "wildcard", "strict wildcard", "matches"]
)
def test_every_comparison_with_a_missing_left_side_is_false(operator):
    assert verdict(f'http.user_agent {operator} ""') is False
    assert verdict(f'not http.user_agent {operator} ""') is True


@pytest.mark.parametrize("operator", ["eq", "ne", "lt", "le", "gt", "ge"])
def test_comparisons_with_a_missing_right_side_are_false(operator):
    fields = {"http.host": b"a"}
    assert verdict(f"http.host {operator} http.user_agent", fields) is False
    assert verdict(f"http.user_agent {operator} http.host", fields) is False
    assert verdict(f"http.user_agent {operator} http.referer", fields) is False


def test_sets_and_bits_of_a_missing_value_are_false():
    assert verdict("ip.src in {0.0.0.0/0 ::/0}") is False
    assert verdict("cf.waf.score in {0..100}") is False
    assert verdict("cf.waf.score & 255") is False
    assert verdict("ssl") is False
    assert verdict("not ssl") is True


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('any(http.request.headers["x"][*] ne "a")', False),
        ('all(http.request.headers["x"][*] eq "a")', True),
        ('any(lower(http.request.headers["x"][*])[*] ne "a")', False),
        ('all(lower(http.request.headers["x"][*])[*] eq "a")', True),
        ('all(starts_with(http.request.headers["x"][*], "a"))', False),
        ('any(starts_with(http.request.headers["x"][*], "a"))', False),
        ('len(http.request.headers["x"]) ge 0', False),
        ('not len(http.request.headers["x"]) ge 0', True),
        ('len(http.request.headers["x"][0]) ge 0', False),
        ('lower(http.request.headers["x"][0]) ne "a"', False),
        ('concat(http.request.headers["x"][0], http.host) eq "h"', True),
        ('concat(http.request.headers["x"][0], http.user_agent) ne "h"', False),
        ('coalesce(http.request.headers["x"][0], "h") eq "h"', True),
        ('has_key(http.request.headers, "x")', False),
        ('has_value(http.request.headers.names, "x")', False),
        ('starts_with(http.user_agent, "")', False),
    ],
)
def test_functions_and_arrays_of_missing_values(text, wanted):
    assert verdict(text, {"http.host": b"h"}) is wanted


MTLS = sorted(name for name in FIELDS if name.startswith("cf.tls_client_auth."))


@pytest.mark.parametrize("name", MTLS)
def test_certificate_fields_are_never_missing(name):
    if FIELDS[name].type.name == "Bool":
        assert verdict(f"not {name}") is True
        assert verdict(f'to_string({name}) eq "false"') is True
    else:
        assert verdict(f'{name} eq ""') is True
        assert verdict(f'{name} ne "X"') is True


def test_there_are_certificate_fields():
    assert len(MTLS) == 21


@pytest.mark.parametrize("alias", sorted(name for name in FIELDS if FIELDS[name].alias_of))
def test_deprecated_names_read_what_their_successor_has(alias):
    target = FIELDS[alias].canonical
    sort = FIELDS[alias].type.name
    value, test = {"Int": (7, "eq 7"), "Bytes": (b"GB", 'eq "GB"'), "Bool": (True, "")}[sort]
    for written in (alias, target):
        for given_as in (alias, target):
            assert verdict(f"{written} {test}", {given_as: value}) is True


@settings(max_examples=300, deadline=None)
@given(s.comparisons(s.bytes_values, "Bytes", dynamic=s.bytes_values))
def test_without_any_value_no_comparison_holds_but_for_defaults_and_tolerant_functions(comparison):
    """A left side that is missing makes a comparison false, whatever stands on the right."""
    expression = lang.ast.Expression(comparison)
    if engine.evaluate(comparison.left, {}) is None:
        assert engine.compile(expression)({}) is False


@settings(max_examples=200, deadline=None)
@given(s.expressions, s.fields, st.sampled_from(["Bytes", "Int"]))
def test_a_field_without_value_and_a_field_left_out_are_the_same(expression, fields, kind):
    empty = {
        name: None
        for name in s.every_field
        if name not in fields and FIELDS[name].type.name == kind and FIELDS[name].default is None
    }
    matcher = engine.compile(expression, lists=s.lists())
    assert matcher(fields) is matcher({**fields, **empty})
