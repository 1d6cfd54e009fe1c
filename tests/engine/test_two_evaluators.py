"""The compiled and the explaining evaluator are written apart; here each is the test of the other."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mtls_tui import engine, lang
from mtls_tui.lang.catalogue import FIELDS
from tests.engine import strategies as s


@settings(max_examples=500, deadline=None)
@given(s.expressions, s.fields)
def test_both_give_the_same_verdict(expression, fields):
    assert (
        engine.compile(expression, lists=s.lists())(fields)
        is engine.explain(expression, fields, lists=s.lists()).verdict
    )


@settings(max_examples=400, deadline=None)
@given(s.quantified(), s.full_fields)
def test_both_agree_on_arrays_element_by_element(condition, fields):
    expression = lang.ast.Expression(condition)
    assert engine.compile(expression)(fields) is engine.explain(expression, fields).verdict


@settings(max_examples=250, deadline=None)
@given(s.expressions, s.fields)
def test_text_and_tree_mean_the_same(expression, fields):
    parsed = lang.parse(lang.format(expression), max_length=None)
    assert engine.compile(parsed, lists=s.lists())(fields) is engine.compile(expression, lists=s.lists())(fields)


@settings(max_examples=400, deadline=None)
@given(s.expressions, s.fields, st.sets(st.sampled_from(s.every_field)))
def test_both_agree_on_what_is_unknown(expression, fields, unknown):
    compiled = engine.compile(expression, lists=s.lists()).unknown(frozenset(unknown))
    assert compiled(fields) is engine.explain(expression, fields, lists=s.lists(), unknown=unknown).verdict


@settings(max_examples=300, deadline=None)
@given(s.expressions, s.fields, s.fields, st.sets(st.sampled_from(s.every_field)))
def test_a_known_verdict_holds_whatever_the_unknown_fields_are(expression, fields, others, unknown):
    matcher = engine.compile(expression, lists=s.lists())
    verdict = matcher.unknown(frozenset(unknown))(fields)
    if verdict is not None:
        hidden = {alias for name in unknown for alias in (name, FIELDS[name].canonical)}
        mixed = {name: value for name, value in fields.items() if name not in hidden}
        mixed |= {name: value for name, value in others.items() if name in hidden}
        assert matcher(mixed) is verdict


@settings(max_examples=300, deadline=None)
@given(s.expressions, s.fields)
def test_the_reasons_suffice_for_the_verdict(expression, fields):
    """Whatever the other clauses were worth, the verdict would be the same."""
    trace = engine.explain(expression, fields, lists=s.lists())
    decisive = {id(step.node): step.value for step in trace.reasons}
    assert _verdict(expression.root, decisive) is trace.verdict
    for spared in decisive:
        rest = {node: value for node, value in decisive.items() if node != spared}
        assert _verdict(expression.root, rest) is None


def _verdict(node, known):
    """Three-valued: clauses that are not known are None."""
    match node:
        case lang.ast.Not():
            inner = _verdict(node.item, known)
            return None if inner is None else not inner
        case lang.ast.Logical():
            values = [_verdict(item, known) for item in node.items]
            stops_at = {"and": False, "or": True}.get(node.operator)
            if stops_at is not None and stops_at in values:
                return stops_at
            if None in values:
                return None
            return values.count(True) % 2 == 1 if stops_at is None else not stops_at
    return known.get(id(node))
