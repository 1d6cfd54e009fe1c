"""The expressions of the rules, checked; kept, since most of them stay the same from one key to the next."""

from __future__ import annotations

from mtls_tui import lang
from mtls_tui.lang.ast import Expression
from mtls_tui.lang.diagnostics import ParseError

PARSED_KEPT = 1100
"""Expressions kept: a file may have a thousand rules (Cloudflare's most per zone)."""

_parsed: dict[str, Expression | ParseError] = {}


def checked(text: str) -> Expression:
    """A text, checked for names and types; ParseError says what is wrong. Kept, since most rules stay the same."""
    found = _parsed.pop(text, None)
    if found is None:
        try:
            found = lang.parse(text)
        except ParseError as error:
            found = error
    _parsed[text] = found  # newest last: what is typed over goes first
    while len(_parsed) > PARSED_KEPT:
        del _parsed[next(iter(_parsed))]
    if isinstance(found, ParseError):
        raise found
    return found
