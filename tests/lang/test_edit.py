"""Edits: the new tree is the parse of the new text, spans and all; what was not touched is byte for byte the same."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtls_tui import lang
from mtls_tui.lang import ast, clause, edit, tree
from mtls_tui.lang.catalogue import BUILDER
from tests.lang.trees import scribbled

RULE = '(http.host in {"a.example.com"}\n and (!cf.tls_client_auth.cert_verified || ssl)\n and ip.src  eq 192.0.2.1)'


def parse(text):
    return lang.parse(text, check=False, max_length=None)


def whole(node):
    """Everything of a node, also what equality leaves out."""
    if dataclasses.is_dataclass(node):
        return type(node).__name__, [whole(getattr(node, item.name)) for item in dataclasses.fields(node)]
    if isinstance(node, tuple):
        return [whole(item) for item in node]
    return node


def assert_is_parse_of_its_text(expression):
    assert whole(expression.root) == whole(parse(expression.text).root)


def done(result):
    assert isinstance(result, edit.Edit), result
    assert_is_parse_of_its_text(result.expression)
    tree.node_at(result.expression, result.path)
    return result


def text_of(result):
    return done(result).expression.text


def paths(expression):
    """The rows of an expression: what an edit can be about."""
    return [path for path, node in tree.walk(expression.root) if tree.is_expression(node)]


STEPS = [
    *("remove", "duplicate", "negate", "toggle", "xor", "wrap", "wrap two", "unwrap", "up", "down"),
    *("add and", "add or", "insert", "replace", "move", "item", "field", "operator"),
]


def step(draw, expression, name):
    path = draw(st.sampled_from(paths(expression)))
    new = draw(st.sampled_from(["ssl", 'http.host eq "new"', "not ssl", "(ssl)", "ssl or ssl", "(ssl and ssl)"]))
    match name:
        case "remove":
            return edit.remove(expression, path)
        case "duplicate":
            return edit.duplicate(expression, path)
        case "negate":
            return edit.negate(expression, path)
        case "toggle":
            return edit.toggle_join(expression, path)
        case "xor":
            return edit.toggle_join(expression, path, xor=True)
        case "wrap":
            return edit.wrap(expression, path, operator=draw(st.sampled_from([None, "or"])))
        case "wrap two":
            return edit.wrap(expression, path, 2, draw(st.sampled_from([None, "and", "or", "xor"])))
        case "unwrap":
            return edit.unwrap(expression, path)
        case "up":
            return edit.move_up(expression, path)
        case "down":
            return edit.move_down(expression, path)
        case "add and":
            return edit.add_after(expression, path, new, draw(st.sampled_from([None, "and"])))
        case "add or":
            return edit.add_after(expression, path, new, draw(st.sampled_from(["or", "xor"])))
        case "insert":
            return edit.insert(expression, path, draw(st.integers(0, 4)), new)
        case "replace":
            return edit.replace_row(expression, path, new)
        case "move":
            return edit.move(expression, path, draw(st.sampled_from(paths(expression))), draw(st.integers(0, 4)))
        case "field":
            return clause.change_field(expression, path, draw(st.sampled_from(["ssl", "ip.src", "http.cookie"])))
        case "operator":
            return clause.change_operator(expression, path, draw(st.sampled_from(list(BUILDER.values()))))
        case _:
            sets = [path for path, node in tree.walk(expression.root) if isinstance(node, ast.Set)]
            if not sets:
                return edit.Refusal("no set")
            path = draw(st.sampled_from(sets))
            if draw(st.booleans()):
                return edit.add_item(expression, path, '"new"', draw(st.sampled_from([None, 0, 1])))
            return edit.remove_item(expression, (*path, 0))


@given(scribbled(), st.data())
@settings(deadline=None, max_examples=200)
def test_any_sequence_of_edits_gives_the_parse_of_its_text(pair, data):
    expression = parse(
        data.draw(st.sampled_from(["", " ", "\t\n "])) + pair[1] + data.draw(st.sampled_from(["", " \n"]))
    )
    for name in data.draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=4)):
        before = expression.text
        result = step(data.draw, expression, name)
        assert expression.text == before
        if isinstance(result, edit.Edit):
            assert_is_parse_of_its_text(result.expression)
            tree.node_at(result.expression, result.path)
            expression = result.expression
        else:
            assert result.reason


@given(scribbled(), st.data())
@settings(deadline=None, max_examples=100)
def test_moving_a_row_keeps_every_leaf(pair, data):
    expression = parse(pair[1])

    def leaves(found):
        return sorted(
            tree.source(found, path)
            for path, node in tree.walk(found.root)
            if isinstance(node, ast.Comparison | ast.Test)
            and not any(tree.is_expression(below) for under, below in tree.walk(node) if under)
        )

    path = data.draw(st.sampled_from(paths(expression)))
    result = data.draw(st.sampled_from([edit.move_down, edit.move_up]))(expression, path)
    if isinstance(result, edit.Edit):
        strip = [text.strip("() \n") for text in leaves(result.expression)]
        assert sorted(strip) == sorted(text.strip("() \n") for text in leaves(expression))


def test_what_is_not_touched_stays_as_it_was_written():
    expression = parse(RULE)
    removed = text_of(edit.remove(expression, (0,)))
    assert removed == "((!cf.tls_client_auth.cert_verified || ssl)\n and ip.src  eq 192.0.2.1)"
    added = text_of(edit.add_after(expression, (0,), "ssl"))
    assert added == RULE.replace('"}\n', '"}\n and ssl\n')
    negated = text_of(edit.negate(expression, (2,)))
    assert negated == RULE.replace("ip.src", "not ip.src")
    joined = text_of(edit.set_join(expression, (1,), "and"))
    assert joined == RULE.replace("||", "&&")


def test_adding_to_a_lone_row_goes_inside_its_parentheses():
    assert text_of(edit.add_after(parse("(ssl)"), (), 'http.host eq "a"')) == '(ssl and http.host eq "a")'
    assert text_of(edit.add_after(parse("ssl"), (), "ssl", "or")) == "ssl or ssl"
    assert text_of(edit.add_after(parse("(ssl) or (ssl)"), (0,), "ssl", "and")) == "(ssl and ssl) or (ssl)"


def test_adding_with_another_join_makes_a_group():
    result = done(edit.add_after(parse("ssl and ssl"), (1,), 'http.host eq "a"', "or"))
    assert result.expression.text == 'ssl and (ssl or http.host eq "a")'
    assert result.path == (1, 1)


def test_removing_leaves_the_last_row_in_place_of_its_group():
    expression = parse('ssl or (ssl and not http.cookie eq "a")')
    result = done(edit.remove(expression, (1, 0)))
    assert result.expression.text == 'ssl or (not http.cookie eq "a")'
    assert result.path == (1,)


def test_removing_under_not_takes_the_not_along():
    assert text_of(edit.remove(parse("ssl and not ssl"), (1, 0))) == "ssl"


def test_words_never_run_together():
    assert text_of(edit.unwrap(parse("(ssl)and(ssl)"), (0,))) == "ssl and(ssl)"
    assert text_of(edit.remove(parse("ssl or(ssl)and ssl"), (1, 0))) == "ssl or ssl"
    assert text_of(edit.negate(parse("ssl and!ssl"), (1,))) == "ssl and ssl"


def test_negating_twice_comes_back_to_the_same_bytes():
    for text in ("ssl", "(ssl)", "(ssl and ssl)", 'http.host  eq "a"', "ssl and(ssl)", "((ssl))"):
        path = (1,) if text.startswith("ssl and") else ()
        once = done(edit.negate(parse(text), path))
        assert "not" in once.expression.text
        assert text_of(edit.negate(once.expression, once.path)) == text


def test_negation_stands_where_the_builder_writes_it():
    assert text_of(edit.negate(parse("(ssl)"), ())) == "(not ssl)"
    assert text_of(edit.negate(parse("ssl and ssl"), ())) == "not (ssl and ssl)"


def test_changing_a_join_keeps_the_groups_below_it():
    assert text_of(edit.set_join(parse("ssl or ssl and ssl"), (), "and")) == "ssl and (ssl and ssl)"
    assert text_of(edit.set_join(parse("ssl or ssl and ssl"), (1,), "or")) == "ssl or (ssl or ssl)"
    assert text_of(edit.toggle_join(parse("ssl && ssl"), ())) == "ssl || ssl"


def test_wrapping_and_unwrapping_rows():
    expression = parse("ssl and\nssl and ssl")
    wrapped = done(edit.wrap(expression, (1,), 2, "or"))
    assert wrapped.expression.text == "ssl and\n(ssl or ssl)"
    assert text_of(edit.unwrap(wrapped.expression, wrapped.path)) == "ssl and\nssl and ssl"
    assert text_of(edit.wrap(expression, (0,))) == "(ssl) and\nssl and ssl"
    assert text_of(edit.wrap(expression, (0,), 3)) == "(ssl and\nssl and ssl)"


def test_unwrapping_takes_one_pair_at_a_time():
    first = done(edit.unwrap(parse("( ( ssl ) )"), ()))
    assert first.expression.text == "( ssl )"
    assert text_of(edit.unwrap(first.expression, ())) == "ssl"
    text = 'any((( starts_with(http.request.headers.names[*], "a"))))'
    once = done(edit.unwrap(parse(text), (0, 0)))
    assert once.expression.text == 'any(( starts_with(http.request.headers.names[*], "a")))'
    assert text_of(edit.unwrap(once.expression, (0, 0))) == 'any(starts_with(http.request.headers.names[*], "a"))'


def test_moving_passes_group_borders_both_ways():
    expression = parse('ssl and (http.host eq "b" or http.host eq "c") and http.host eq "d"')
    inside = done(edit.move_down(expression, (0,)))
    assert inside.expression.text == '(ssl or http.host eq "b" or http.host eq "c") and http.host eq "d"'
    assert inside.path == (0, 0)
    result = inside
    for _ in range(3):
        result = done(edit.move_down(result.expression, result.path))
    assert result.expression.text == '(http.host eq "b" or http.host eq "c") and ssl and http.host eq "d"'
    back = done(edit.move_up(result.expression, result.path))
    assert back.expression.text == '(http.host eq "b" or http.host eq "c" or ssl) and http.host eq "d"'


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (lambda: edit.remove(parse("ssl"), ()), "a rule needs at least one row"),
        (lambda: edit.unwrap(parse("not (ssl and ssl)"), (0,)), "stands under `not`"),
        (lambda: edit.unwrap(parse("ssl"), ()), "nothing to unwrap"),
        (lambda: edit.wrap(parse("(ssl)"), ()), "in parentheses already"),
        (lambda: edit.move_down(parse("ssl"), ()), "no other row"),
        (lambda: edit.move_down(parse("ssl and ssl"), (1,)), "the last row"),
        (lambda: edit.move(parse("ssl and (ssl or ssl)"), (1,), (1,), 0), "into itself"),
        (lambda: edit.toggle_join(parse("ssl"), ()), "add a second row"),
        (lambda: edit.insert(parse("ssl"), (), 0, "ssl"), "into a group"),
        (lambda: edit.replace_row(parse("ssl"), (), "ssl and"), ""),
        (lambda: edit.replace_part(parse('http.host eq "a"'), (1,), '"a" and ssl'), "more than one row"),
        (lambda: edit.replace_part(parse('http.host eq "a"'), (1,), '"a'), ""),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason(result, reason):
    refused = result()
    assert isinstance(refused, edit.Refusal)
    assert reason in refused.reason
    assert refused.reason


def test_parts_of_a_row_are_replaced_by_text():
    expression = parse('ssl and any(lower(http.request.headers.names[*])[*]  == "x-debug")')
    value = (1, 0, 0, 1)
    assert tree.source(expression, value) == '"x-debug"'
    assert text_of(edit.replace_part(expression, value, 'r"y"')).endswith('[*]  == r"y")')
    field = (1, 0, 0, 0, 0, 0, 0)
    assert tree.source(expression, field) == "http.request.headers.names"
    changed = done(edit.replace_part(expression, field, "http.request.uri.args.names"))
    assert tree.source(changed.expression, changed.path) == "http.request.uri.args.names"


def test_items_of_a_set_come_and_go_singly():
    expression = parse('http.host in {"a"   "b"\n"c"}')
    assert text_of(edit.add_item(expression, (1,), '"d"')) == 'http.host in {"a"   "b"\n"c" "d"}'
    assert text_of(edit.add_item(expression, (1,), '"d"', 0)) == 'http.host in {"d" "a"   "b"\n"c"}'
    assert text_of(edit.remove_item(expression, (1, 1))) == 'http.host in {"a"\n"c"}'
    assert text_of(edit.remove_item(expression, (1, 0))) == 'http.host in {"b"\n"c"}'


def test_a_row_cut_out_goes_back_to_the_same_text():
    expression = parse(RULE)
    muted = edit.fragment(expression, (1,))
    without = done(edit.remove(expression, (1,)))
    assert text_of(edit.insert(without.expression, (), 1, muted)) == RULE


def test_an_expression_made_by_hand_can_be_edited():
    row = ast.Test(ast.Field("ssl"))
    made = ast.Expression(ast.Logical("and", (row, row)))
    assert text_of(edit.negate(made, (0,))) == "not ssl and ssl"


@pytest.mark.parametrize(
    ("text", "label", "expected"),
    [
        ('http.host eq "a"', "is in", 'http.host in {"a"}'),
        ('http.host in {"a" "b"}', "equals", 'http.host eq "a"'),
        ('not http.host in {"a"}', "is in", 'http.host in {"a"}'),
        ('(http.host in {"a"})', "is not in", '(not http.host in {"a"})'),
        ('http.host eq "a"', "starts with", 'starts_with(http.host, "a")'),
        ('starts_with(http.host, "a")', "does not contain", 'not http.host contains "a"'),
        ('http.host eq "a\\"b"', "matches regex", 'http.host matches r#"a"b"#'),
        ("ip.src in {10.0.0.0/8}", "equals", "ip.src eq 10.0.0.0"),
        ('any(http.request.headers["x"][*] eq "a")', "contains", 'any(http.request.headers["x"][*] contains "a")'),
    ],
)
def test_another_operator_keeps_the_value_as_far_as_it_can(text, label, expected):
    assert text_of(clause.change_operator(parse(text), (), BUILDER[label])) == expected


def test_another_field_of_the_same_type_keeps_the_rest_and_another_type_begins_anew():
    expression = parse('ssl and not http.host  contains "a"')
    assert text_of(clause.change_field(expression, (1,), "http.cookie")) == 'ssl and not http.cookie  contains "a"'
    assert text_of(clause.change_field(expression, (1,), "ip.src")) == "ssl and not ip.src eq 192.0.2.1"
    assert isinstance(clause.change_field(expression, (1,), "http.nothing"), edit.Refusal)


def test_the_first_row_for_every_field_is_valid():
    from mtls_tui.lang.catalogue import FIELDS

    for name in FIELDS:
        lang.parse(clause.first_clause(name))


def test_an_edit_of_five_hundred_rows_parses_only_what_is_new(monkeypatch):
    text = " and\n".join(f'http.host ne "host-{index}.example.com"' for index in range(500))
    expression = parse(text)
    read = []
    real = lang.parse
    monkeypatch.setattr(lang, "parse", lambda text, **options: read.append(text) or real(text, **options))
    results = [
        edit.negate(expression, (250,)),
        edit.remove(expression, (0,)),
        edit.move_down(expression, (10,)),
        edit.replace_part(expression, (499, 1), '"x"'),
    ]
    assert read == ['http.host ne "x"']
    monkeypatch.undo()
    for result in results:
        done(result)


def test_expressions_as_they_come_take_every_edit(expressions):
    tried = 0
    for text in expressions[::4]:
        try:
            expression = parse(text)
        except lang.ParseError:
            continue
        for path in paths(expression)[:4]:
            for change in (edit.negate, edit.remove, edit.duplicate, edit.move_down, edit.unwrap):
                result = change(expression, path)
                if isinstance(result, edit.Edit):
                    tried += 1
                    assert_is_parse_of_its_text(result.expression)
    assert tried > 200
