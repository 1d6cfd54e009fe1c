"""Hints for what holds an expression together: parentheses, joins, indexes, and what stands where nothing may."""

from __future__ import annotations

import re

from mtls_tui.lang import catalogue
from mtls_tui.lang.hints.place import QUOTES, MistakeContext


def wrong_quotes(place: MistakeContext) -> str:
    """Quotes of another kind."""
    word = place.after.lstrip(" \r\n")
    if word[:1] and word[0] in QUOTES and place.code not in ("bad-escape", "missing-quote"):
        return 'strings stand in straight double quotes: "…"'
    return ""


def comma(place: MistakeContext) -> str:
    """A comma where a blank or a word belongs."""
    if place.mark not in (",", ";"):
        return ""
    if place.before.rfind("{") > place.before.rfind("}"):
        return "items of a set are separated by spaces, not commas"
    return _JOIN if place.code == "unrecognised-input" else ""


def tab(place: MistakeContext) -> str:
    """A tab between words."""
    if not place.after.strip():
        return ""
    if place.mark == "\t" or place.after.lstrip(" \r\n")[:1] == "\t":
        return "a tab does not count as a blank here: use spaces"
    return ""


def comment(place: MistakeContext) -> str:
    """What looks like a comment."""
    word = place.after.lstrip(" \r\n")
    if word.startswith(("//", "/*", "--")) or (word.startswith("#") and place.code == "unrecognised-input"):
        return "the language has no comments: take it out"
    return ""


def parenthesis(place: MistakeContext) -> str:
    """A parenthesis without its other half."""
    if '")"' not in place.message:
        return ""
    opened = _unclosed(place.text, place.start)
    if opened is None:
        return ""
    line = place.text.count("\n", 0, opened) + 1
    column = opened - (place.text.rfind("\n", 0, opened) + 1) + 1
    return f"the parenthesis that opens at {line}:{column} is not closed"


def _unclosed(text: str, end: int) -> int | None:
    """The last parenthesis before `end` that is still open there; what stands in quotes doesn't count."""
    opened: list[int] = []
    for found in _BRACKETS.finditer(text, max(0, end - 20_000), end):
        if found[0] == "(":
            opened.append(found.start())
        elif found[0] == ")" and opened:
            opened.pop()
    return opened[-1] if opened else None


_BRACKETS = re.compile(r'r(#*)".*?"\1|"(?:[^"\\]|\\.)*"|[()]', re.DOTALL)


def closes_nothing(place: MistakeContext) -> str:
    """A parenthesis too many."""
    if place.after.lstrip(" \r\n").startswith(")"):
        return "this parenthesis closes nothing: one too many, or one is missing before"
    return ""


_JOIN = "two conditions are joined by `and`, `or` or `xor`"


def two_conditions(place: MistakeContext) -> str:
    """Conditions with nothing between them."""
    return _JOIN if re.match(r"[ \r\n]*(?:[A-Za-z_(!]|\"|\d)", place.after) else ""


def after_constant(place: MistakeContext) -> str:
    """Something behind `true` or `false`."""
    found = re.search(r"\b(true|false)$", place.before)
    return f"`{found[1]}` stands only for a whole condition" if found and place.word else ""


def fraction(place: MistakeContext) -> str:
    """A number with a fraction."""
    return "there are whole numbers only" if re.match(r"\.\d", place.after) and place.before[-1:].isdigit() else ""


def value_missing(place: MistakeContext) -> str:
    """An operator with nothing on its right."""
    return "" if place.after.strip() else "a string in double quotes has to follow"


def call(place: MistakeContext) -> str:
    """A function without parentheses, or arguments without commas."""
    if '"("' in place.message and place.left in catalogue.FUNCTIONS:
        return f"`{place.left}` is a function: {catalogue.FUNCTIONS[place.left].signature}"
    if '","' in place.message:
        return "arguments are separated by commas"
    return ""


def key(place: MistakeContext) -> str:
    """Hint for an invalid index."""
    if "quoted utf8" in place.message:
        return 'an index is a number, `[0]`, a name in double quotes, `["user-agent"]`, or every element, `[*]`'
    if '"]"' in place.message:
        return "an index is closed with ]"
    return "an index is 0 or more" if "positive" in place.message else "a name in brackets is text in UTF-8"
