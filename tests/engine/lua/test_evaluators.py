"""Generated expressions: compiled rules in LuaJIT say what both evaluators of the engine say."""

from hypothesis import given, settings

from mtls_tui import engine, lang
from mtls_tui.engine.compile import evaluate
from mtls_tui.engine.lua.refusal import RefusedError
from tests.engine import strategies as s
from tests.engine.lua import luajit


def check(expression, fields):
    """Compare all three; False where the expression can't be compiled."""
    if not luajit.exact(fields):
        return False
    source, refused = luajit.condition_source(expression.root, s.lists())
    lua = luajit.shared()
    verdict = lua.chunk(source)(lua.fields(fields))
    expected = engine.explain(expression, fields, lists=s.lists()).verdict
    assert engine.compile(expression, lists=s.lists())(fields) is expected
    if refused:
        assert verdict or not expected, "what can't be compiled must not make a rule hold less often"
        return False
    assert verdict is expected, (lang.format(expression), fields, source)
    return True


@settings(max_examples=400)
@given(s.expressions, s.fields)
def test_conditions(expression, fields):
    check(expression, fields)


@settings(max_examples=200)
@given(s.quantified(), s.full_fields)
def test_element_by_element(condition, fields):
    check(lang.ast.Expression(condition), fields)


def check_value(value, fields):
    """The same for a value."""
    if not luajit.exact(fields):
        return
    lua = luajit.shared()
    try:
        source = luajit.value_source(value, s.lists())
    except RefusedError:
        return
    found = lua.python(lua.chunk(source)(lua.fields(fields)))
    expected = evaluate(value, fields, lists=s.lists())
    assert found == (list(expected) if isinstance(expected, tuple) else expected), (value, fields, source)


@settings(max_examples=300)
@given(s.bytes_values | s.bytes_arrays() | s.int_values, s.fields)
def test_values(value, fields):
    check_value(value, fields)
