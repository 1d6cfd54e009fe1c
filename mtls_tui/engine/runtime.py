"""What generated code calls beside Python's own operators. Small, total functions; a missing value is None.

The explaining evaluator must not use anything from here: the two are written apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any


def first_of(fields: Mapping[str, Any], names: Sequence[str], default: Any) -> Any:
    """The value under the first of some names that is there: a field and its deprecated names."""
    for name in names:
        if name in fields:
            return fields[name]
    return default


def at(value: Any, index: int) -> Any:
    """An array's element, or None."""
    return value[index] if value is not None and index < len(value) else None


def key(value: Any, name: bytes) -> Any:
    """A map's value, or None."""
    return None if value is None else value.get(name)


def each(value: Any) -> Any:
    """The elements of an array or the values of a map; None for a missing one."""
    return value.values() if isinstance(value, dict) else value


def pick_at(values: Any, index: int) -> Any:
    """One element of every array, where there is one."""
    return None if values is None else [value[index] for value in values if index < len(value)]


def pick_key(values: Any, name: bytes) -> Any:
    """One value of every map, where there is one."""
    return None if values is None else [value[name] for value in values if name in value]


def flatten(values: Any) -> Any:
    """The elements of every array (or map) in one row."""
    return None if values is None else list(chain.from_iterable(each(value) for value in values))


def mapped(function: Callable[..., Any], values: Any, *rest: Any) -> Any:
    """The function's result for every element, without the missing ones."""
    if values is None:
        return None
    return [result for value in values if (result := function(value, *rest)) is not None]


def same(left: Any, right: Any) -> bool:
    """`eq` of two values that may be missing."""
    return left is not None and right is not None and bool(left == right)


def differs(left: Any, right: Any) -> bool:
    """`ne` of two values that may be missing."""
    return left is not None and right is not None and bool(left != right)


def below(left: Any, right: Any) -> bool:
    """`lt`; false for a missing side and across address families, as are the three below."""
    return left is not None and left.__class__ is right.__class__ and left < right


def at_most(left: Any, right: Any) -> bool:
    """`le`."""
    return left is not None and left.__class__ is right.__class__ and left <= right


def above(left: Any, right: Any) -> bool:
    """`gt`."""
    return left is not None and left.__class__ is right.__class__ and left > right


def at_least(left: Any, right: Any) -> bool:
    """`ge`."""
    return left is not None and left.__class__ is right.__class__ and left >= right


def each_and(*columns: Sequence[bool]) -> list[bool]:
    """Element-wise `and`, as long as the shortest."""
    return [all(row) for row in zip(*columns, strict=False)]


def each_or(*columns: Sequence[bool]) -> list[bool]:
    """Element-wise `or`, as long as the shortest."""
    return [any(row) for row in zip(*columns, strict=False)]


def each_xor(*columns: Sequence[bool]) -> list[bool]:
    """Element-wise `xor`, as long as the shortest."""
    return [sum(row) % 2 == 1 for row in zip(*columns, strict=False)]


def all_of(values: Sequence[bool] | None) -> bool:
    """`all` of an array that may be missing: a missing one is false, an empty one true."""
    return values is not None and all(values)


def three_and(*values: bool | None) -> bool | None:
    """Three-valued `and`: None is unknown."""
    if False in values:
        return False
    return None if None in values else True


def three_or(*values: bool | None) -> bool | None:
    """Three-valued `or`."""
    if True in values:
        return True
    return None if None in values else False


def three_xor(*values: bool | None) -> bool | None:
    """Three-valued `xor`."""
    return None if None in values else sum(values) % 2 == 1  # type: ignore[arg-type]


def three_not(value: bool | None) -> bool | None:
    """Three-valued `not`."""
    return None if value is None else not value


NAMES: dict[str, Any] = {
    function.__name__: function
    for function in (
        first_of, at, key, each, pick_at, pick_key, flatten, mapped, same, differs, below, at_most, above, at_least,
        each_and, each_or, each_xor, all_of, three_and, three_or, three_xor, three_not,
    )
} | {"any": any, "bool": bool, "bytes": bytes, "int": int, "list": list}  # fmt: skip
"""All that generated code can name; it has no other built-in functions."""
