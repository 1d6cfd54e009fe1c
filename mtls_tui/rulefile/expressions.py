"""Expressions of a rule file: parsed once per text, and what they refer to."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from mtls_tui import lang
from mtls_tui.engine.walk import walk
from mtls_tui.lang.ast import Comparison, Expression, ListName
from mtls_tui.lang.diagnostics import Diagnostic


@lru_cache(maxsize=32768)
def parse(text: str) -> tuple[Expression | None, Diagnostic | None]:
    """The expression, or what is wrong with it. Cached, since an edit reads the whole file again."""
    try:
        return lang.parse(text), None
    except lang.ParseError as error:
        return None, error.diagnostic


@lru_cache(maxsize=32768)
def list_uses(text: str) -> tuple[Comparison, ...]:
    """The comparisons of an expression that parses whose right side is a named list, those inside functions too."""
    expression, _ = parse(text)
    assert expression is not None
    return tuple(
        node for node in walk(expression.root) if isinstance(node, Comparison) and isinstance(node.right, ListName)
    )


def type_name(value: Any) -> str:
    """The name of a value's type (`Ip`, `Bytes`, …), the item's for `x[*]`; "" where it isn't known."""
    try:
        kind = lang.type_of(value)
    except (KeyError, TypeError, ValueError):
        return ""
    while kind is not None and kind.item is not None:
        kind = kind.item
    return kind.name if kind is not None else ""
