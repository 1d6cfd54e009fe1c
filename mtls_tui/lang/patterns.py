"""The right sides of `matches` and `wildcard`: their own quoting, and whether the pattern is one."""

from __future__ import annotations

import re

from mtls_tui.lang.failure import Rejected, expected_name, unrecognised
from mtls_tui.lang.literals import missing_quote, quoted_or_raw, raw
from mtls_tui.lang.regex import PatternError, check_pattern
from mtls_tui.lang.wildcard_syntax import check_wildcard

_CONTENT = re.compile(r'(?:[^"\\\[]++|\\.|\[(?:[^\]\\]++|\\.)*(?:\]|\Z))*', re.DOTALL)
_PIECE = re.compile(r"\\.|\[(?:[^\]\\]++|\\.)*\]?", re.DOTALL)
"""What has to be looked at: an escape outside of a class, and classes as a whole."""


def regex_literal(text: str, start: int) -> tuple[int, bytes]:
    """The position after a regular expression, and what goes to the matcher."""
    mark = text[start : start + 1]
    if mark == '"':
        end, pattern, place = _quoted_regex(text, start)
    elif mark == "r":
        end, pattern = raw(text, start)
        place = end
    else:
        raise expected_name(text, start, '" or r') if mark else unrecognised(text, start)
    try:
        check_pattern(pattern)
    except PatternError as error:
        raise Rejected(text, place, max(place, end - 1), "bad-regex", str(error)) from None
    return end, pattern.encode()


def _quoted_regex(text: str, start: int) -> tuple[int, str, int]:
    r"""As the original: `\"` is a quote but inside `[ ]`, where a quote ends nothing and `\"` stays as it is."""
    found = _CONTENT.match(text, start + 1)
    assert found is not None
    end = found.end()
    if not text.startswith('"', end):
        raise missing_quote(text, start + 1)
    content = found[0]
    if '\\"' in content:
        content = _PIECE.sub(lambda piece: '"' if piece[0] == '\\"' else piece[0], content)
    return end + 1, content, start + 1


def wildcard_literal(text: str, start: int) -> tuple[int, bytes]:
    """The position after a wildcard pattern, and what goes to the matcher."""
    end, pattern = quoted_or_raw(text, start)
    try:
        check_wildcard(pattern)
    except PatternError as error:
        raise Rejected(text, start, end, "bad-wildcard", str(error)) from None
    return end, pattern
