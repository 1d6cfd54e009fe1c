"""Expressions of a rule file: parsed once per text, and what they refer to."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any

from mtls_tui import lang
from mtls_tui.engine.fields_of import walk
from mtls_tui.lang.ast import Comparison, Expression, ListName
from mtls_tui.lang.diagnostics import Diagnostic

MAX_CHARACTERS = 1 << 20
"""Of all texts that are kept, some 30 MB: 10,000 rules of usual length, or 250 states of the longest one."""


@dataclass(slots=True)
class _Read:
    """A text that was parsed. `uses` is worked out when it is asked for."""

    expression: Expression | None
    diagnostic: Diagnostic | None
    uses: tuple[Comparison, ...] | None = None


class _Texts:
    """What was parsed, by text; what was used longest ago goes when there are too many characters."""

    def __init__(self, max_characters: int) -> None:
        self._max = max_characters
        self._characters = 0
        self._read: OrderedDict[str, _Read] = OrderedDict()
        self._lock = Lock()

    def read(self, text: str) -> _Read:
        """The text, parsed now or before."""
        with self._lock:
            known = self._read.get(text)
            if known is not None:
                self._read.move_to_end(text)
                return known
        try:
            made = _Read(lang.parse(text), None)
        except lang.ParseError as error:
            made = _Read(None, error.diagnostic)
        with self._lock:
            if text in self._read:  # another thread was faster: one text has one expression
                return self._read[text]
            self._read[text] = made
            self._characters += len(text)
            while self._characters > self._max and len(self._read) > 1:
                self._characters -= len(self._read.popitem(last=False)[0])
        return made

    @property
    def characters(self) -> int:
        """Of the texts that are kept."""
        return self._characters


_texts = _Texts(MAX_CHARACTERS)


def parse(text: str) -> tuple[Expression | None, Diagnostic | None]:
    """The expression, or what is wrong with it. Kept, since an edit reads the whole file again."""
    found = _texts.read(text)
    return found.expression, found.diagnostic


def list_uses(text: str) -> tuple[Comparison, ...]:
    """The comparisons of an expression that parses whose right side is a named list, those inside functions too."""
    found = _texts.read(text)
    if found.uses is None:
        assert found.expression is not None
        nodes = walk(found.expression.root)
        found.uses = tuple(node for node in nodes if isinstance(node, Comparison) and isinstance(node.right, ListName))
    return found.uses


def type_name(value: Any) -> str:
    """The name of a value's type (`Ip`, `Bytes`, …), the item's for `x[*]`; "" where it isn't known."""
    try:
        kind = lang.type_of(value)
    except (KeyError, TypeError, ValueError):
        return ""
    while kind is not None and kind.item is not None:
        kind = kind.item
    return kind.name if kind is not None else ""
