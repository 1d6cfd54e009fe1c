"""What to do about a mistake: one line, found from what is wrong and from what stands around it.

The message keeps the original's words, which name what its reader tripped over; the hint says what the writer meant to
write. Every rule here is a guess that can only help: a wrong one costs a line, never a verdict.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network

from mtls_tui.lang import catalogue
from mtls_tui.lang.failure import Rejected
from mtls_tui.lang.nearest import nearest_field, nearest_function
from mtls_tui.lang.types import BOOL

_NEAR = 200
"""How far around a mistake the rules look, in characters."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A mistake and its surroundings."""

    code: str
    message: str
    text: str
    start: int
    before: str
    after: str

    @property
    def mark(self) -> str:
        return self.after[:1]

    @property
    def word(self) -> str:
        """The word that stands here, blanks before it left out."""
        found = _WORD.match(self.after)
        return found[1] if found else ""

    @property
    def left(self) -> str:
        """The value that ends here, with its indexes."""
        found = _VALUE_BEFORE.search(self.before)
        return found[1] if found else ""


Rule = Callable[[_Place], str]

_WORD = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_.]*|[=!<>~&|^+*/%-]+)")
_VALUE_BEFORE = re.compile(r"([A-Za-z_][A-Za-z0-9_.]*(?:\[[^\[\]]*\])*)\s*$")
_AFTER_OPERATOR = re.compile(r"(?:\b(?:eq|ne|lt|le|gt|ge|contains|matches|wildcard|in)|==|!=|[<>]=?|~|\{[^{}]*)\s*$")
_BARE = re.compile(r"[^\s(){}\"',]+")
_QUOTES = "'‘’‚‛“”„‟«»`´"
_LOWERED = {"and", "or", "xor", "not", "eq", "ne", "lt", "le", "gt", "ge", "in", "contains", "matches", "wildcard"}
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


def hint(text: str, rejected: Rejected) -> str:
    """The advice for a mistake, "" when there is none to give."""
    start = rejected.start
    place = _Place(
        rejected.code,
        rejected.message,
        text,
        start,
        text[max(0, start - _NEAR) : start],
        text[start : start + _NEAR],
    )
    for rule in (*_ANYWHERE, *_BY_CODE.get(rejected.code, ())):
        advice = rule(place)
        if advice:
            return advice
    return ""


# --- wherever it happens ------------------------------------------------------------------------------------------


def _wrong_quotes(place: _Place) -> str:
    word = place.after.lstrip(" \r\n")
    if word[:1] and word[0] in _QUOTES and place.code not in ("bad-escape", "missing-quote"):
        return 'strings stand in straight double quotes: "…"'
    return ""


def _comma(place: _Place) -> str:
    if place.mark not in (",", ";"):
        return ""
    if place.before.rfind("{") > place.before.rfind("}"):
        return "items of a set are separated by spaces, not commas"
    return _JOIN if place.code == "unrecognised-input" else ""


def _tab(place: _Place) -> str:
    if not place.after.strip():
        return ""
    if place.mark == "\t" or place.after.lstrip(" \r\n")[:1] == "\t":
        return "a tab does not count as a blank here: use spaces"
    return ""


def _comment(place: _Place) -> str:
    word = place.after.lstrip(" \r\n")
    if word.startswith(("//", "/*", "--")) or (word.startswith("#") and place.code == "unrecognised-input"):
        return "the language has no comments: take it out"
    return ""


# --- names --------------------------------------------------------------------------------------------------------


def _unknown_name(place: _Place) -> str:
    found = re.match(r"[A-Za-z0-9_.]+", place.after)
    name = found[0] if found else ""
    called = place.after[len(name) :].lstrip(" \r\n").startswith("(")
    if name.lower() in _LOWERED and name != name.lower():
        return f"operators are written in lower case: `{name.lower()}`"
    if name in ("true", "false"):
        return f"`{name}` stands only for a whole condition; a Boolean field stands alone: `ssl`, or `not ssl`"
    if name == "r" and place.after[1:2] in _QUOTES:
        return 'strings stand in straight double quotes: r"…"'
    if _AFTER_OPERATOR.search(place.before) and not called:
        field = nearest_field(name) if "." in name else ""
        meant = f", or did you mean the field `{field}`?" if field else ""
        bare = _BARE.match(place.after)
        return f'text stands in double quotes: "{bare[0] if bare else name}"{meant}'
    function = nearest_function(name)
    field = nearest_field(name)
    if name.isdigit():
        return "a comparison begins with a field or a function; the literal stands on the right"
    near = (function or field) if called else (field or function)
    return f"did you mean `{near}`?" if near else "no field or function has this name"


def _not_closed_name(place: _Place) -> str:
    if not place.after.strip():
        return "the expression ends too early" if place.before.strip() else "an expression has to stand here"
    if place.before.endswith("."):
        return "a name doesn't end with a dot"
    if place.mark == '"':
        return "a comparison begins with a field or a function; the literal stands on the right"
    return ""


# --- operators ----------------------------------------------------------------------------------------------------


def _upper_case(place: _Place) -> str:
    word = place.word
    if word.lower() in _LOWERED and word != word.lower():
        return f"operators are written in lower case: `{word.lower()}`"
    return ""


def _not_in(place: _Place) -> str:
    if re.match(r"\s*(?:not|!)\s*(?:in|contains|matches|wildcard|eq)\b", place.after):
        left = place.left or "…"
        operator = re.split(r"not|!", place.after, maxsplit=1)[1].split()[0]
        return f"`not` goes before the whole comparison: `not {left} {operator} …`"
    return ""


def _function_as_operator(place: _Place) -> str:
    name = place.word if place.word in catalogue.FUNCTIONS else nearest_function(place.word)
    if name in catalogue.FUNCTIONS and _plain(name) == _plain(place.word):
        right = re.match(r'\s*[A-Za-z_]+\s*("[^"]*")', place.after)
        return f"`{name}` is a function: `{name}({place.left or '…'}, {right[1] if right else '…'})`"
    return ""


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def _foreign_operator(place: _Place) -> str:
    return _FOREIGN.get(place.word.lower(), "")


def _operator_missing(place: _Place) -> str:
    left = place.left
    if not left:
        return "an operator and a value have to follow"
    info = catalogue.FIELDS.get(left)
    if info is not None and info.type.name in ("Array", "Map"):
        return _elements(left, info.type.name)
    return f"`{left}` is no condition by itself: an operator and a value have to follow"


def _elements(left: str, name: str) -> str:
    if name == "Map":
        return f'pick a value by its name: `{left}["name"][0]`, or all of them: `any({left}["name"][*] eq "…")`'
    return f'pick an element: `{left}[0]`, or look at every one: `any({left}[*] eq "…")`'


def _compared_boolean(place: _Place) -> str:
    found = re.match(r"\s*(==|eq|!=|ne|is|=)\s*(\"?)(true|false|1|0)?", place.after, re.IGNORECASE)
    info = catalogue.FIELDS.get(place.left)
    boolean = (info is not None and info.type == BOOL) or place.before.endswith(")")
    if not found or not boolean:
        return ""
    left = place.left or "…"
    negative = (found[1] in ("!=", "ne")) != ((found[3] or "").lower() in ("false", "0"))
    wanted = f"not {left}" if negative else left
    return f"a Boolean stands alone, without comparison: `{wanted}`"


def _wrong_operator(place: _Place) -> str:
    kind = place.message.rsplit("type ", 1)[-1]
    left = place.left
    if kind.startswith(("Array", "Map")):
        info = catalogue.FIELDS.get(left)
        if info is None:
            return "an operator takes one value: pick one, `[0]`, or go over all with `[*]` inside any(…) or all(…)"
        return _elements(left, info.type.name)
    names = [o.name for o in catalogue.OPERATORS.values() if o.kind == "comparison" and _fits(o, kind)]
    return f"operators for {_called(kind)}: {', '.join(names)}"


def _fits(operator: catalogue.OperatorInfo, kind: str) -> bool:
    return any(str(type_) == kind for type_ in operator.types)


def _called(kind: str) -> str:
    return {"Bytes": "a string", "Int": "an integer", "Ip": "an IP address", "Bool": "a Boolean"}.get(kind, kind)


# --- right sides --------------------------------------------------------------------------------------------------


def _address(place: _Place) -> str:
    if place.mark == '"':
        return "IP addresses stand without quotes: 192.0.2.1"
    chunk = re.match(r"[0-9A-Fa-f:./]*", place.after)
    written = chunk[0] if chunk else ""
    in_set = place.before.rfind("{") > place.before.rfind("}")
    if "/" in written and not in_set:
        return f"a network stands in a set: `in {{{written}}}`"
    if ".." in written and not in_set:
        return f"a range stands in a set: `in {{{written}}}`"
    if place.message == "host part of address was not zero":
        try:
            whole = ip_network(written, strict=False)
        except ValueError:
            return ""
        return f"bits after the prefix have to be zero: {whole}"
    if "length" in place.message:
        return "the prefix length is at most 32 for IPv4 and 128 for IPv6"
    return "" if place.after.strip() else "an IP address has to follow"


def _number(place: _Place) -> str:
    if place.mark == '"':
        return "integers stand without quotes: 443"
    if "radix 8" in place.message:
        return "a leading 0 makes a number octal: write it without"
    if "too large" in place.message or "too small" in place.message:
        return "integers have 64 bits: from -9223372036854775808 to 9223372036854775807"
    if re.match(r"[0-9]*\.[0-9]", place.after):
        return "there are whole numbers only"
    return "" if place.after.strip() else "an integer has to follow"


def _string(place: _Place) -> str:
    if re.search(r"\\[x0-7]?[0-9A-Fa-f]?$", place.before[-3:]) and place.code == "bad-byte":
        return _escape(place)
    line = place.before.rsplit("\n", 1)[-1]
    begun = re.search(r"[^\s(){}\"',]*$", line)
    if not place.after.strip() and not (begun and begun[0]):
        return "a string in double quotes has to follow"
    word = (begun[0] if begun else "") + (_BARE.match(place.after) or [""])[0]
    return f'strings stand in double quotes: "{word}"' if word else 'strings stand in double quotes: "…"'


def _pattern_quote(place: _Place) -> str:
    return 'a pattern stands in double quotes, or raw: r"…"'


def _braces(place: _Place) -> str:
    if '"{"' not in place.message:
        return ""
    found = _BARE.match(place.after)
    quoted = re.match(r'"[^"]*"', place.after)
    word = quoted[0] if quoted else found[0] if found else "…"
    if place.mark in "([":
        return "a set stands in braces: `in {…}`"
    return f"a set stands in braces: `in {{{word}}}`; a list has a dollar: `in $name`"


def _list_name(place: _Place) -> str:
    return "names of lists have lower-case letters, digits and _: `$office`, or a managed one: `$cf.open_proxies`"


def _range(place: _Place) -> str:
    return "a range goes from the lower to the higher bound, both of one family: `1..9`"


# --- strings ------------------------------------------------------------------------------------------------------


_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)


def _escape(place: _Place) -> str:
    opening = place.text.rfind('"', 0, place.start)
    found = _QUOTED.match(place.text, opening, opening + 5000) if opening >= 0 else None
    advice = 'a backslash has to be doubled, or the string written raw: r"…"'
    if found is None or '"' in found[1] or len(found[1]) > 60:
        return advice
    return f'a backslash has to be doubled, or the string written raw: r"{found[1]}"'


def _unclosed_string(place: _Place) -> str:
    return "the quote that opens here is never closed"


# --- parentheses --------------------------------------------------------------------------------------------------


def _parenthesis(place: _Place) -> str:
    if '")"' not in place.message:
        return ""
    opened = _unclosed(place.text, place.start)
    if opened is None:
        return ""
    line = place.text.count("\n", 0, opened) + 1
    column = opened - (place.text.rfind("\n", 0, opened) + 1) + 1
    return f"the parenthesis that opens at {line}:{column} is not closed"


def _unclosed(text: str, end: int) -> int | None:
    """The last parenthesis before `end` that is still open there; what stands in quotes doesn't count."""
    opened: list[int] = []
    for found in _BRACKETS.finditer(text, max(0, end - 20_000), end):
        if found[0] == "(":
            opened.append(found.start())
        elif found[0] == ")" and opened:
            opened.pop()
    return opened[-1] if opened else None


_BRACKETS = re.compile(r'r(#*)".*?"\1|"(?:[^"\\]|\\.)*"|[()]', re.DOTALL)


def _closes_nothing(place: _Place) -> str:
    if place.after.lstrip(" \r\n").startswith(")"):
        return "this parenthesis closes nothing: one too many, or one is missing before"
    return ""


_JOIN = "two conditions are joined by `and`, `or` or `xor`"


def _two_conditions(place: _Place) -> str:
    return _JOIN if re.match(r"[ \r\n]*(?:[A-Za-z_(!]|\"|\d)", place.after) else ""


def _after_constant(place: _Place) -> str:
    found = re.search(r"\b(true|false)$", place.before)
    return f"`{found[1]}` stands only for a whole condition" if found and place.word else ""


def _fraction(place: _Place) -> str:
    return "there are whole numbers only" if re.match(r"\.\d", place.after) and place.before[-1:].isdigit() else ""


def _value_missing(place: _Place) -> str:
    return "" if place.after.strip() else "a string in double quotes has to follow"


def _call(place: _Place) -> str:
    if '"("' in place.message and place.left in catalogue.FUNCTIONS:
        return f"`{place.left}` is a function: {catalogue.FUNCTIONS[place.left].signature}"
    if '","' in place.message:
        return "arguments are separated by commas"
    return ""


def _key(place: _Place) -> str:
    if "quoted utf8" in place.message:
        return 'an index is a number, `[0]`, a name in double quotes, `["user-agent"]`, or every element, `[*]`'
    return "an index is 0 or more" if "positive" in place.message else ""


# --- types, arguments ---------------------------------------------------------------------------------------------


def _mismatch(place: _Place) -> str:
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
        return "a map is no condition: pick one of its values"
    return f"both sides have to be of one type: {_called(expected)}" if expected and actual else ""


def _arguments(place: _Place) -> str:
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


def _each(place: _Place) -> str:
    return "`[*]` can stand only in the first argument of a function"


def _index(place: _Place) -> str:
    left = place.left
    one = f"`{left}`" if left else "this"
    if "MapEach" in place.message or place.message.endswith(("Bytes", "Int", "Ip", "Bool")):
        return f"{one} is a single value: it takes no index"
    if "MapKey" in place.message:
        return f"{one} is an array: pick an element by its number, `[0]`, or every one, `[*]`"
    return f'{one} is a map: pick a value by its name, `["name"]`'


# --- patterns, limits ---------------------------------------------------------------------------------------------


def _regex(place: _Place) -> str:
    if "look-around" in place.message:
        return 'say it with two conditions: `… matches "a" and not … matches "b"`'
    if "backreferences" in place.message:
        return "a pattern can't refer to its groups; an octal escape is written \\x41"
    if "Unicode not allowed" in place.message:
        return "patterns match bytes: turn Unicode on with (?u)"
    if "unrecognized escape" in place.message:
        return "this letter has no meaning after a backslash: take the backslash out"
    if "repetition operator missing" in place.message:
        return "`*` repeats what stands before it: `.*` matches anything; `wildcard` takes plain `*`"
    if "unclosed" in place.message or "unopened" in place.message:
        return "to match the character itself, put a backslash before it"
    if "size limit" in place.message:
        return "make the repetitions smaller"
    return ""


def _wildcard(place: _Place) -> str:
    if "double star" in place.message:
        return "one `*` already matches everything"
    return 'a backslash stands only before `*` or a backslash, and is doubled in quotes: "\\\\*", or raw: r"\\*"'


def _too_long(place: _Place) -> str:
    return "put long sets into a list, `in $name`, or split the rule in two"


def _too_deep(place: _Place) -> str:
    return "take out needless parentheses, or split the rule in two"


def _not_unicode(place: _Place) -> str:
    return "this is no character: the text was read in a wrong encoding"


_ANYWHERE: tuple[Rule, ...] = (_wrong_quotes, _comma, _tab)
_BY_CODE: dict[str, tuple[Rule, ...]] = {
    "unknown-identifier": (_unknown_name,),
    "expected-name": (_comment, _not_closed_name),
    "expected-operator": (
        *(_upper_case, _not_in, _function_as_operator, _foreign_operator, _comment),
        *(_operator_missing,),
    ),
    "unrecognised-input": (
        *(_after_constant, _compared_boolean, _closes_nothing, _upper_case, _comment, _foreign_operator),
        *(_fraction, _two_conditions, _arguments, _value_missing),
    ),
    "unsupported-operator": (_wrong_operator,),
    "expected-address": (_address,),
    "bad-address": (_address,),
    "expected-digit": (_number,),
    "bad-number": (_number,),
    "bad-byte": (_string,),
    "too-few-characters": (_string,),
    "expected-byte-separator": (_string,),
    "expected-pattern": (_pattern_quote,),
    "expected-raw-string": (_pattern_quote,),
    "bad-list-name": (_list_name,),
    "range-bounds": (_range,),
    "bad-escape": (_escape,),
    "missing-quote": (_unclosed_string,),
    "expected-literal": (_braces, _parenthesis, _call, _key),
    "type-mismatch": (_mismatch,),
    "argument-count": (_arguments,),
    "argument-kind": (_arguments,),
    "argument-type": (_arguments,),
    "argument-value": (_arguments,),
    "each-not-first": (_each,),
    "bad-index": (_index,),
    "bad-regex": (_regex,),
    "bad-wildcard": (_wildcard,),
    "too-long": (_too_long,),
    "nesting-limit": (_too_deep,),
    "not-unicode": (_not_unicode,),
}
