"""The compiled evaluator: an expression becomes a Python function over the fields of a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from mtls_tui.engine.generate import generate
from mtls_tui.engine.members import Lists
from mtls_tui.engine.model import Request
from mtls_tui.engine.walk import canonical, fields_of
from mtls_tui.lang.ast import Expression
from mtls_tui.lang.catalogue import FIELDS
from mtls_tui.lang.types import Fields, FieldValue

CLASSES: Mapping[str, tuple[type, ...]] = {
    "Bytes": (bytes,),
    "Int": (int,),
    "Bool": (bool,),
    "Ip": (IPv4Address, IPv6Address),
    "Array": (list, tuple),
    "Map": (dict,),
}
"""What may stand for a value of a type."""


class Matcher:
    """A compiled expression. Call it with a request or with a mapping from field names to values.

    `function` is the bare function over a mapping of canonical field names, without the checks of a call;
    `fields` are the names that it reads.
    """

    __slots__ = ("_partial", "expression", "fields", "function", "lists")

    def __init__(self, expression: Expression, lists: Lists | None = None) -> None:
        self.expression = expression
        self.lists = lists
        self.fields = fields_of(expression.root)
        self.function: Callable[[Fields], bool] = generate(expression, lists)
        self._partial = lru_cache(maxsize=64)(self._compile_unknown)

    def __call__(self, request: Request | Fields) -> bool:
        """Whether the expression holds. Raises `TypeError` for a value that its field can't have."""
        fields = fields_of_request(request)
        check_types(fields, self.fields)
        return self.function(fields)

    def unknown(self, names: frozenset[str]) -> Callable[[Fields], bool | None]:
        """A function that answers None when the verdict depends on a field that nobody knows the value of.

        `names` are those fields; whatever the mapping has for them is not looked at. None never stands for False.
        """
        return self._partial(frozenset(canonical(name) for name in names) & self.fields)

    def _compile_unknown(self, names: frozenset[str]) -> Callable[[Fields], bool | None]:
        return generate(self.expression, self.lists, names) if names else self.function


def compile(expression: Expression, *, lists: Lists | None = None) -> Matcher:  # noqa: A001 - the contract's name
    """The matcher of an expression.

    `lists` has the items of the lists that it names. Raises `ListError` for one that is not there, `PatternError` for
    a pattern that can't be compiled.
    """
    return Matcher(expression, lists)


def fields_of_request(request: Request | Fields) -> Fields:
    """The mapping of a request, or the mapping itself."""
    return request.fields if isinstance(request, Request) else request


def check_types(fields: Fields, names: frozenset[str]) -> None:
    """Raise `TypeError` for a value that its field can't have: text where bytes belong would equal nothing."""
    for name in names:
        value: Any = fields.get(name)
        info = FIELDS.get(name)
        if value is None or info is None:
            continue
        if not isinstance(value, CLASSES[info.type.name]) or (isinstance(value, bool) and info.type.name == "Int"):
            raise TypeError(f"`{name}` is {info.type}, so its value can't be a {type(value).__name__}{_cure(value)}")


def _cure(value: FieldValue | str) -> str:
    return ": give bytes, text is encoded first" if isinstance(value, str) else ""
