"""What names mean to the parser: types of fields and results, and which arguments a function takes.

Read from the catalogue; nothing here states a fact about one name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from mtls_tui.lang import catalogue
from mtls_tui.lang.ast import Address, Argument, Call, Field, Index, Integer, String
from mtls_tui.lang.catalogue import ANY, FunctionInfo, ParamInfo, covers
from mtls_tui.lang.regex import PatternError, compile_pattern
from mtls_tui.lang.types import BOOL, BYTES, INT, IP, Type, array
from mtls_tui.lang.wildcard_syntax import check_wildcard

BOOL_ARRAY = array(BOOL)
LITERALS = (String, Integer, Address)
_REFERENCE = re.compile(rb"\$\{[0-9]+\}")
_MOST_REFERENCES = 8
"""References to groups in the replacement of `regex_replace` and `wildcard_replace`, as documented."""
_ORDER = {BOOL: 0, BYTES: 1, INT: 2, IP: 3}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with an argument."""

    code: str
    message: str


@cache
def fields() -> dict[str, Type]:
    """The type of every field, by name."""
    return {name: info.type for name, info in catalogue.FIELDS.items()}


@cache
def functions() -> dict[str, FunctionInfo]:
    """Every function by name."""
    return dict(catalogue.FUNCTIONS)


def result_type(function: FunctionInfo, first: Type | None, *, mapped: bool) -> Type | None:
    """The type of a call whose first argument has the type `first`; `mapped` when that argument goes over `[*]`."""
    returns = first if function.returns is None else function.returns
    return array(returns) if mapped and returns is not None else returns


def each_count(value: object) -> int:
    """How many `[*]` a value has behind its name (those inside a call's arguments don't count)."""
    count = 0
    while isinstance(value, Index):
        count += value.key is None
        value = value.base
    return count


def argument_fault(
    function: FunctionInfo, index: int, argument: Argument, kind: Type, *, literal: bool, first: Type | None
) -> Fault | None:
    """What is wrong with an argument at its place, or None; `first` is the type of the first one."""
    param = function.param(index)
    assert param is not None
    if param.literal_only and not literal:
        return _wrong_kind(index, "Literal", "Field")
    if param.no_literal and literal:
        return _wrong_kind(index, "Field", "Literal")
    wanted = _wanted(function, index, param, first)
    if not any(covers(type_, kind) for type_ in wanted):
        message = f"expected value of type {_listed(wanted)}, but got {kind}"
        return Fault("argument-type", f"invalid type of argument #{index}: {message}")
    if index == 0 and kind.item is not None and kind.item.item is not None and _looks_into(function):
        message = f"expected an array or a map of single values, but got {kind}"
        return Fault("argument-type", f"invalid type of argument #{index}: {message}")
    problem = _bad_value(param, argument, literal=literal)
    if problem:
        return Fault("argument-value", f'invalid value of argument #{index}: invalid argument: "{problem}"')
    return None


def _looks_into(function: FunctionInfo) -> bool:
    """Whether another argument is an element of the first."""
    return function.returns is not None and any(ANY in param.types for param in function.params[1:])


def _wrong_kind(index: int, expected: str, actual: str) -> Fault:
    message = f"expected argument of kind {expected}, but got {actual}"
    return Fault("argument-kind", f"invalid kind of argument #{index}: {message}")


def _wanted(function: FunctionInfo, index: int, param: ParamInfo, first: Type | None) -> tuple[Type, ...]:
    """The types that fit: where the result has the type of the first argument, all the others have it too."""
    if index == 0 or first is None:
        return param.types
    if function.returns is None:
        return (first,)
    if ANY in param.types:  # an element of the collection before it
        return (first.item or ANY,)
    return param.types


def _listed(types: tuple[Type, ...]) -> str:
    """Types as the original lists them: exact ones, then any array, then any map."""
    loose = [f"{t.name}<_>" for t in sorted(types, key=lambda t: t.name) if t.item == ANY]
    exact = [str(t) for t in sorted(types, key=lambda t: (_ORDER.get(t, 9), str(t))) if t.item != ANY]
    names = exact + loose
    if len(names) > 2:
        return "{" + ", ".join(names) + "}"
    return " or ".join(names)


def _bad_value(param: ParamInfo, argument: Argument, *, literal: bool) -> str:
    """What is wrong with the value of a literal, or with the name of a field, where only some will do."""
    if param.allowed_fields:
        name = argument.name if isinstance(argument, Field) else ""
        if name not in param.allowed_fields:
            return f"must be {' or '.join(param.allowed_fields)}"
    if not literal:
        return ""
    if isinstance(argument, Integer) and param.range and not param.range[0] <= argument.value <= param.range[1]:
        return f"must be between {param.range[0]} and {param.range[1]}"
    if isinstance(argument, String):
        if param.non_empty and not argument.value:
            return "must not be empty"
        if param.name in _PATTERNS:
            return _PATTERNS[param.name](argument.value)
        if param.enum_chars and not re.fullmatch(f"[{param.enum_chars}]*", argument.value.decode("latin-1")):
            return f"flags are the letters {', '.join(param.enum_chars)}"
    return ""


def _regex_problem(value: bytes) -> str:
    try:
        compile_pattern(value)
    except PatternError as error:
        return str(error)
    return ""


def _wildcard_problem(value: bytes) -> str:
    try:
        check_wildcard(value)
    except PatternError as error:
        return str(error)
    return ""


def _replacement_problem(value: bytes) -> str:
    references = len(_REFERENCE.findall(value))
    return f"at most {_MOST_REFERENCES} references" if references > _MOST_REFERENCES else ""


_PATTERNS = {
    "regular_expression": _regex_problem,
    "wildcard_pattern": _wildcard_problem,
    "replacement": _replacement_problem,
}
"""What a literal for a parameter of this name has to be."""


def call_fault(function: FunctionInfo, calls: Sequence[str], around: Sequence[str]) -> Fault | None:
    """What is wrong with one more call, given the names of those before and of those around it."""
    most = function.limits.get("max_calls_per_expression")
    if most is not None and calls.count(function.name) >= most:
        return Fault("too-many-calls", f"{function.name} can be called only once in an expression")
    for name in function.limits.get("not_nestable_with", ()):
        if name in around:
            return Fault("nested-calls", f"{function.name} can't stand inside of {name}")
    return None


def call_type(call: Call, first: Type | None) -> Type | None:
    """The type of a call, or None for an unknown function."""
    function = functions().get(call.name)
    if function is None:
        return None
    mapped = bool(call.arguments) and each_count(call.arguments[0]) > 0
    return result_type(function, first, mapped=mapped)
