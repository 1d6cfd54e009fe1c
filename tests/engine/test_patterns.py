"""Wildcards match as documented and in linear time; sampled texts are matched by what they were sampled from."""

import fnmatch
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtls_tui import engine, lang
from mtls_tui.engine.regex import PatternError, compile_regex, star_spans, wildcard, wildcard_pieces
from mtls_tui.search.regex_sample import sample

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


@pytest.mark.parametrize(
    "pattern",
    [
        b"^/api/(v1|v2)/users/\\d+$",
        b"(?i)^ADMIN",
        b"[a-z]{3,5}\\.example\\.(com|org)",
        b"^[^/]+$",
        b"a?b*c+d{2}",
        b"\\x41\\.\\-",
        b"(?:x|y)(?:z)?$",
        b"\\w+\\s\\S\\D",
        b"^$",
        b"[]a]b",
        b"[^\\d]",
    ],
)
def test_a_sample_is_matched_by_its_pattern(pattern):
    text = sample(pattern)
    assert text is not None
    assert compile_regex(pattern).search(text) is not None


@settings(max_examples=300, deadline=None)
@given(st.text("ab^$.*+?()[]{}|\\-0,", max_size=12).map(str.encode))
def test_sampling_never_raises_and_never_grows(pattern):
    text = sample(pattern)
    assert text is None or len(text) <= 4096


@pytest.mark.parametrize("pattern", [b"a{99999}", b"(a{100}){100}", b"(", b"[", b"a{", b"*", b"\\", b"(?", b"(" * 5000])
def test_what_can_not_be_sampled_gives_nothing(pattern):
    assert sample(pattern) is None


@pytest.mark.parametrize("pattern", [b"[ab]*a[ab]{18}c", b"(?i)^/api/v[12]/[^/]+$"])
def test_a_text_can_not_make_an_expression_hold_much_memory(pattern):
    """A text chosen to reach ever new states fills the cache of states: the original's holds 2 MiB."""
    assert compile_regex(pattern).options.max_mem <= 4 << 20


def test_an_expression_with_a_large_program_still_compiles():
    assert compile_regex(b"[a-z]{900}" * 9).search(b"a" * 8100) is not None
