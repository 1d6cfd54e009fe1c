"""The expressions of the rules, checked; kept, since most of them stay the same from one key to the next."""

from __future__ import annotations

from functools import lru_cache

from mtls_tui import lang
from mtls_tui.lang.ast import Expression
from mtls_tui.lang.diagnostics import ParseError

PARSED_KEPT = 1100
"""Expressions kept: a file may have a thousand rules (Cloudflare's most per zone)."""


def checked(text: str) -> Expression:
    """A text, checked for names and types. Raises ParseError, which says what is wrong."""
    found = _read(text)
    if isinstance(found, ParseError):
        raise found
    return found


@lru_cache(PARSED_KEPT)
def _read(text: str) -> Expression | ParseError:
    try:
        return lang.parse(text)
    except ParseError as error:
        return error
