"""Wildcard patterns: `*` stands for any bytes, `\\` makes `*` and `\\` ordinary, everything else is itself."""

from __future__ import annotations

from mtls_tui.lang.regex import PatternError


def check_wildcard(pattern: bytes) -> None:
    """Raise PatternError, in the original's words, unless the pattern is a wildcard."""
    after_star = False
    at = 0
    while at < len(pattern):
        mark = pattern[at]
        if mark == 0x5C:
            following = pattern[at + 1 : at + 2]
            if not following:
                raise _bad(at, "incomplete escape sequence at the end of the wildcard")
            if following not in (b"*", b"\\"):
                raise _bad(at, "invalid escape sequence")
            at += 1
        star = mark == 0x2A
        if star and after_star:
            raise PatternError("wildcard contains a double star")
        after_star = star
        at += 1


def _bad(at: int, problem: str) -> PatternError:
    return PatternError(f"invalid wildcard: wildcard syntax error at position {at}: {problem}")
