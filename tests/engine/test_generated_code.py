"""No text of an expression gets into generated code, however hostile; none is too deep or too long for it."""

import re
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtls_tui import engine, lang
from mtls_tui.engine import generate
from mtls_tui.engine.functions import UnknownFunctionError
from mtls_tui.lang.ast import Call, Comparison, Expression, Field, Index, ListName, Logical, Not, Pattern, Set, Test
from tests.engine import strategies as s

HOSTILE = [
    "__import__('os').system('true')",
    '")\n    raise SystemExit\n#',
    "{left}",
    "k0",
    "fields",
    "'''",
    "\\",
    "%s",
    "a\x00b",
    "\ud800",
    "é" * 100,
]
WORDS = {
    "def", "return", "make", "match", "fields", "get", "is", "not", "and", "or", "in", "for", "True", "False", "None",
    "any", "list", "b", "v", "r", "if", "logged", "results", "else", "__class__", "with_logged", "check_types",
    "first_of", "at", "key", "each", "pick_at", "pick_key", "flatten", "mapped", "same", "differs", "below", "at_most",
    "above", "at_least", "each_and", "each_or", "each_xor", "all_of", "three_and", "three_or", "three_xor", "three_not",
    "ALLOWED", "bytes", "int", "bool",
}  # fmt: skip
SHAPE = re.compile(r"(?:[A-Za-z_]+|[fkpt]?\d+|''|:=|==|!=|<=|>=|[()\[\]<>&^|.,:=+ \n])*")


@pytest.fixture
def sources(monkeypatch):
    """Every source that is compiled during the test."""
    seen = []
    compile_source = generate._code

    def record(source):
        seen.append(source)
        return compile_source(source)

    monkeypatch.setattr(generate, "_code", record)
    return seen


def assert_plain(source):
    assert SHAPE.fullmatch(source), source
    names = set(re.findall(r"[A-Za-z_]+\w*", source))
    assert {name for name in names if not re.fullmatch(r"[fkpt]\d+", name)} <= WORDS


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_keys_literals_and_lists_stay_data(text, sources):
    data = text.encode("utf-8", "surrogatepass")
    field = Field(text)
    tree = Logical(
        "or",
        (
            Comparison(field, "eq", s.string(data)),
            Comparison(Index(Field("http.request.headers"), s.string(data)), "in", Set((s.string(data),))),
            Comparison(field, "contains", s.string(data)),
            Comparison(field, "wildcard", Pattern(b"a" + data.replace(b"\\", b"\\\\"), "")),
            Comparison(Field("ip.src"), "in", ListName(text)),
            Test(Call("any", (Comparison(Index(field, None), "ne", s.string(data)),))),
            Test(Call("starts_with", (field, s.string(data)))),
        ),
    )
    expression = Expression(tree)
    matcher = engine.compile(expression, lists={text: ["192.0.2.1"]})
    assert matcher.function({text: data}) is True
    assert matcher.function({}) is False
    ruleset = engine.Ruleset([engine.Rule(text, expression, description=text)], {text: ["192.0.2.1"]})
    assert ruleset.decide({text: data}).rule.ref == text
    assert matcher.unknown(frozenset({"ip.src"}))({text: data}) is True
    for source in sources:
        assert_plain(source)


@settings(max_examples=200, deadline=None)
@given(s.expressions, st.sets(st.sampled_from(s.every_field)))
def test_generated_code_has_fixed_words_and_numbered_names_alone(expression, unknown):
    recorded = []
    compile_source = generate._code
    generate._code = lambda source: recorded.append(source) or compile_source(source)
    try:
        matcher = engine.compile(expression, lists=s.lists())
        matcher.unknown(frozenset(unknown))
        engine.Ruleset([engine.Rule("a", expression, "log"), engine.Rule("b", expression)], s.lists())
    finally:
        generate._code = compile_source
    assert recorded
    for source in recorded:
        assert_plain(source)


def test_expressions_of_one_shape_share_one_code():
    def compiled(host):
        return engine.compile(lang.parse(f'http.host in {{"{host}"}} and not ssl'))

    first, second = compiled("a"), compiled("b")
    assert first.function.__code__ is second.function.__code__
    assert first({"http.host": b"a"}) and not second({"http.host": b"a"})


def test_generated_code_has_no_builtin_functions():
    matcher = engine.compile(lang.parse("ssl"))
    assert matcher.function.__globals__["__builtins__"] == {}


def test_an_unknown_function_of_an_unchecked_tree_is_named():
    expression = Expression(Test(Call("eval", (Field("http.host"),))))
    with pytest.raises(UnknownFunctionError, match="no function is named `eval`"):
        engine.compile(expression)
    assert engine.explain(expression, {"http.host": b"1"}).verdict is None


# --- deep and long --------------------------------------------------------------------------------------------------


def nested(kind, depth):
    tree = Test(Field("ssl"))
    for level in range(depth):
        if kind == "not":
            tree = Not(tree)
        elif kind == "logical":
            tree = Logical(("and", "or", "xor")[level % 3], (Test(Field("ssl")), tree))
        else:
            tree = Not(Logical("or", (tree, tree))) if level < 8 else Not(tree)
    return Expression(tree)


@pytest.mark.parametrize("kind", ["not", "logical", "shared"])
def test_a_nesting_of_128_compiles_and_explains_even_far_down_the_stack(kind):
    expression = nested(kind, 128)

    def below(frames):
        if frames:
            return below(frames - 1)
        compiled = engine.compile(expression)
        return [
            (compiled({"ssl": value}), engine.explain(expression, {"ssl": value}).verdict) for value in (True, False)
        ]

    results = below(sys.getrecursionlimit() // 4)
    assert all(compiled is explained for compiled, explained in results)
    engine.Ruleset([engine.Rule("a", expression)]).decide({"ssl": True})


@pytest.mark.parametrize("text", ["(" * 128 + "ssl" + ")" * 128, "not " * 128 + "ssl"])
def test_the_deepest_text_that_parses_compiles(text):
    expression = lang.parse(text)
    assert engine.compile(expression)({"ssl": True}) is engine.explain(expression, {"ssl": True}).verdict is True


def test_functions_in_functions_compile_to_the_depth_limit():
    value = Field("http.host")
    for level in range(126):
        value = Call(("lower", "upper")[level % 2], (value,))
    expression = Expression(Comparison(value, "eq", s.string(b"A")))
    assert engine.compile(expression)({"http.host": b"a"})
    assert engine.explain(expression, {"http.host": b"a"}).verdict


def test_a_long_chain_of_clauses_compiles():
    text = " or ".join(f'http.host eq "h{n}"' for n in range(5000))
    expression = lang.parse(text, max_length=None)
    matcher = engine.compile(expression)
    assert matcher({"http.host": b"h4999"})
    assert not matcher({"http.host": b"h5000"})


def test_text_where_bytes_belong_is_an_error_that_says_what_to_give():
    matcher = engine.compile(lang.parse('http.host eq "a"'))
    with pytest.raises(TypeError, match=r"`http\.host` is Bytes, so its value can't be a str: give bytes"):
        matcher({"http.host": "a"})
    with pytest.raises(TypeError, match="can't be a bool"):
        engine.compile(lang.parse("cf.waf.score eq 1"))({"cf.waf.score": True})
