"""Patterns: the original's syntax of regular expressions and wildcards, checked, and put in RE2's terms."""

from __future__ import annotations

import re2


class PatternError(ValueError):
    """A pattern that is none, in the original's words."""


def check_pattern(pattern: str) -> None:
    """Raise PatternError unless the pattern is a regular expression."""
    compile_pattern(pattern.encode())


def compile_pattern(value: bytes) -> re2._Regexp[bytes]:
    """The pattern, ready to search bytes."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    options.max_mem = 64 << 20
    try:
        return re2.compile(value, options)
    except re2.error as error:
        raise PatternError(f"error: {error.args[0]}") from None


def check_wildcard(pattern: bytes) -> None:
    """Raise PatternError unless the pattern is a wildcard."""
    star = False
    at = 0
    while at < len(pattern):
        mark = pattern[at : at + 1]
        if mark == b"\\":
            if at + 1 == len(pattern):
                raise PatternError(
                    f"invalid wildcard: wildcard syntax error at position {at}: "
                    "incomplete escape sequence at the end of the wildcard"
                )
            if pattern[at + 1 : at + 2] not in (b"*", b"\\"):
                raise PatternError(f"invalid wildcard: wildcard syntax error at position {at}: invalid escape sequence")
            at += 1
        if mark == b"*" and star:
            raise PatternError("wildcard contains a double star")
        star = mark == b"*"
        at += 1
