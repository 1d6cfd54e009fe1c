"""The compiled evaluator: an expression becomes a Python function over the fields of a request."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from mtls_tui.engine.fields_of import canonical_field, fields_of, walk
from mtls_tui.engine.functions import function_named
from mtls_tui.engine.generate import generate, generate_value
from mtls_tui.engine.model import Request
from mtls_tui.engine.regex import searcher, wildcard_pieces
from mtls_tui.engine.sets import Lists, of_list
from mtls_tui.engine.types_of import check_types, kind_of
from mtls_tui.lang.ast import Call, Comparison, Expr, Expression, ListName, Pattern, Value
from mtls_tui.lang.types import Fields, FieldValue


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
        return self._partial(frozenset(canonical_field(name) for name in names) & self.fields)

    def _compile_unknown(self, names: frozenset[str]) -> Callable[[Fields], bool | None]:
        return generate(self.expression, self.lists, names) if names else self.function


def compile(expression: Expression, *, lists: Lists | None = None) -> Matcher:  # noqa: A001 - the contract's name
    """The matcher of an expression.

    `lists` has the items of the lists that it names. Raises `ListError` for one that is not there, `PatternError` for
    a pattern that can't be compiled, `UnknownFunctionError` for the name of an unknown function (in a tree that was not
    checked).
    """
    return Matcher(expression, lists)


def check_parts(node: Expr, lists: Lists | None) -> None:
    """Raise what `compile` would raise for a list, a pattern or a function, without compiling the whole."""
    for part in walk(node):
        if isinstance(part, Comparison):
            if isinstance(part.right, ListName):
                of_list(part.right.name, kind_of(part.left), lists)
            elif isinstance(part.right, Pattern):
                searcher(part.right.value) if part.operator == "matches" else wildcard_pieces(part.right.value)
        elif isinstance(part, Call):
            function_named(part.name)


def evaluate(value: Value, request: Request | Fields, *, lists: Lists | None = None) -> FieldValue | None:
    """The value of a value expression; None when it is missing. Raises as `compile` and a matcher's call do."""
    fields = fields_of_request(request)
    check_types(fields, fields_of(value))
    result: FieldValue | None = generate_value(value, lists)(fields)
    return result


def fields_of_request(request: Request | Fields) -> Fields:
    """The mapping of a request, or the mapping itself."""
    return request.fields if isinstance(request, Request) else request
