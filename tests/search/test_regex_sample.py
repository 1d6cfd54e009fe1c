"""A text sampled from a regular expression is matched by it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtls_tui.engine.regex import compile_pattern
from mtls_tui.search.regex_sample import sample


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
        b"(?i)a(?-i)B",
        b"(?x) a b # blanks",
        b"(?P<n>a|b)\\z",
        b"[[:alpha:]][[:^alpha:]]",
        b"[a-z&&[^aeiou]]",
        b"[\\w--a]",
        b"\\xff\\x{41}",
        "é+".encode(),
        b"(|a)(?:)b{2,}?",
    ],
)
def test_a_sample_is_matched_by_its_pattern(pattern):
    text = sample(pattern)
    assert text is not None
    assert compile_pattern(pattern).search(text) is not None


@settings(max_examples=300, deadline=None)
@given(st.text("ab^$.*+?()[]{}|\\-0,", max_size=12).map(str.encode))
def test_sampling_never_raises_and_never_grows(pattern):
    text = sample(pattern)
    assert text is None or len(text) <= 4096


@pytest.mark.parametrize("pattern", [b"a{99999}", b"(a{100}){100}", b"(", b"[", b"a{", b"*", b"\\", b"(?", b"(" * 5000])
def test_what_can_not_be_sampled_gives_nothing(pattern):
    assert sample(pattern) is None
