"""The right sides of `matches` and `wildcard`: their own quoting, and whether the pattern is one."""

from __future__ import annotations

import re

from mtls_tui.lang.failure import Rejected, expected_name, unrecognised
from mtls_tui.lang.literals import missing_quote, quoted_or_raw, raw
from mtls_tui.lang.regex_syntax import PatternError, check_pattern
from mtls_tui.lang.wildcard_syntax import check_wildcard

_PLAIN = re.compile(r'[^"\\\[\]]++')


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
    parts: list[str] = []
    at = start + 1
    in_class = False
    while True:
        found = _PLAIN.match(text, at)
        if found is not None:
            parts.append(found[0])
            at = found.end()
        mark = text[at : at + 1]
        if not mark:
            raise missing_quote(text, start + 1)
        at += 1
        if mark == "\\":
            escaped = text[at : at + 1]
            parts.append(escaped if escaped == '"' and not in_class else mark + escaped)
            at += 1
        elif mark == '"' and not in_class:
            return at, "".join(parts), start + 1
        else:
            in_class = mark == "[" or (in_class and mark != "]")
            parts.append(mark)


def wildcard_literal(text: str, start: int) -> tuple[int, bytes]:
    """The position after a wildcard pattern, and what goes to the matcher."""
    end, pattern = quoted_or_raw(text, start)
    try:
        check_wildcard(pattern)
    except PatternError as error:
        raise Rejected(text, start, end, "bad-wildcard", str(error)) from None
    return end, pattern
