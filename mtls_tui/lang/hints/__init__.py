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
    "expected-pattern": (literals.pattern_quote,),
    "expected-raw-string": (literals.pattern_quote,),
    "bad-list-name": (literals.list_name,),
    "range-bounds": (literals.range_bounds,),
    "bad-escape": (literals.escape,),
    "missing-quote": (literals.unclosed_string,),
    "expected-literal": (literals.braces, structure.parenthesis, structure.call, structure.key),
    "type-mismatch": (types.mismatch,),
    "argument-count": (types.arguments,),
    "argument-kind": (types.arguments,),
    "argument-type": (types.arguments,),
    "argument-value": (types.arguments,),
    "each-not-first": (types.each,),
    "bad-index": (types.index,),
    "bad-regex": (patterns.regex,),
    "bad-wildcard": (patterns.wildcard,),
    "too-long": (patterns.too_long,),
    "nesting-limit": (patterns.too_deep,),
    "not-unicode": (patterns.not_unicode,),
}


def hint(text: str, rejected: Rejected) -> str:
    """The advice for a mistake, "" when there is none to give."""
    place = place_of(text, rejected)
    for rule in (*_ANYWHERE, *_BY_CODE.get(rejected.code, ())):
        advice = rule(place)
        if advice:
            return advice
    return ""
