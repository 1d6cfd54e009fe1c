"""What to do about a mistake: one line, found from what is wrong and from what stands around it.

The message keeps the original's words, which name what its reader tripped over; the hint says what the writer meant to
write. Every rule is a guess that can only help: a wrong one costs a line, never a verdict.
"""

from __future__ import annotations

from mtls_tui.lang.failure import Rejected
from mtls_tui.lang.hints import literals, names, operators, patterns, structure, types
from mtls_tui.lang.hints.place import Rule, place_of

_ANYWHERE: tuple[Rule, ...] = (structure.wrong_quotes, structure.comma, structure.tab)
_BY_CODE: dict[str, tuple[Rule, ...]] = {
    "unknown-identifier": (names.unknown_name,),
    "expected-name": (structure.comment, names.not_closed_name),
    "expected-operator": (
        operators.upper_case,
        operators.not_in,
        operators.function_as_operator,
        operators.foreign_operator,
        structure.comment,
        operators.operator_missing,
    ),
    "unrecognised-input": (
        names.unknown_argument,
        structure.after_constant,
        operators.compared_boolean,
        structure.closes_nothing,
        operators.upper_case,
        structure.comment,
        operators.foreign_operator,
        structure.fraction,
        structure.two_conditions,
        types.arguments,
        structure.value_missing,
    ),
    "unsupported-operator": (operators.wrong_operator,),
    "expected-address": (literals.address,),
    "bad-address": (literals.address,),
    "expected-digit": (literals.number,),
    "bad-number": (literals.number,),
    "bad-byte": (literals.string,),
    "too-few-characters": (literals.string,),
    "expected-byte-separator": (literals.string,),
    "expected-pattern": ('a pattern stands in double quotes, or raw: r"…"',),
    "expected-raw-string": ('a pattern stands in double quotes, or raw: r"…"',),
    "bad-list-name": (
        "names of lists have lower-case letters, digits and _: `$office`, or a managed one: `$cf.open_proxies`",
    ),
    "range-bounds": ("a range goes from the lower to the higher bound, both of one family: `1..9`",),
    "bad-escape": (literals.escape,),
    "missing-quote": ("the quote that opens here is never closed",),
    "expected-literal": (literals.braces, structure.parenthesis, structure.call, structure.key),
    "type-mismatch": (types.mismatch,),
    "argument-count": (types.arguments,),
    "argument-kind": (types.arguments,),
    "argument-type": (types.arguments,),
    "argument-value": (types.arguments,),
    "each-not-first": ("`[*]` can stand only in the first argument of a function",),
    "bad-index": (types.index,),
    "bad-regex": (patterns.regex,),
    "bad-wildcard": (patterns.wildcard,),
    "too-long": ("put long sets into a list, `in $name`, or split the rule in two",),
    "nesting-limit": ("take out needless parentheses, or split the rule in two",),
    "not-unicode": ("this is not a character: the text was read in a wrong encoding",),
}


def hint(text: str, rejected: Rejected) -> str:
    """The advice for a mistake, "" when there is none to give."""
    place = place_of(text, rejected)
    for rule in (*_ANYWHERE, *_BY_CODE.get(rejected.code, ())):
        advice = rule if isinstance(rule, str) else rule(place)
        if advice:
            return advice
    return ""
