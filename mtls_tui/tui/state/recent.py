"""A cache of the last few results by identity: drawing and actions ask for the same again and again."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Made = TypeVar("Made")
_BY_VALUE = (str, int, frozenset)


def recent(size: int) -> Callable[[Callable[Given, Made]], Callable[Given, Made]]:
    """Keep the last `size` results of a pure function of immutable values.

    Arguments are the same when they are the same object (comparing a document would take longer than working it out);
    texts, numbers and sets are compared. Results are kept with their arguments, so that an identity can't come back as
    another value's. What is raised is not kept.
    """

    def decorate(function: Callable[Given, Made]) -> Callable[Given, Made]:
        kept: dict[tuple[object, ...], tuple[object, Made]] = {}
        lock = Lock()  # workers call it as well

        @wraps(function)
        def remembered(*args: Given.args, **named: Given.kwargs) -> Made:
            given: tuple[object, ...] = (*args, *named.values())
            key = tuple((type(one), one) if isinstance(one, _BY_VALUE) else id(one) for one in given)
            known = kept.get(key)
            if known is not None:
                return known[1]
            made = function(*args, **named)
            with lock:
                kept[key] = given, made
                if len(kept) > size:
                    del kept[next(iter(kept))]
            return made

        return remembered

    return decorate
