"""The pyparsing grammar against the typed reader: every right text is accepted, with the same tree and places."""

from __future__ import annotations

import dataclasses
import gzip
import json
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings

from mtls_tui import lang
from mtls_tui.lang import ast, grammar, scheme
from tests.lang.expression_maker import Maker
from tests.lang.test_parse_limits import FRAGMENTS, st


def places(node):
    """A node as nested tuples in which spans and parentheses count."""
    if dataclasses.is_dataclass(node):
        return (type(node).__name__, *(places(getattr(node, item.name)) for item in dataclasses.fields(node)))
    return tuple(map(places, node)) if isinstance(node, tuple) else node


def same(text):
    """Whether a text is right; if so, the grammar must read it as the reader does."""
    try:
        read = lang.parse(text, max_length=None)
    except lang.ParseError:
        return False
    found = grammar.read_expression(text)
    assert found is not None, text
    assert places(found) == places(read.root), text
    return True


def texts(shared, name):
    path = shared(f"conformance/{name}")
    data = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text("utf-8")
    return list(
        dict.fromkeys(
            row.get("expr") or row["expression"]
            for row in map(json.loads, data.splitlines())
            if row.get("expr") or row.get("expression")
        )
    )


def test_every_real_expression_has_the_same_tree_by_both_roads(shared):
    assert sum(map(same, texts(shared, "real_expressions.jsonl"))) > 400


def test_recorded_expressions_have_the_same_tree_by_both_roads(shared):
    recorded = texts(shared, "engine_verdicts.jsonl.gz")
    assert sum(map(same, recorded[:: max(1, len(recorded) // 1500)])) > 500


@pytest.mark.parametrize("seed", range(4))
def test_made_expressions_have_the_same_tree_by_both_roads(seed):
    maker = Maker(seed, scheme.fields())
    assert sum(same(maker.one().strip()) for _ in range(300)) > 100


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.lists(FRAGMENTS, max_size=12).map(" ".join), st.lists(FRAGMENTS, max_size=12).map("".join)))
def test_whatever_pieces_come_together_a_right_text_has_the_same_tree_by_both_roads(text):
    same(text)


@pytest.mark.parametrize(
    "text",
    [
        'cf.waf.score in {1 2..5}or ssl', "ip.src in {10 1.2.3.4 ::1 10.0.0.0/8}", "http.host eq 01:02and ssl",
        "http.host in {01:02 +1:02}", "ip.src eq 1.2.3.4or ssl", "notssl", "!!ssl", "((ssl)) and(ssl)",
        'http.request.headers [ "a" ][0] eq "x"', 'any(not ssl)', 'cf.waf.score eq 10or ssl',
        'any((http.request.headers["a"][*] eq "x" or http.request.headers["a"][*] eq "y"))',
        'http.host matches "[\\"]\\"\\d" xor true', 'http.host strict wildcard r#"a"*"#',
        "len(http.host) gt len(http.cookie)", "concat(01:02:03:04:05:06:07:08, http.host) eq \"a\"",
        "ip.src in $a.b", "true", "\tssl\u3000", "ssl\r\n and \nssl"  ,
        "lower(http.host)[0] eq \"a\"", "1.2.3.4 eq 1.2.3.4", "ssl &", "ssl && ssl ^^ ssl || ssl",
    ],
)  # fmt: skip
def test_texts_where_roads_could_part_are_read_alike(text):
    same(text)


@pytest.mark.parametrize(
    "text", ["no.such eq 1 && other", "a(b, 1.2.3.4)[0] in {1 2}", "x eq 08a.b", "(foo)", "foo bar"]
)
def test_a_text_with_names_that_are_not_known_is_read_by_syntax_or_refused(text):
    found = grammar.read_expression(text)
    if found is None:
        assert text in ("x eq 08a.b", "foo bar")
    else:
        assert lang.parse(lang.format(ast.Expression(found, text)), check=False).root == found


def test_right_texts_need_no_pyparsing():
    code = (
        "import sys; from mtls_tui import lang, lang as l; l.parse('ssl'); l.parse('ssl', check=False)\n"
        "assert 'pyparsing' not in sys.modules\n"
        "l.parse('no.such', check=False); assert 'pyparsing' in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_reading_leaves_the_settings_of_pyparsing_and_of_python_as_they_were():
    from pyparsing import ParserElement

    limit = sys.getrecursionlimit()
    grammar.read_expression("(" * 300)
    assert sys.getrecursionlimit() == limit
    assert ParserElement.DEFAULT_WHITE_CHARS == " \n\t\r"


def test_a_text_of_twice_the_length_takes_about_twice_as_long():
    def seconds(text):
        start = time.process_time()
        assert grammar.read_expression(text) is not None
        return time.process_time() - start

    clause = '(no.such eq "x" and not any(lower(other[*])[*] contains "/y"))'
    short, long = (" or ".join([clause] * count) for count in (40, 160))
    assert min(seconds(long) for _ in range(3)) < 12 * min(seconds(short) for _ in range(3))
