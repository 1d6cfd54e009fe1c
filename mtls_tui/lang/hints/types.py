"""Hints for values of the wrong type or form, as operands, arguments and under an index."""

from __future__ import annotations

import re

from mtls_tui.lang import catalogue
from mtls_tui.lang.hints.operators import called
from mtls_tui.lang.hints.place import MistakeContext


def mismatch(place: MistakeContext) -> str:
    """A value of the wrong type."""
    expected, _, actual = place.message.removeprefix("expected value of type ").partition(", but got ")
    if (expected, actual) == ("Bool", "Array<Bool>"):
        return "`[*]` gives one result per element: put it in any(…) or all(…)"
    if expected == "Array<Bool>":
        if actual == "Bool":
            return (
                "any(…) and all(…) are for arrays: a single condition stands alone; or go over the elements with `[*]`"
            )
        return 'compare the elements: `any(http.request.headers.names[*] eq "…")`'
    if actual.startswith("Array") and not expected.startswith("Array"):
        return "pick one element: `[0]`"
    if expected == "Bool" and actual.startswith("Map"):
        return "a map is not a condition: pick one of its values"
    return f"both sides have to be of one type: {called(expected)}" if expected and actual else ""


def arguments(place: MistakeContext) -> str:
    """Arguments that the function doesn't take."""
    found = re.search(r"([A-Za-z_0-9]+)\s*\((?:[^()]|\([^()]*\))*$", place.before)
    info = catalogue.FUNCTIONS.get(found[1]) if found else None
    if info is None:
        return ""
    advice = info.signature
    if "got Array" in place.message and "Bytes" in place.message:
        advice += "; go over the elements with `[*]`, or pick one with `[0]`"
    elif "got Map" in place.message:
        advice += '; pick a value by its name: `["name"][0]`'
    elif "kind Field" in place.message:
        advice += "; a literal can't stand here, only a field or a function's result"
    elif "kind Literal" in place.message:
        advice += "; only a literal can stand here"
    return advice


def index(place: MistakeContext) -> str:
    """Hint for indexing a value that cannot be indexed that way."""
    left = place.left
    one = f"`{left}`" if left else "this"
    if "MapEach" in place.message or place.message.endswith(("Bytes", "Int", "Ip", "Bool")):
        return f"{one} is a single value: it takes no index"
    if "MapKey" in place.message:
        return f"{one} is an array: pick an element by its number, `[0]`, or every one, `[*]`"
    return f'{one} is a map: pick a value by its name, `["name"]`'
