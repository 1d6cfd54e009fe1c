"""Hints for operators: missing, misspelt, from another language, or wrong for their left side."""

from __future__ import annotations

import re

from mtls_tui.lang import catalogue
from mtls_tui.lang.hints.place import LOWERED, MistakeContext
from mtls_tui.lang.nearest import nearest_function
from mtls_tui.lang.types import BOOL

_FOREIGN = {
    "=": "`eq` or `==` compares",
    "===": "`eq` or `==` compares",
    "<>": "`ne` or `!=` stands for `not equal`",
    "=~": "`matches` or `~` takes a regular expression",
    "!~": "put `not` before a comparison with `matches`",
    "is": "`eq` compares",
    "equals": "`eq` compares",
    "like": "`wildcard` takes a pattern with `*`",
    "regex": "`matches` takes a regular expression",
    "|": "`or` or `||` joins",
}


def upper_case(place: MistakeContext) -> str:
    """An operator in upper case."""
    word = place.word
    if word.lower() in LOWERED and word != word.lower():
        return f"operators are written in lower case: `{word.lower()}`"
    return ""


def not_in(place: MistakeContext) -> str:
    """`not` before the operator instead of before the comparison."""
    if re.match(r"\s*(?:not|!)\s*(?:in|contains|matches|wildcard|eq)\b", place.after):
        left = place.left or "…"
        operator = re.split(r"not|!", place.after, maxsplit=1)[1].split()[0]
        return f"`not` goes before the whole comparison: `not {left} {operator} …`"
    return ""


def function_as_operator(place: MistakeContext) -> str:
    """A function used like an operator."""
    name = place.word if place.word in catalogue.FUNCTIONS else nearest_function(place.word)
    if name in catalogue.FUNCTIONS and _plain(name) == _plain(place.word):
        right = re.match(r'\s*[A-Za-z_]+\s*("[^"]*")', place.after)
        return f"`{name}` is a function: `{name}({place.left or '…'}, {right[1] if right else '…'})`"
    return ""


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def foreign_operator(place: MistakeContext) -> str:
    """An operator of another language."""
    return _FOREIGN.get(place.word.lower(), "")


def operator_missing(place: MistakeContext) -> str:
    """Hint for a lone value that is not a condition."""
    left = place.left
    if not left:
        return "an operator and a value have to follow"
    info = catalogue.FIELDS.get(left)
    if info is not None and info.type.name in ("Array", "Map"):
        return _elements(left, info.type.name)
    return f"`{left}` is not a condition by itself: an operator and a value have to follow"


def _elements(left: str, name: str) -> str:
    if name == "Map":
        return f'pick a value by its name: `{left}["name"][0]`, or all of them: `any({left}["name"][*] eq "…")`'
    return f'pick an element: `{left}[0]`, or look at every one: `any({left}[*] eq "…")`'


def compared_boolean(place: MistakeContext) -> str:
    """A Boolean in a comparison."""
    found = re.match(r"\s*(==|eq|!=|ne|is|=)\s*(\"?)(true|false|1|0)?", place.after, re.IGNORECASE)
    info = catalogue.FIELDS.get(place.left)
    boolean = (info is not None and info.type == BOOL) or place.before.endswith(")")
    if not found or not boolean:
        return ""
    left = place.left or "…"
    negative = (found[1] in ("!=", "ne")) != ((found[3] or "").lower() in ("false", "0"))
    wanted = f"not {left}" if negative else left
    return f"a Boolean stands alone, without comparison: `{wanted}`"


def wrong_operator(place: MistakeContext) -> str:
    """An operator that doesn't go with its left side."""
    kind = place.message.rsplit("type ", 1)[-1]
    left = place.left
    if kind.startswith(("Array", "Map")):
        info = catalogue.FIELDS.get(left)
        if info is None:
            return "an operator takes one value: pick one, `[0]`, or go over all with `[*]` inside any(…) or all(…)"
        return _elements(left, info.type.name)
    names = [o.name for o in catalogue.OPERATORS.values() if o.kind == "comparison" and _fits(o, kind)]
    return f"operators for {called(kind)}: {', '.join(names)}"


def _fits(operator: catalogue.OperatorInfo, kind: str) -> bool:
    return any(str(type_) == kind for type_ in operator.types)


def called(kind: str) -> str:
    """A type as people call it."""
    return {"Bytes": "a string", "Int": "an integer", "Ip": "an IP address", "Bool": "a Boolean"}.get(kind, kind)
