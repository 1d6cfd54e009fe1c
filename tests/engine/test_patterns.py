"""Wildcards match as documented and in linear time."""

import fnmatch
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtls_tui import engine, lang
from mtls_tui.engine.regex import PatternError, compile_pattern, star_spans, wildcard, wildcard_pieces

alphabet = st.lists(st.sampled_from([b"a", b"b", b"*", b"A", b"?", b"["]), max_size=8).map(b"".join)


@settings(max_examples=600, deadline=None)
@given(alphabet.filter(lambda pattern: b"**" not in pattern), alphabet)
def test_wildcards_agree_with_a_plain_regular_expression(pattern, text):
    as_regex = b".*".join(re.escape(piece) for piece in pattern.split(b"*"))
    assert wildcard(pattern, strict=True)(text) is (re.fullmatch(as_regex, text, re.DOTALL) is not None)
    assert wildcard(pattern, strict=False)(text) is (
        re.fullmatch(as_regex, text, re.DOTALL | re.IGNORECASE) is not None
    )


@settings(max_examples=400, deadline=None)
@given(alphabet.filter(lambda pattern: b"**" not in pattern), alphabet)
def test_stars_take_what_lazy_groups_take(pattern, text):
    as_regex = b"(.*?)".join(re.escape(piece) for piece in pattern.split(b"*"))
    match = re.fullmatch(as_regex, text, re.DOTALL)
    spans = star_spans(wildcard_pieces(pattern), text)
    assert (spans is None) is (match is None)
    if match is not None:
        assert [text[start:end] for start, end in spans] == list(match.groups())


@pytest.mark.parametrize(
    ("pattern", "text"),
    [(b"ab*b", b"ab"), (b"ab*ab", b"ab"), (b"a*a", b"a"), (b"aba*ba", b"aba"), (b"/a/*/a/", b"/a/")],
)
def test_one_octet_of_a_text_never_stands_for_both_ends_of_a_wildcard(pattern, text):
    assert star_spans(wildcard_pieces(pattern), text) is None
    assert not wildcard(pattern, strict=True)(text)
    assert not wildcard(pattern, strict=False)(text)


@pytest.mark.parametrize("pattern", [b"**", b"a**b", b"\\", b"\\a", b"a\\?"])
def test_invalid_wildcards_are_refused(pattern):
    with pytest.raises(PatternError):
        wildcard(pattern, strict=True)


def test_escaped_stars_and_backslashes_are_themselves():
    assert wildcard(b"a\\*\\\\", strict=True)(b"a*\\")
    assert not wildcard(b"a\\*", strict=True)(b"ab")


def test_question_marks_and_brackets_are_ordinary():
    assert not wildcard(b"a?", strict=True)(b"ab")
    assert fnmatch.fnmatch("ab", "a?")  # unlike in a shell


@pytest.mark.parametrize("text", ['"a*"', 'r"*a*a*a*a*a*a*a*a*b"', '"*a*b*c*d*e*f*"'])
def test_no_wildcard_and_no_text_makes_a_decision_slow(text):
    match = engine.compile(lang.parse(f"http.request.uri.path wildcard {text}"))
    path = {"http.request.uri.path": b"a" * 1_000_000}
    begin = time.process_time()
    match(path)
    assert time.process_time() - begin < 1


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*a){20}$", "(a*)*b"])
def test_no_regular_expression_makes_a_decision_slow(pattern):
    match = engine.compile(lang.parse(f'http.request.uri.path matches r"{pattern}"'))
    path = {"http.request.uri.path": b"a" * 100_000 + b"c"}
    begin = time.process_time()
    match(path)
    assert time.process_time() - begin < 2


@pytest.mark.parametrize("pattern", [b"[ab]*a[ab]{18}c", b"(?i)^/api/v[12]/[^/]+$"])
def test_a_text_can_not_make_an_expression_hold_much_memory(pattern):
    """A text chosen to reach ever new states fills the cache of states: the original's holds 2 MiB."""
    assert compile_pattern(pattern).options.max_mem <= 4 << 20


def test_an_expression_with_a_large_program_still_compiles():
    assert compile_pattern(b"[a-z]{900}" * 9).search(b"a" * 8100) is not None
