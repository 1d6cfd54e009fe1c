"""Hints for names that are unknown, unfinished or missing."""

from __future__ import annotations

import re

from mtls_tui.lang import catalogue
from mtls_tui.lang.hints.place import BARE, LOWERED, QUOTES, MistakeContext
from mtls_tui.lang.nearest import nearest_field, nearest_function

_AFTER_OPERATOR = re.compile(r"(?:\b(?:eq|ne|lt|le|gt|ge|contains|matches|wildcard|in)|==|!=|[<>]=?|~|\{[^{}]*)\s*$")


def unknown_name(place: MistakeContext) -> str:
    """A name that is in no table."""
    found = re.match(r"[A-Za-z0-9_.]+", place.after)
    name = found[0] if found else ""
    called = place.after[len(name) :].lstrip(" \r\n").startswith("(")
    if name.lower() in LOWERED and name != name.lower():
        return f"operators are written in lower case: `{name.lower()}`"
    if name in ("true", "false"):
        return f"`{name}` stands only for a whole condition; a Boolean field stands alone: `ssl`, or `not ssl`"
    if name == "r" and place.after[1:2] in QUOTES:
        return 'strings stand in straight double quotes: r"…"'
    if _AFTER_OPERATOR.search(place.before) and not called:
        field = nearest_field(name) if "." in name else ""
        meant = f", or did you mean the field `{field}`?" if field else ""
        bare = BARE.match(place.after)
        return f'text stands in double quotes: "{bare[0] if bare else name}"{meant}'
    function = nearest_function(name)
    field = nearest_field(name)
    if name.isdigit():
        return "a comparison begins with a field or a function; the literal stands on the right"
    near = (function or field) if called else (field or function)
    return f"did you mean `{near}`?" if near else "no field or function has this name"


def not_closed_name(place: MistakeContext) -> str:
    """A name that has to stand here and doesn't."""
    if not place.after.strip():
        return "the expression ends too early" if place.before.strip() else "an expression has to stand here"
    if place.before.endswith("."):
        return "a name doesn't end with a dot"
    if place.mark == '"':
        return "a comparison begins with a field or a function; the literal stands on the right"
    return "a field or a function has to stand here"


def unknown_argument(place: MistakeContext) -> str:
    """A name that could have been a literal, as an argument: the original says only that it makes nothing of it."""
    found = re.match(r"[A-Za-z0-9_.]+", place.after)
    if found is None or not re.search(r"[(,]\s*$", place.before):
        return ""
    name = found[0].rstrip(".")
    known = name in catalogue.FIELDS or name in catalogue.FUNCTIONS
    return "" if known or name.isdigit() else unknown_name(place)
