"""Explanations: marks, values, what was not reached, reasons, look-ups, JSON."""

import json

from hypothesis import given, settings

from mtls_tui import engine, lang
from mtls_tui.engine import Absent
from mtls_tui.lang import tree
from tests.engine import strategies as s

RULE = '(http.host in {"a.example"} and not cf.tls_client_auth.cert_verified)'


def explain(text, fields=None, **more):
    return engine.explain(lang.parse(text), fields or {}, **more)


def marks(trace):
    return [(step.text, step.mark) for step in trace.steps if step.is_condition]


def test_a_match_marks_every_clause():
    trace = explain(RULE, {"http.host": b"a.example"})
    assert trace.verdict is True
    assert marks(trace) == [
        ('http.host in {"a.example"} and not cf.tls_client_auth.cert_verified', "true"),
        ('http.host in {"a.example"}', "true"),
        ("not cf.tls_client_auth.cert_verified", "true"),
        ("cf.tls_client_auth.cert_verified", "false"),
    ]
    assert [step.text for step in trace.reasons] == ['http.host in {"a.example"}', "cf.tls_client_auth.cert_verified"]


def test_what_stands_behind_the_deciding_clause_is_not_reached_but_has_its_value():
    trace = explain(RULE, {"http.host": b"b.example"})
    assert trace.verdict is False
    assert [mark for _, mark in marks(trace)] == ["false", "false", "not reached", "not reached"]
    assert trace.at((1,)).value is True
    assert [step.text for step in trace.reasons] == ['http.host in {"a.example"}']
    assert trace.reasons[0].seen == {"http.host": b"b.example"}


def test_or_stops_at_the_first_true_clause_and_xor_never_stops():
    fields = {"ssl": True}
    assert [mark for _, mark in marks(explain("ssl or cf.client.bot", fields))] == ["true", "true", "not reached"]
    assert [mark for _, mark in marks(explain("ssl xor cf.client.bot", fields))] == ["true", "true", "false"]


def test_unknown_fields_make_a_clause_unknown_and_a_deciding_clause_still_decides():
    unknown = {"cf.tls_client_auth.cert_verified"}
    trace = explain(RULE, {"http.host": b"a.example"}, unknown=unknown)
    assert trace.verdict is None
    assert [mark for _, mark in marks(trace)] == ["unknown", "true", "unknown", "unknown"]
    assert [step.text for step in trace.reasons] == ["cf.tls_client_auth.cert_verified"]
    assert explain(RULE, {"http.host": b"b.example"}, unknown=unknown).verdict is False


def test_a_deprecated_name_is_unknown_with_its_successor():
    assert explain('ip.geoip.country eq "GB"', {}, unknown={"ip.src.country"}).verdict is None
    assert explain('ip.src.country eq "GB"', {}, unknown={"ip.geoip.country"}).verdict is None


def test_values_of_every_node_are_there():
    text = 'any(lower(http.request.headers["x"][*])[*] eq "a")'
    trace = explain(text, {"http.request.headers": {b"x": [b"A", b"b"]}})
    values = {step.text: step.value for step in trace.steps}
    assert values[text] is True
    assert values['lower(http.request.headers["x"][*])'] == [b"a", b"b"]
    assert values['http.request.headers["x"][*]'] == [b"A", b"b"]
    assert values['lower(http.request.headers["x"][*])[*] eq "a"'] == [True, False]
    assert values['"a"'] == b"a"
    assert trace.at((0, 0)).mark == "elements"
    assert explain(text).at((0, 0, 0, 0)).value is Absent.MISSING


def test_steps_are_found_by_path():
    expression = lang.parse(RULE)
    trace = engine.explain(expression, {})
    for path, node in tree.walk(expression.root):
        step = trace.at(path)
        if step is not None:
            assert step.node is node
            assert step.span == node.span
    assert trace.at((9,)) is None


def test_trees_made_by_hand_have_the_canonical_text():
    built = lang.ast.Expression(lang.parse("ssl or not ssl").root)
    assert [step.text for step in engine.explain(built, {}).steps] == [
        "ssl or not ssl",
        "ssl",
        "ssl",
        "not ssl",
        "ssl",
        "ssl",
    ]


def test_the_json_form_holds_everything():
    trace = explain(RULE, {"http.host": b"a.example"})
    given = json.loads(json.dumps(trace.to_dict()))
    assert given["verdict"] is True
    assert given["root"]["children"][0]["children"][0] == {
        "kind": "field",
        "text": "http.host",
        "span": [1, 10],
        "path": [0, 0],
        "mark": "value",
        "reached": True,
        "decisive": False,
        "value": "a.example",
        "state": "known",
        "children": [],
    }
    assert given["reasons"][1] == {
        "text": "cf.tls_client_auth.cert_verified",
        "path": [1, 0],
        "value": False,
        "seen": {"cf.tls_client_auth.cert_verified": False},
    }


@settings(max_examples=100, deadline=None)
@given(s.expressions, s.fields)
def test_every_trace_becomes_json(expression, fields):
    assert json.loads(json.dumps(engine.explain(expression, fields, lists=s.lists()).to_dict()))
