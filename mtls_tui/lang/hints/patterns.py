"""Hints for patterns and for what is over a limit."""

from __future__ import annotations

from mtls_tui.lang.hints.place import MistakeContext


def regex(place: MistakeContext) -> str:
    """Hint for an invalid or unsupported regular expression."""
    if "look-around" in place.message:
        return 'say it with two conditions: `… matches "a" and not … matches "b"`'
    if "backreferences" in place.message:
        return "a pattern can't refer to its groups; an octal escape is written \\x41"
    if "Unicode not allowed" in place.message:
        return "patterns match bytes: turn Unicode on with (?u)"
    if "unrecognized escape" in place.message:
        return "this letter has no meaning after a backslash: take the backslash out"
    if "repetition operator missing" in place.message:
        return "`*` repeats what stands before it: `.*` matches anything; `wildcard` takes plain `*`"
    if "unclosed" in place.message or "unopened" in place.message:
        return "to match the character itself, put a backslash before it"
    if "size limit" in place.message:
        return "make the repetitions smaller"
    return ""


def wildcard(place: MistakeContext) -> str:
    """Hint for an invalid wildcard pattern."""
    if "double star" in place.message:
        return "one `*` already matches everything"
    return 'a backslash stands only before `*` or a backslash, and is doubled in quotes: "\\\\*", or raw: r"\\*"'
