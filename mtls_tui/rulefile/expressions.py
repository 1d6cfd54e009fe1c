"""Expressions of a rule file: parsed once per text, and what they refer to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any

from mtls_tui import lang
from mtls_tui.lang.ast import Expression
from mtls_tui.lang.diagnostics import Diagnostic


@lru_cache(maxsize=32768)
def parse(text: str) -> tuple[Expression | None, Diagnostic | None]:
    """The expression, or what is wrong with it. Cached, since an edit reads the whole file again."""
    try:
        return lang.parse(text), None
    except lang.ParseError as error:
        return None, error.diagnostic


def nodes(tree: Any) -> Iterator[Any]:
    """Every node of a syntax tree, parents first."""
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, tuple):
            stack.extend(reversed(node))
        elif is_dataclass(node):
            yield node
            stack.extend(getattr(node, field.name) for field in reversed(fields(node)))


def type_name(value: Any) -> str:
    """The name of a value's type (`Ip`, `Bytes`, …), the item's for `x[*]`; "" where it isn't known."""
    try:
        kind = lang.type_of(value)
    except (KeyError, TypeError, ValueError):
        return ""
    while kind is not None and kind.item is not None:
        kind = kind.item
    return kind.name if kind is not None else ""
