"""Edits change what they are asked to and nothing else: comments, order and untouched lines stay."""

import tomllib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtls_tui.engine.model import Response
from mtls_tui.lang import parse
from mtls_tui.rulefile import ResponseEntry, RuleEntry, RuleFileError, loads
from mtls_tui.rulefile.edit import (
    copy_host,
    copy_rule,
    insert_host,
    insert_rule,
    insert_test,
    move_host,
    move_rule,
    remove_host,
    remove_rule,
    remove_test,
    update_host,
    update_rule,
)
from mtls_tui.rulefile.seeds import EMPTY, add_mtls_rule

TEXT = """\
# head
version = 1
anchors = []   # none yet

# the API
[[hosts]]
name = "api.example.com"  # main

# ---- lists ----

[lists.office]
kind = "ip"      # addresses
items = ["192.0.2.0/24"]

# ---- rules ----

# about the first
# in two lines
[[rules]]
ref = "first"
expression = '''ssl''' # why
[rules.response]
status = 404 # hide

# about the second
[[rules]]
ref = "second"
expression = "not ssl"

# ---- tests ----

[[tests]]
name = "t"
url = "https://api.example.com/"
expect = { action = "block" }
# the end
"""


def test_an_update_leaves_every_other_line_as_it_is():
    new = update_rule(loads(TEXT), 1, expression='http.host eq "a"', enabled=False)
    old_lines, new_lines = TEXT.split("\n"), new.text.split("\n")
    assert [line for line in old_lines if line not in new_lines] == ['expression = "not ssl"']
    assert [line for line in new_lines if line not in old_lines] == [
        "expression = '''http.host eq \"a\"'''", "enabled = false",
    ]  # fmt: skip
    assert new.rules[1].enabled is False
    assert new.rule(1).expression == parse('http.host eq "a"')


def test_an_update_to_the_same_value_changes_nothing():
    old = loads(TEXT)
    assert update_rule(old, 0, ref="first", expression="ssl", response={"status": 404}).text == TEXT


def test_a_trailing_comment_outlives_the_value_before_it():
    assert "expression = '''not ssl''' # why" in update_rule(loads(TEXT), 0, expression="not ssl").text
    assert 'name = "b.example.com"  # main' in update_host(loads(TEXT), 0, name="b.example.com").text


def test_a_key_is_taken_out_with_none():
    new = update_rule(loads(TEXT), 0, response=None)
    assert new.rules[0].response is None
    assert "rules.response" not in new.text


def test_a_sub_table_makes_room_for_an_inline_one():
    for response in ({"status": 410}, ResponseEntry(status=410), Response(status=410)):
        new = update_rule(loads(TEXT), 0, response=response)
        assert new.rules[0].response == ResponseEntry(status=410)
        assert new.rules[1] == loads(TEXT).rules[1]


def test_a_moved_rule_takes_its_comment_along_and_headings_stay():
    new = move_rule(loads(TEXT), 0, 1)
    assert [rule.ref for rule in new.rules] == ["second", "first"]
    text = new.text
    assert text.index("# ---- rules") < text.index("# about the second") < text.index('"second"')
    assert text.index('"second"') < text.index("# about the first") < text.index("# in two lines\n[[rules]]")
    assert move_rule(new, 1, 0).text == TEXT


def test_a_removed_rule_takes_its_comment_along_and_no_other():
    new = remove_rule(loads(TEXT), 0)
    assert [rule.ref for rule in new.rules] == ["second"]
    assert "about the first" not in new.text
    for comment in ("# head", "# ---- lists", "# ---- rules", "# about the second", "# ---- tests", "# the end"):
        assert comment in new.text


def test_a_copy_stands_after_its_original_without_its_comment():
    new = copy_rule(loads(TEXT), 0)
    assert [rule.ref for rule in new.rules] == ["first", "first-2", "second"]
    assert new.rules[1].response == new.rules[0].response
    assert new.text.count("# about the first") == 1
    assert [rule.ref for rule in copy_rule(new, 0).rules][:2] == ["first", "first-3"]


def test_a_new_rule_goes_where_it_is_wanted():
    rule = RuleEntry(ref="new", expression="ssl")
    for at, refs in (
        (0, "new first second"),
        (1, "first new second"),
        (2, "first second new"),
        (None, "first second new"),
    ):
        new = insert_rule(loads(TEXT), rule, at)
        assert [rule.ref for rule in new.rules] == refs.split()
        assert new.rules[refs.split().index("new")] == rule
    with pytest.raises(IndexError):
        insert_rule(loads(TEXT), rule, 3)


def test_hosts_and_tests_are_edited_as_rules_are():
    new = insert_host(loads(TEXT), {"name": "b.example.com", "mtls": False})
    new = remove_host(copy_host(move_host(new, 1, 0), 0, "c.example.com"), 2)
    new = update_host(new, 1, revocation="leaf")
    test = {"name": "u", "url": "https://a/", "headers": {"x-y": "z", "a b": ["1", "2"]}, "expect": {"action": "log"}}
    new = remove_test(insert_test(new, test, 0), 1)
    assert [(host.name, host.mtls, host.revocation) for host in new.hosts] == [
        ("b.example.com", False, None), ("c.example.com", False, "leaf"),
    ]  # fmt: skip
    assert [(test.name, test.headers) for test in new.tests] == [("u", {"x-y": "z", "a b": ("1", "2")})]
    assert "# the API" not in new.text
    assert "# ---- lists ----" in new.text


def test_sections_of_a_new_file_come_in_order():
    new = insert_test(loads(EMPTY), {"name": "t", "url": "https://a/", "expect": {"action": "allow"}})
    new = insert_host(insert_rule(new, {"ref": "r", "expression": "ssl"}), {"name": "a"})
    order = [new.text.index(header) for header in ("[[hosts]]", "[[rules]]", "[[tests]]")]
    assert order == sorted(order)
    assert new.text.startswith(EMPTY)
    assert "\n\n\n" not in new.text


def test_a_mistake_in_an_edit_is_told_and_a_place_that_is_not_there_is_an_index_error():
    rulefile = loads(TEXT)
    with pytest.raises(RuleFileError, match="`expression`"):
        update_rule(rulefile, 0, expresion="ssl")
    with pytest.raises(RuleFileError):
        update_rule(rulefile, 0, action="blok")
    for edit in (
        lambda: update_rule(rulefile, 2, ref="x"),
        lambda: remove_rule(rulefile, -1),
        lambda: move_rule(rulefile, 0, 2),
    ):
        with pytest.raises(IndexError):
            edit()


def test_crlf_files_stay_crlf():
    new = update_rule(
        insert_rule(loads(TEXT.replace("\n", "\r\n")), {"ref": "n", "expression": "ssl"}), 0, enabled=False
    )
    assert new.text.count("\n") == new.text.count("\r\n")
    assert new.rules[2].ref == "n"


NASTY = [
    "",
    "x",
    "it's",
    'say "x"',
    "'''",
    '"""',
    "back\\slash",
    "tab\tbed",
    "two\nlines",
    "\nfirst",
    "bell\x07",
    "é☃",
    "end'",
    "#",
    "\x7f",
    "\r\n",
]


@pytest.mark.parametrize("text", NASTY)
def test_any_text_survives_in_any_place(text):
    new = update_rule(loads(TEXT), 0, description=text, response={"body": text})
    new = insert_rule(new, {"ref": "n", "expression": text or "x"})
    assert new.rules[0].description == text
    assert new.rules[0].response.body == text
    assert new.rules[2].expression == (text or "x")
    test = {
        "name": "t",
        "url": "https://a/",
        "expect": {"action": "log"},
        "headers": {text: text},
        "set": {text: [text]},
    }
    made = insert_test(new, test).tests[1]
    assert (made.headers, made.set) == ({text: text}, {text: [text]})


def test_a_default_mtls_rule_is_made_by_name_and_hosts():
    new = add_mtls_rule(loads(EMPTY), "My API", ["api.example.com", "B.example.com."], anchors=["ca.pem"])
    assert new.rules[0].expression == (
        '(http.host in {"api.example.com" "b.example.com"} and not cf.tls_client_auth.cert_verified)'
    )
    assert (new.rules[0].ref, new.rules[0].description, new.rules[0].action) == ("my-api", "My API", "block")
    assert [(host.name, host.mtls, host.anchors) for host in new.hosts] == [
        ("api.example.com", True, ("ca.pem",)), ("b.example.com", True, ("ca.pem",)),
    ]  # fmt: skip
    again = add_mtls_rule(new, "My API", ["api.example.com", "*.c.example.com"], at=0)
    assert [rule.ref for rule in again.rules] == ["my-api-2", "my-api"]
    assert [host.name for host in again.hosts] == ["api.example.com", "b.example.com", "*.c.example.com"]
    assert parse(again.rules[0].expression)
    with pytest.raises(RuleFileError):
        add_mtls_rule(new, "x", ["a b"])
    with pytest.raises(RuleFileError):
        add_mtls_rule(new, "x", [])


ODD = {
    "inline arrays": """\
version = 1
rules = [ # all of them
  { ref = "a", expression = "ssl" }, # one
  { ref = "b", expression = "not ssl" },
]
lists = { x = { kind = "ip", items = [] } }
""",
    "dotted keys": """\
lists.x.kind = "ip"
lists.x.items = []
[[rules]]
ref = "a"
expression = "ssl"
[[rules]]
ref = "b"
expression = "not ssl"
""",
    "a lists table": """\
[lists] # here
x = { kind = "ip", items = [] }
[[rules]]
ref = "a"
expression = "ssl"
[[rules]]
ref = "b"
expression = "not ssl"
""",
    "scattered parts": """\
[[rules]]
ref = "a"
expression = "ssl"
[[rules]]
ref = "b"
expression = "not ssl"
[lists.x]
kind = "ip"
[rules.response]
status = 404
""",
    "empty arrays": "rules = []\n[lists]\n",
}


@pytest.mark.parametrize("name", ODD)
def test_files_in_other_layouts_can_be_edited_too(name):
    old = loads(ODD[name])
    new = insert_rule(old, {"ref": "n", "expression": "ssl"})
    assert [rule.ref for rule in new.rules] == [*(rule.ref for rule in old.rules), "n"]
    new = copy_rule(move_rule(update_rule(new, 0, description="changed"), 0, len(new.rules) - 1), 0)
    assert new.rules[-1].description == "changed"
    assert len(new.rules) == len(old.rules) + 2
    new = remove_rule(new, 0)
    assert len(new.rules) == len(old.rules) + 1
    assert new.lists == old.lists
    for comment in ("# all of them", "# here"):
        assert (comment in new.text) == (comment in ODD[name])


actions = st.lists(
    st.tuples(st.sampled_from(["update", "insert", "remove", "move", "copy"]), st.integers(0, 5), st.integers(0, 5)),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(actions, st.booleans())
def test_any_row_of_edits_gives_what_the_same_edits_of_a_list_give(row, odd):
    rulefile = loads(ODD["inline arrays"] if odd else TEXT)
    expected = [rule.ref for rule in rulefile.rules]
    for number, (verb, first, second) in enumerate(row):
        count = len(expected)
        ref = f"n{number}"
        if verb == "insert":
            at = first % (count + 1)
            rulefile = insert_rule(rulefile, {"ref": ref, "expression": "ssl"}, at)
            expected.insert(at, ref)
        elif count and verb == "update":
            rulefile = update_rule(rulefile, first % count, ref=ref)
            expected[first % count] = ref
        elif count and verb == "remove":
            rulefile = remove_rule(rulefile, first % count)
            del expected[first % count]
        elif count and verb == "move":
            rulefile = move_rule(rulefile, first % count, second % count)
            expected.insert(second % count, expected.pop(first % count))
        elif count and verb == "copy":
            rulefile = copy_rule(rulefile, first % count)
            expected.insert(first % count + 1, rulefile.rules[first % count + 1].ref)
        assert [rule.ref for rule in rulefile.rules] == expected
        assert [rule["ref"] for rule in tomllib.loads(rulefile.text).get("rules", [])] == expected
    assert rulefile.usable or not odd
    if not odd:
        for comment in ("# head", "# none yet", "# the API", "# ---- rules", "# ---- tests", "# the end"):
            assert comment in rulefile.text


def test_undo_is_the_old_rule_file():
    old = loads(TEXT)
    update_rule(old, 0, enabled=False)
    assert old.text == TEXT
    assert old == loads(TEXT)


def test_an_empty_expression_is_a_problem_and_no_obstacle_to_editing():
    new = update_rule(loads(TEXT), 0, expression="")
    assert [problem.key for problem in new.problems] == ["rules[0].expression"]
    assert update_rule(new, 0, expression="ssl").usable


def test_a_syntax_tree_is_written_as_it_is_whatever_text_it_carries():
    written = parse("ssl   and   ssl")
    assert update_rule(loads(TEXT), 0, expression=written).rules[0].expression == "ssl   and   ssl"
    stale = replace(parse("ssl or not ssl"), text="ssl")
    assert update_rule(loads(TEXT), 0, expression=stale).rules[0].expression == "ssl or not ssl"
    assert update_rule(loads(TEXT), 0, expression=replace(written, text="")).rules[0].expression == "ssl and ssl"
