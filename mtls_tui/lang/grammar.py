"""The grammar of the language in pyparsing: syntax alone, any name, anything beside anything.

This is the road of texts that aren't right yet (`parse(text, check=False)`), and the source of docs/grammar.md. What is
right is read by `reader`, which looks up names and types on the way and is many times as fast. Tests hold that the
grammar accepts every text that the reader accepts, and makes the same tree.

Reading order: literals, values, comparisons, logic. Blanks are spaces and line ends; a tab is not one. A `-` in place
of `+` means that from there on nothing else is tried, so that reading takes linear time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Lock
from typing import Any, NamedTuple

from pyparsing import Empty, FollowedBy, Forward, Opt, ParseBaseException, ParserElement, Regex, Suppress, ZeroOrMore
from pyparsing import ParseException as Mismatch

from mtls_tui.lang import ast, literals, patterns, scheme
from mtls_tui.lang.ast import Expr, Span, Value
from mtls_tui.lang.failure import Rejected
from mtls_tui.lang.limits import MAX_DEPTH
from mtls_tui.lang.terminals import FIELD_ARGUMENT, JOINS, LITERAL_BEGUN, NAME, OPERATORS, WHITE
from mtls_tui.lang.typeof import type_of
from mtls_tui.lang.types import BYTES, INT, IP

MAX_LENGTH = 1 << 16
"""Characters of a text that isn't right: reading it takes some 50 µs a clause, and no rule can have as many."""
MAX_FRAMES = 6_000
"""Python calls on top of each other that `MAX_DEPTH` levels need (3,500 at most), with room for the caller."""

_usual = ParserElement.DEFAULT_WHITE_CHARS
ParserElement.set_default_whitespace_chars(" \r\n")  # of all elements below; put back at the end

end = Empty().leave_whitespace().set_parse_action(lambda _text, at, _found: at).set_name("end")
"""Where the sign before it ends."""


# --- literals ------------------------------------------------------------------------------------------------------


def _literal(pattern: str, read: Callable[[str, int], tuple[int, Any]]) -> ParserElement:
    """A literal of this form; what it denotes is told by the function that `reader` uses."""

    def node(text: str, at: int, found: Any) -> Any:
        try:
            after, made = read(text, at)
        except Rejected as rejected:
            raise Mismatch(text, rejected.start, rejected.message) from None
        if after != at + len(found[0]):
            raise Mismatch(text, after, "the literal ends here")
        return made

    return Regex(pattern).set_parse_action(node)


def _pattern(read: Callable[[str, int], tuple[int, bytes]]) -> Callable[[str, int], tuple[int, ast.Pattern]]:
    def node(text: str, at: int) -> tuple[int, ast.Pattern]:
        after, value = read(text, at)
        return after, ast.Pattern(value, text[at:after], Span(at, after))

    return node


_PAIR = r"(?:[0-9A-Fa-f]{2}|\+[0-9A-Fa-f])"
_NUMBER = r"(?:0x|-)?[0-9A-Fa-f]+"
_QUOTED = r'"(?:[^"\\]|\\(?s:.))*"'
_QUOTED_REGEX = r'"(?:[^"\\\[]|\\(?s:.)|\[(?:[^\]\\]|\\(?s:.))*\])*"'
_RAW = r'r(?P<hashes>#*)"(?s:.*?)"(?P=hashes)'

string = _literal(f"{_QUOTED}|{_RAW}", literals.string)
byte_string = _literal(f"{_PAIR}(?:[:.-]{_PAIR})+", literals.string)
integer = _literal(_NUMBER, literals.integer)
integer_item = _literal(rf"{_NUMBER}(?:\.\.{_NUMBER})?", literals.integer_item)
address = _literal("[0-9A-Fa-f:./]+", literals.address)
address_item = _literal("[0-9A-Fa-f:./]+", literals.address_item)
list_name = _literal(r"\$[a-z0-9_.]+", literals.list_name)
regex = _literal(f"{_QUOTED_REGEX}|{_RAW}", _pattern(patterns.regex_literal))
wildcard = _literal(f"{_QUOTED}|{_RAW}", _pattern(patterns.wildcard_literal))


def _set_of(item: ParserElement) -> ParserElement:
    def node(_text: str, at: int, found: Any) -> ast.Set:
        *items, after = found
        return ast.Set(tuple(items), Span(at, after))

    return (Suppress("{") + ZeroOrMore(item) + Suppress("}") + end).set_parse_action(node)


LITERALS = {INT: integer, IP: address, BYTES: string | byte_string}
SETS = {INT: _set_of(integer_item), IP: _set_of(address_item), BYTES: _set_of(string | byte_string)}
"""How literals and sets are read where the left side says of which type they are."""
literal = address ^ integer ^ string ^ byte_string  # else: the longest
literal_set = SETS[INT] | SETS[IP] | SETS[BYTES]


# --- values: fields, calls, indexes --------------------------------------------------------------------------------


class _Arguments(NamedTuple):
    items: tuple[ast.Argument, ...]
    end: int


class _Key(NamedTuple):
    key: int | ast.String | None
    end: int


def _made_key(_text: str, _at: int, found: Any) -> _Key:
    key, after = found
    return _Key(key.value if isinstance(key, ast.Integer) else None if key == "*" else key, after)


def _made_value(text: str, at: int, found: Any) -> Value:
    name, *rest = found
    made: Value = ast.Field(name, Span(at, at + len(name)))
    if len(rest) > MAX_DEPTH:
        raise Mismatch(text, at, "too many indexes")
    for part in rest:
        if isinstance(part, _Arguments):
            made = ast.Call(name, part.items, Span(at, part.end))
        else:
            made = ast.Index(made, part.key, Span(at, part.end))
    return made


expression = Forward()
argument = Forward()

key = Regex(r"\*") | string | integer
index = (Suppress("[").leave_whitespace() - key - Suppress("]") + end).set_parse_action(_made_key)
arguments = (
    Suppress("(") - Opt(argument + ZeroOrMore(Suppress(",") - argument)) - Suppress(")") + end
).set_parse_action(lambda _text, _at, found: _Arguments(tuple(found[:-1]), found[-1]))

name = Regex(NAME.pattern)
known_name = Regex(NAME.pattern).add_condition(
    lambda _text, _at, found: found[0] in scheme.fields() or found[0] in scheme.functions()
)
value = (name + Opt(arguments) + ZeroOrMore(index)).set_parse_action(_made_value)
known_value = (known_name + Opt(arguments) + ZeroOrMore(index)).set_parse_action(_made_value)


# --- comparisons ---------------------------------------------------------------------------------------------------


def _meant(text: str, right: Any, left: Value) -> Any:
    """The right side as the type of the left side has it read, where that can be: `10` may be an address."""
    kind = type_of(left)
    sample = right.items[0] if isinstance(right, ast.Set) and right.items else right
    if (
        kind not in LITERALS
        or not isinstance(sample, (*scheme.LITERALS, ast.Network, ast.Range))
        or type_of(sample) == kind
    ):
        return right
    element = (SETS if isinstance(right, ast.Set) else LITERALS)[kind]
    try:
        return _whole(element, " " * right.span.start + text[right.span.start : right.span.end])
    except ParseBaseException:
        return right


def _made_comparison(text: str, _at: int, found: Any) -> Expr:
    left, *rest = found
    if not rest:
        return ast.Test(left, left.span)
    symbol, right = rest
    right = _meant(text, right, left)
    return ast.Comparison(left, OPERATORS[symbol], right, symbol, Span(left.span.start, right.span.end))


other_value = ~Regex(LITERAL_BEGUN.pattern) + value
operand = known_value | literal | other_value
membership = Regex("in") + (list_name | literal_set)
regex_match = Regex("matches|~") + regex
wildcard_match = Regex("wildcard|strict wildcard") + wildcard
ordering = Regex("==|!=|>=|<=|>|<|&(?!&)|eq|ne|ge|le|gt|lt|bitwise_and|contains") + operand
comparison_tail = membership | regex_match | wildcard_match | ordering
comparison = (value + Opt(comparison_tail)).set_parse_action(_made_comparison)


# --- logic ---------------------------------------------------------------------------------------------------------


def _extent(node: Expr) -> Span:
    """The place of a node with its own parentheses."""
    place = node.outer or node.span
    assert place is not None
    return place


def _made_group(_text: str, at: int, found: Any) -> Expr:
    inner: Expr = found[0]
    after: int = found[1]
    return replace(inner, parens=inner.parens + 1, outer=Span(at, after))


def _made_not(_text: str, _at: int, found: Any) -> Expr:
    *negations, last = found
    made: Expr = last
    for symbol, start in reversed(negations):
        made = ast.Not(made, symbol, Span(start, _extent(made).end))
    return made


def _made_logical(_text: str, _at: int, found: Any) -> Expr:
    items: tuple[Expr, ...] = tuple(found[::2])
    symbols = tuple(found[1::2])
    if not symbols:
        return items[0]
    return ast.Logical(JOINS[symbols[0]][1], items, symbols, Span(_extent(items[0]).start, _extent(items[-1]).end))


def _joined(item: ParserElement, sign: str) -> ParserElement:
    return (item + ZeroOrMore(Regex(sign) + item)).set_parse_action(_made_logical)


def _made_quantifier(_text: str, at: int, found: Any) -> Expr:
    called, item, after = found
    return ast.Test(ast.Call(called, (item,), Span(at, after)), Span(at, after))


def _made_always(_text: str, at: int, found: Any) -> Expr:
    return ast.Always(found[0] == "true", Span(at, at + len(found[0])))


negation = Regex("not|!").set_parse_action(lambda _text, at, found: (found[0], at))
quantifier = (Regex(r"(?:any|all)(?=[ \r\n]*\()") + Suppress("(") - argument - Suppress(")") + end).set_parse_action(
    _made_quantifier
)
always = Regex("(?:true|false)(?![A-Za-z0-9_.])").set_parse_action(_made_always)
group = (Suppress("(") - expression - Suppress(")") + end).set_parse_action(_made_group)

condition = (ZeroOrMore(negation) + (group | quantifier | always | comparison)).set_parse_action(_made_not)
conjunction = _joined(condition, "and|&&")
exclusive_disjunction = _joined(conjunction, r"xor|\^\^")
expression <<= _joined(exclusive_disjunction, r"or|\|\|")


# --- arguments -----------------------------------------------------------------------------------------------------


def _made_argument(_text: str, _at: int, found: Any) -> ast.Argument:
    item = found[0]
    return item.value if isinstance(item, ast.Test) and not item.parens else item


logical_argument = FollowedBy(Regex(r"\(|not|!|(?:any|all)[ \r\n]*\(")) + expression
compared = (known_value + Opt(comparison_tail)).set_parse_action(_made_comparison)
literal_argument = ~Regex(FIELD_ARGUMENT.pattern) + literal
argument <<= (string | logical_argument | compared | literal_argument | comparison).set_parse_action(_made_argument)

for _name, _element in list(globals().items()):
    if isinstance(_element, ParserElement) and not _name.startswith("_"):
        _element.set_name(_name.replace("_", " ")).parse_with_tabs()
ParserElement.set_default_whitespace_chars(_usual)


# --- reading -------------------------------------------------------------------------------------------------------

_reading = Lock()


@contextmanager
def _room() -> Iterator[None]:
    """Room for deep texts: a level of nesting takes up to 28 calls of Python."""
    with _reading:
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, MAX_FRAMES))
        try:
            yield
        finally:
            sys.setrecursionlimit(limit)


def _nesting(node: Any) -> int:
    """Parentheses, negations and calls around the deepest place."""
    match node:
        case ast.Logical(items=items):
            deepest = max(map(_nesting, items))
        case ast.Not(item=item):
            deepest = 1 + _nesting(item)
        case ast.Comparison(left=left, right=right):
            deepest = max(_nesting(left), _nesting(right))
        case ast.Test(value=value):
            deepest = _nesting(value)
        case ast.Call(arguments=arguments):
            deepest = 1 + max(map(_nesting, arguments), default=0)
        case ast.Index(base=base):
            deepest = _nesting(base)
        case _:
            return 0
    return deepest + getattr(node, "parens", 0)


def _whole(element: ParserElement, text: str) -> Any:
    return element.parse_string(text, parse_all=True)[0]


def read_expression(text: str) -> Expr | None:
    """The filter expression that a text says, by syntax alone; None if it isn't one."""
    root: Expr | None = _read(expression, text)
    return root


def read_value(text: str) -> Value | None:
    """The value expression that a text says, by syntax alone; None if it isn't one."""
    found: Value | None = _read(value, text)
    return found


def _read(element: ParserElement, text: str) -> Any:
    body = text.strip(WHITE)
    if len(text) > MAX_LENGTH or not body:
        return None
    start = text.index(body[0])
    try:
        with _room():
            found = _whole(element, " " * start + text[start:].rstrip(WHITE))
            return found if _nesting(found) <= MAX_DEPTH else None
    except (ParseBaseException, RecursionError):
        return None
