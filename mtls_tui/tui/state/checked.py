"""The checked expressions of the rules; cached, since most stay the same from one key to the next."""

from __future__ import annotations

from functools import lru_cache

from mtls_tui import lang
from mtls_tui.lang.ast import Expression
from mtls_tui.lang.diagnostics import ParseError

PARSED_KEPT = 1100
"""Expressions cached: a file may have a thousand rules (Cloudflare's limit per zone)."""


def checked(text: str) -> Expression:
    """The expression of a text, with names and types checked. Raises ParseError if it is invalid."""
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
