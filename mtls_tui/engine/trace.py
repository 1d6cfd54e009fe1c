"""What an explanation holds: the value of every node, and what decided. Plain data; it evaluates nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Literal, TypeAlias

from mtls_tui.engine.fields_of import canonical_field
from mtls_tui.lang import ast, tree
from mtls_tui.lang.types import FieldValue


class Absent(Enum):
    """Why there is no value."""

    MISSING = "missing"
    """The request has none: every comparison with it is false."""
    UNKNOWN = "unknown"
    """Nobody knows: the verdict may depend on it."""


Mark: TypeAlias = Literal["true", "false", "unknown", "not reached", "elements", "value", "missing", "literal"]
_LITERALS = (ast.String, ast.Integer, ast.Address, ast.Network, ast.Range, ast.Pattern, ast.Set, ast.ListName)


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One node of the tree and what was seen there.

    `value` is what the node is worth, also where it was not reached: a Boolean for what is true or false, a list of
    Booleans inside `any` and `all`, an `Absent`, or a value of the language; None for sets and lists. `decisive`
    marks the clauses that suffice for the verdict. `path` leads to the node as in `lang.tree`.
    """

    node: tree.Node
    path: tree.Path
    text: str
    value: Any
    reached: bool
    decisive: bool
    children: tuple[Step, ...]

    @property
    def span(self) -> ast.Span | None:
        """Where the node stands in the text; None for one made by an edit."""
        return self.node.span

    @property
    def is_condition(self) -> bool:
        """Whether the node is true or false, rather than a value or a literal."""
        return tree.is_expression(self.node)

    @property
    def mark(self) -> Mark:
        """In one word what to draw beside it."""
        if not self.is_condition:
            if isinstance(self.node, _LITERALS):
                return "literal"
            if not self.reached:
                return "not reached"
            return self.value.value if isinstance(self.value, Absent) else "value"
        if not self.reached:
            return "not reached"
        if self.value is Absent.UNKNOWN:
            return "unknown"
        if isinstance(self.value, bool):
            return "true" if self.value else "false"
        return "elements"

    def walk(self) -> Iterator[Step]:
        """The step and all below it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()

    @property
    def seen(self) -> dict[str, FieldValue | Absent]:
        """The fields that the node looks at, by canonical name, with their values."""
        return {canonical_field(step.node.name): step.value for step in self.walk() if isinstance(step.node, ast.Field)}

    def to_dict(self) -> dict[str, Any]:
        """For JSON: text as text, other bytes as `{"hex": …}`, absent values as None with a `state`."""
        absent = isinstance(self.value, Absent)
        return {
            "kind": type(self.node).__name__.lower(),
            "text": self.text,
            "span": None if self.span is None else [self.span.start, self.span.end],
            "path": list(self.path),
            "mark": self.mark,
            "reached": self.reached,
            "decisive": self.decisive,
            "value": None if absent else plain(self.value),
            "state": self.value.value if absent else "known",
            "children": [child.to_dict() for child in self.children],
        }


class Trace:
    """How an expression came to its verdict. `root` is the step of the whole."""

    def __init__(self, expression: ast.Expression, unknown: frozenset[str], root: Step) -> None:
        self.expression = expression
        self.unknown = unknown
        self.root = root

    @property
    def verdict(self) -> bool | None:
        """Whether the expression holds; None when that is unknown."""
        return None if self.root.value is Absent.UNKNOWN else bool(self.root.value)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Every step, parents first, left to right."""
        return tuple(self.root.walk())

    @property
    def reasons(self) -> tuple[Step, ...]:
        """The clauses that suffice for the verdict; none of them can be spared."""
        return tuple(step for step in self.steps if step.decisive)

    @cached_property
    def _by_path(self) -> dict[tree.Path, Step]:
        return {step.path: step for step in self.steps}

    def at(self, path: tree.Path) -> Step | None:
        """The step at a path; None when it leads nowhere."""
        return self._by_path.get(path)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "expression": self.expression.text or self.root.text,
            "verdict": self.verdict,
            "unknown_fields": sorted(self.unknown),
            "root": self.root.to_dict(),
            "reasons": [
                {"text": step.text, "path": list(step.path), "value": plain_truth(step.value), "seen": plain(step.seen)}
                for step in self.reasons
            ],
        }


def plain_truth(value: Any) -> bool | None:
    """A truth value for JSON, None for unknown."""
    return value if isinstance(value, bool) else None


def plain(value: Any) -> Any:
    """A value for JSON: bytes as text where they are UTF-8, else `{"hex": …}`; missing is None."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"hex": value.hex()}
    if isinstance(value, IPv4Address | IPv6Address):
        return str(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {_plain_key(key): plain(item) for key, item in value.items()}
    return None if isinstance(value, Absent) else value


def _plain_key(key: bytes | str) -> str:
    return key if isinstance(key, str) else key.decode("utf-8", "backslashreplace")
