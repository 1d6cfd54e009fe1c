"""A mistake and what stands around it: what the rules for hints look at."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from mtls_tui.lang.failure import Rejected
from mtls_tui.lang.terminals import JOINS, OPERATORS

_WORD = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_.]*|[=!<>~&|^+*/%-]+)")
_VALUE_BEFORE = re.compile(r"([A-Za-z_][A-Za-z0-9_.]*(?:\[[^\[\]]*\])*)\s*$")
_NEAR = 200
"""How far around a mistake the rules look, in characters."""

BARE = re.compile(r"[^\s(){}\"',]+")
"""A word as people leave it without quotes."""
QUOTES = "'‘’‚‛“”„‟«»`´"
"""What people type for a double quote."""
LOWERED = frozenset(" ".join(("not", *OPERATORS, *JOINS)).split())
"""Operators whose upper case has a meaning elsewhere."""


@dataclass(frozen=True, slots=True)
class MistakeContext:
    """A mistake and its surroundings."""

    code: str
    message: str
    text: str
    start: int
    before: str
    after: str

    @property
    def mark(self) -> str:
        """The character that stands here."""
        return self.after[:1]

    @property
    def word(self) -> str:
        """The word that stands here, blanks before it left out."""
        found = _WORD.match(self.after)
        return found[1] if found else ""

    @property
    def left(self) -> str:
        """The value that ends here, with its indexes."""
        found = _VALUE_BEFORE.search(self.before)
        return found[1] if found else ""


Rule = str | Callable[[MistakeContext], str]
"""Advice for a mistake, or what gives it; "" when it has none."""


def place_of(text: str, rejected: Rejected) -> MistakeContext:
    """Where a mistake is, with its surroundings."""
    start = rejected.start
    before, after = text[max(0, start - _NEAR) : start], text[start : start + _NEAR]
    return MistakeContext(rejected.code, rejected.message, text, start, before, after)
