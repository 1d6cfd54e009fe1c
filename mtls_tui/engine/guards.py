"""What must be true of single values before an expression can hold: the ground for finding rules by host.

A guard says "this expression is false unless that value is one of these". Only what follows from the form of the
expression is found; nothing is evaluated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mtls_tui.engine.fields_of import canonical_field, default_of, names_of
from mtls_tui.engine.runtime import first_of
from mtls_tui.lang import ast
from mtls_tui.lang.types import Fields

MAX_VALUES = 10_000
"""Larger sets are not used as guards: finding by them would cost more memory than it saves time."""


@dataclass(frozen=True, slots=True)
class GuardedField:
    """What a guard looks at: a field by its canonical name, or that in lower case."""

    name: str
    lowered: bool = False

    def reader(self) -> Callable[[Fields], Any]:
        """A function that gives its value, None when it is missing."""
        names, default = names_of(self.name), default_of(self.name)
        name, lowered = names[0], self.lowered

        def read(fields: Fields) -> Any:
            value = fields.get(name, default) if len(names) == 1 else first_of(fields, names, default)
            return value.lower() if lowered and value is not None else value  # type: ignore[union-attr]

        return read


HOST = GuardedField("http.host")
LOWERED_HOST = GuardedField("http.host", lowered=True)
Guards = Mapping[GuardedField, frozenset[Any]]
_NONE: Guards = {}


def guards_of(node: ast.Expr) -> Guards:
    """Every guard of an expression; an empty set of values means that it never holds."""
    match node:
        case ast.Comparison():
            return _comparison(node)
        case ast.Logical(operator="and"):
            return _both([guards_of(item) for item in node.items])
        case ast.Logical(operator="or"):
            return _either([guards_of(item) for item in node.items])
    return _NONE


def best_guard(guards: Guards) -> tuple[GuardedField, frozenset[Any]] | None:
    """The guard to find a rule by: the host where there is one, else the one with the fewest values."""
    if HOST in guards:
        return HOST, guards[HOST]
    return min(guards.items(), key=lambda guard: len(guard[1]), default=None)


def subject_of(value: ast.Value) -> GuardedField | None:
    """What a value is as the subject of a guard; None for all but fields and fields in lower case."""
    if isinstance(value, ast.Field):
        return GuardedField(canonical_field(value.name))
    if isinstance(value, ast.Call) and value.name == "lower" and isinstance(value.arguments[0], ast.Field):
        return GuardedField(canonical_field(value.arguments[0].name), lowered=True)
    return None


def _comparison(node: ast.Comparison) -> Guards:
    subject = subject_of(node.left)
    if subject is None:
        return _NONE
    right = node.right
    if node.operator == "eq" and isinstance(right, ast.String | ast.Integer):
        return {subject: frozenset((right.value,))}
    if isinstance(right, ast.Set) and len(right.items) <= MAX_VALUES:
        values = [item.value for item in right.items if isinstance(item, ast.String | ast.Integer)]
        if len(values) == len(right.items):
            return {subject: frozenset(values)}
    return _NONE


def _both(parts: list[Guards]) -> Guards:
    found: dict[GuardedField, frozenset[Any]] = {}
    for part in parts:
        for subject, values in part.items():
            found[subject] = found[subject] & values if subject in found else values
    return found


def _either(parts: list[Guards]) -> Guards:
    first, *rest = parts
    return {
        subject: values.union(*(part[subject] for part in rest))
        for subject, values in first.items()
        if all(subject in part for part in rest)
    }
