"""The grammar: from text to a checked syntax tree in one pass from left to right, as the original does it.

Names and types are looked up while reading, since the type on the left of an operator decides how its right side is
read. So the first mistake from the left is the one reported, at the original's place. Terminals are pyparsing tokens;
the nonterminals are methods of one reader behind the pyparsing elements `FILTER` and `VALUE`, since a rule has to be
read in well under a millisecond.
"""

from __future__ import annotations

import re
from typing import Any

from pyparsing import Token

from mtls_tui.lang import literals, scheme
from mtls_tui.lang.ast import (
    Always,
    Argument,
    Call,
    Comparison,
    Expr,
    Field,
    Index,
    ListName,
    Logical,
    LogicalOperator,
    Not,
    Operator,
    Pattern,
    Right,
    Set,
    Span,
    String,
    Test,
    Value,
)
from mtls_tui.lang.catalogue import FunctionInfo
from mtls_tui.lang.failure import (
    Rejected,
    expected_literal,
    expected_name,
    too_deep,
    type_mismatch,
    unrecognised,
    unsupported,
)
from mtls_tui.lang.limits import INDEX_MAX, MAX_DEPTH
from mtls_tui.lang.literals import after_spaces, rust_quoted, terminal
from mtls_tui.lang.patterns import regex_literal, wildcard_literal
from mtls_tui.lang.scheme import BOOL_ARRAY
from mtls_tui.lang.types import BOOL, BYTES, INT, IP, Type, array

_S = r"[ \r\n]*+"
NAME = terminal(r"[A-Za-z0-9_]++(?:\.[A-Za-z0-9_]++)*+")
COMPARISON = terminal(
    _S + r"(in|eq|==|ne|!=|ge|>=|le|<=|gt|>|lt|<|&|bitwise_and|contains|~|matches|wildcard|strict wildcard)" + _S
)
LOGICAL = terminal(_S + r"(or|\|\||xor|\^\^|and|&&)" + _S)
HEAD = terminal(
    r"(?P<open>\()" + _S + r"|(?P<not>not|!)" + _S + r"|(?P<quantifier>any|all)(?=" + _S + r"\()"
    r"|(?P<always>true|false)(?![A-Za-z0-9_.])"
)
"""What an operand can begin with, but for a name."""
INDEX = terminal(r"\[" + _S + r'(?:(\*)|"([^"\\]*+)"|(0|[1-9][0-9]{0,8}(?![0-9A-Fa-f])))' + _S + r"\]")
"""The usual index; any other is read step by step."""
FIELD_ARGUMENT = terminal(r"[0-9A-Za-z_]{0,2}[G-Zg-z_]")
"""An argument that can't be a number, an address or a byte string."""

_name = NAME.re_match
_comparison = COMPARISON.re_match
_logical = LOGICAL.re_match
_head = HEAD.re_match
_index = INDEX.re_match
_field_argument = FIELD_ARGUMENT.re_match

_OPERATORS: dict[str, Operator] = {
    "in": "in",
    "eq": "eq",
    "==": "eq",
    "ne": "ne",
    "!=": "ne",
    "ge": "ge",
    ">=": "ge",
    "le": "le",
    "<=": "le",
    "gt": "gt",
    ">": "gt",
    "lt": "lt",
    "<": "lt",
    "&": "bitwise_and",
    "bitwise_and": "bitwise_and",
    "contains": "contains",
    "~": "matches",
    "matches": "matches",
    "wildcard": "wildcard",
    "strict wildcard": "strict wildcard",
}
_ORDERING = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})
_LOGICAL: dict[str, tuple[int, LogicalOperator]] = {
    "or": (1, "or"),
    "||": (1, "or"),
    "xor": (2, "xor"),
    "^^": (2, "xor"),
    "and": (3, "and"),
    "&&": (3, "and"),
}
_LITERALS = {BYTES: literals.STRING, INT: literals.INTEGER, IP: literals.ADDRESS}
_ITEMS = {BYTES: literals.STRING, INT: literals.INTEGER_ITEM, IP: literals.ADDRESS_ITEM}
_LITERAL_BEGUN = re.compile(r'[0-9]|r[#"]|[0-9A-Fa-f]{1,4}[:-]')
"""What is judged as a literal and not as a name, where both may stand."""
_NUMBER = re.compile(r"(?:0x[0-9A-Fa-f]+|-?[0-9]+)(?![0-9A-Za-z_:/]|\.[0-9])")

Kind = Type | None
"""The type of what was read; None where names aren't looked up and it isn't known."""


class _Group:
    """Operands joined by one operator, still being collected."""

    __slots__ = ("items", "kind", "operator", "strength", "symbols")

    def __init__(self, strength: int, operator: LogicalOperator, symbol: str, first: Expr, kind: Kind) -> None:
        self.strength = strength
        self.operator = operator
        self.symbols = [symbol]
        self.items = [first]
        self.kind = kind

    def closed(self) -> Logical:
        first, last = self.items[0], self.items[-1]
        start, end = first.outer or first.span, last.outer or last.span
        assert start is not None
        assert end is not None
        return Logical(self.operator, tuple(self.items), tuple(self.symbols), Span(start.start, end.end))


def _wrap(node: Expr, start: int, end: int) -> None:
    """Count one more pair of parentheses. The node was made a moment ago, nobody else has it yet: so it may change."""
    object.__setattr__(node, "parens", node.parens + 1)
    object.__setattr__(node, "outer", Span(start, end))


class Reader:
    """Reads one text. Every method gives what it read, its type where it has one, and the position after it."""

    __slots__ = ("check", "fields", "functions", "text")

    def __init__(self, text: str, *, check: bool) -> None:
        self.text = text
        self.check = check
        self.fields = scheme.fields()
        self.functions = scheme.functions()

    # --- true or false ---

    def logical(self, at: int, depth: int) -> tuple[Expr, Kind, int]:
        """Operands joined by `or`, `xor` and `and`."""
        node, kind, at = self.operand(at, depth)
        pending: list[_Group] = []  # weakest first
        while True:
            found = _logical(self.text, at)
            strength, operator = _LOGICAL[found[1]] if found else (0, "or")
            after = found.end() if found else at
            while pending and pending[-1].strength > strength:
                group = pending.pop()
                self._join(group, node, kind, after)
                node, kind = group.closed(), group.kind
            if found is None:
                return node, kind, at
            if pending and pending[-1].strength == strength:
                self._join(pending[-1], node, kind, after)
                pending[-1].symbols.append(found[1])
            else:
                pending.append(_Group(strength, operator, found[1], node, kind))
            node, kind, at = self.operand(after, depth)

    def _join(self, group: _Group, node: Expr, kind: Kind, after: int) -> None:
        left = group.kind
        if self.check and kind != left and left is not None and kind is not None:
            if left.name != "Array" or kind.name != "Array":
                raise type_mismatch(self.text, after, after + 1, left, kind)
        elif self.check and left is not None and left.name not in ("Bool", "Array"):
            raise type_mismatch(self.text, after, after + 1, left, left)
        group.items.append(node)

    def operand(self, at: int, depth: int) -> tuple[Expr, Kind, int]:
        """Any number of `not`s before a group in parentheses or a comparison."""
        text = self.text
        negations: list[tuple[int, str]] = []
        node: Expr
        kind: Kind
        while True:
            found = _head(text, at)
            if found is None:
                node, kind, after = self.comparison(at, depth)
                break
            head = found.lastgroup
            if head == "always":
                node, kind, after = Always(found[0] == "true", Span(at, found.end())), BOOL, found.end()
                break
            if head == "quantifier":
                call, kind, after = self.quantifier(found["quantifier"], at, depth)
                node = Test(call, call.span)
                break
            if depth >= MAX_DEPTH:
                raise too_deep(text, at, MAX_DEPTH)
            depth += 1
            if head == "open":
                node, kind, after = self.logical(found.end(), depth)
                after = self._close(after)
                _wrap(node, at, after)
                break
            negations.append((at, found["not"]))
            at = found.end()
        for start, symbol in reversed(negations):
            node = Not(node, symbol, Span(start, after))
        return node, kind, after

    def _close(self, at: int) -> int:
        """The position after `)`, blanks before it skipped."""
        at = self._skip(at)
        if not self.text.startswith(")", at):
            raise expected_literal(self.text, at, ")")
        return at + 1

    def _skip(self, at: int) -> int:
        found: re.Match[str] | None = after_spaces(self.text, at)
        assert found is not None
        return found.end()

    def quantifier(self, name: str, at: int, depth: int) -> tuple[Call, Kind, int]:
        """`any(…)` and `all(…)`: one argument, an array of Booleans."""
        text = self.text
        opening = self._skip(at + len(name))
        if depth >= MAX_DEPTH:
            raise too_deep(text, opening, MAX_DEPTH)
        start = self._skip(opening + 1)
        argument, kind, _, after = self.argument(start, depth + 1)
        if self.check and kind != BOOL_ARRAY:
            assert kind is not None
            raise type_mismatch(text, start, after, BOOL_ARRAY, kind)
        after = self._close(after)
        return Call(name, (argument,), Span(at, after)), BOOL, after

    def comparison(self, at: int, depth: int) -> tuple[Expr, Kind, int]:
        """A value with an operator and its right side, or a Boolean value alone."""
        value, kind, each, after = self.value(at, depth)
        return self.compared(value, kind, each, after, depth)

    def compared(self, left: Value, kind: Kind, each: int, at: int, depth: int) -> tuple[Expr, Kind, int]:
        """What follows a value that has been read."""
        text = self.text
        assert left.span is not None
        start = left.span.start
        if not self.check:
            return self._compared_loosely(left, kind, at, depth)
        assert kind is not None
        if kind == BOOL:
            return Test(left, Span(start, at)), BOOL_ARRAY if each else BOOL, at
        if kind.item == BOOL:
            if each:
                raise unsupported(text, at, at, array(array(BOOL)))
            return Test(left, Span(start, at)), kind, at
        found = _comparison(text, at)
        if found is None:
            raise expected_name(text, self._skip(at), "ComparisonOp")
        symbol = found[1]
        operator = _OPERATORS[symbol]
        right, after = self._right(kind, operator, found, depth)
        node = Comparison(left, operator, right, symbol, Span(start, after))
        return node, BOOL_ARRAY if each else BOOL, after

    def _right(self, kind: Type, operator: Operator, found: re.Match[str], depth: int) -> tuple[Right, int]:
        at = found.end()
        if kind in _LITERALS:
            if operator == "in":
                return self._members(kind, at)
            if operator in _ORDERING:
                return self._operand_right(kind, at, depth)
            if kind == INT and operator == "bitwise_and":
                after, node = literals.INTEGER.parseImpl(self.text, at)
                return node, after
            if kind == BYTES and operator != "bitwise_and":
                return self._string_right(operator, at)
        raise unsupported(self.text, found.start(1), found.end(1), kind)

    def _members(self, kind: Type, at: int) -> tuple[Set | ListName, int]:
        text = self.text
        if text.startswith("$", at):
            after, name = literals.LIST.parseImpl(text, at)
            return name, after
        if not text.startswith("{", at):
            raise expected_literal(text, at, "{")
        item = _ITEMS[kind].parseImpl
        items: list[Any] = []
        after = self._skip(at + 1)
        while not text.startswith("}", after):
            after, node = item(text, after)
            items.append(node)
            after = self._skip(after)
        return Set(tuple(items), Span(at, after + 1)), after + 1

    def _operand_right(self, kind: Type, at: int, depth: int) -> tuple[Right, int]:
        """A literal, or else the value of another field or a function's result."""
        text = self.text
        name = _name(text, at)
        if name is None or (name[0] not in self.fields and name[0] not in self.functions):
            try:
                after, node = _LITERALS[kind].parseImpl(text, at)
            except Rejected:
                if name is None or _LITERAL_BEGUN.match(text, at):
                    raise
            else:
                return node, after
        value, actual, each, after = self.value(at, depth)
        if each and actual is not None:
            actual = array(actual)
        if self.check and actual != kind:
            assert actual is not None
            raise type_mismatch(text, at, after, kind, actual)
        return value, after

    def _string_right(self, operator: Operator, at: int) -> tuple[Right, int]:
        text = self.text
        if operator == "contains":
            after, node = literals.STRING.parseImpl(text, at)
            return node, after
        after, value = (regex_literal if operator == "matches" else wildcard_literal)(text, at)
        return Pattern(value, text[at:after], Span(at, after)), after

    # --- values ---

    def value(self, at: int, depth: int) -> tuple[Value, Kind, int, int]:
        """A field or a call with its indexes; besides, how many `[*]` are among them."""
        text = self.text
        found = _name(text, at)
        if found is None:
            raise expected_name(text, at, "identifier character")
        name, after = found[0], found.end()
        if text.startswith(".", after):
            raise expected_name(text, after + 1, "identifier character")
        value: Value
        kind: Kind = self.fields.get(name)
        if kind is not None:
            value = Field(name, Span(at, after))
        elif name in self.functions and name not in ("any", "all"):
            value, kind, after = self.call(self.functions[name], name, at, after, depth)
        elif self.check:
            raise Rejected(text, at, after, "unknown-identifier", "unknown identifier")
        elif text.startswith("(", self._skip(after)):
            value, kind, after = self.call(None, name, at, after, depth)
        else:
            value = Field(name, Span(at, after))
        each = indexes = 0
        while text.startswith("[", after):
            indexes += 1
            if indexes > MAX_DEPTH:  # only where types, which end sooner, are not looked at
                raise too_deep(text, after, MAX_DEPTH)
            key, opening = None, after
            found = _index(text, after)
            if found is None:
                key, after = self._index(after)
            else:
                after = found.end()
                if found[3]:
                    key = int(found[3])
                elif found[1] is None:
                    quote = found.start(2) - 1
                    key = String(found[2].encode(), text[quote : found.end(2) + 1], Span(quote, found.end(2) + 1))
            each += key is None
            kind = self._element(kind, key, opening, after)
            value = Index(value, key, Span(at, after))
        return value, kind, each, after

    def _index(self, at: int) -> tuple[int | String | None, int]:
        """An index that is not of the usual form."""
        text = self.text
        start = self._skip(at + 1)
        key: int | String | None
        if text.startswith("*", start):
            key, after = None, start + 1
        elif text.startswith('"', start):
            after, key = literals.STRING.parseImpl(text, start)
            assert isinstance(key, String)
            try:
                key.value.decode()
            except UnicodeDecodeError:
                raise expected_literal(text, start, "expected utf8 string") from None
        else:
            try:
                after, number = literals.INTEGER.parseImpl(text, start)
            except Rejected:
                raise expected_literal(text, start, "expected quoted utf8 string or positive integer") from None
            key = number.value
            if not 0 <= number.value <= INDEX_MAX:
                raise expected_literal(text, start, "expected positive integer as index")
        after = self._skip(after)
        if not text.startswith("]", after):
            raise expected_literal(text, after, "]")
        return key, after + 1

    def _element(self, kind: Kind, key: int | String | None, start: int, end: int) -> Kind:
        if kind is None or not self.check:
            return kind.item if kind is not None else None
        fits = kind.item is not None and (key is None or kind.name == ("Map" if isinstance(key, String) else "Array"))
        if fits:
            return kind.item
        if key is None:
            index = "MapEach"
        elif isinstance(key, String):
            index = f"MapKey({rust_quoted(key.value.decode())})"
        else:
            index = f"ArrayIndex({key})"
        message = f"cannot access index {index} for type {kind}"
        raise Rejected(self.text, start, end, "bad-index", message)

    def call(self, function: FunctionInfo | None, name: str, start: int, at: int, depth: int) -> tuple[Call, Kind, int]:
        """The arguments of a function whose name has been read."""
        text = self.text
        at = self._skip(at)
        if depth >= MAX_DEPTH:
            raise too_deep(text, at, MAX_DEPTH)
        if not text.startswith("(", at):
            raise expected_literal(text, at, "(")
        at = self._skip(at + 1)
        arguments: list[Argument] = []
        kinds: list[Type] = []
        mapped = False
        while at < len(text) and text[at] != ")":
            if arguments:
                if text[at] != ",":
                    raise expected_literal(text, at, ",")
                at = self._skip(at + 1)
            argument, kind, each, after = self.argument(at, depth + 1)
            if self.check:
                assert function is not None
                assert kind is not None
                self._check_argument(function, argument, kind, each, (at, after), kinds)
                kinds.append(kind)
            elif kind is not None:
                kinds.append(kind)
            mapped = mapped or (each > 0 and not arguments)
            arguments.append(argument)
            at = self._skip(after)
        if self.check and function is not None and len(arguments) < function.min_arguments:
            raise _bad_count(text, at)
        if at >= len(text):
            raise expected_literal(text, at, ")")
        call = Call(name, tuple(arguments), Span(start, at + 1))
        result = scheme.result_type(function, kinds[0] if kinds else None, mapped=mapped) if function else None
        return call, result, at + 1

    def _check_argument(
        self,
        function: FunctionInfo,
        argument: Argument,
        kind: Type,
        each: int,
        place: tuple[int, int],
        kinds: list[Type],
    ) -> None:
        text, (start, end), index = self.text, place, len(kinds)
        if each and index:
            message = "invalid use of map each access operator"
            raise Rejected(text, start, end, "each-not-first", message)
        if function.param(index) is None:
            raise _bad_count(text, start)
        literal = isinstance(argument, scheme.LITERALS)
        fault = scheme.argument_fault(function, index, argument, kind, literal=literal, given=kinds)
        if fault is not None:
            raise Rejected(text, start, end, fault.code, fault.message)

    def argument(self, at: int, depth: int) -> tuple[Argument, Kind, int, int]:
        """A literal, a value or an expression; besides, how many `[*]` are behind a value's name."""
        text = self.text
        mark = text[at : at + 1]
        if mark == '"' or (mark == "r" and text[at + 1 : at + 2] in ("#", '"')):
            after, node = literals.STRING.parseImpl(text, at)
            return node, BYTES, 0, after
        found = _head(text, at)
        if found is not None and found.lastgroup != "always":
            expression, kind, after = self.logical(at, depth)
            if isinstance(expression, Test) and not expression.parens:
                return expression.value, kind, 0, after
            return expression, kind, 0, after
        if _field_argument(text, at):
            value, kind, each, after = self.value(at, depth)
        else:  # a name of hexadecimal digits at its beginning, or a literal
            try:
                value, kind, each, after = self._name_or_literal(at, depth)
            except Rejected:
                return self._literal_argument(at)
        if _comparison(text, after):
            comparison, kind, after = self.compared(value, kind, each, after, depth)
            return comparison, kind, 0, after
        return value, kind, each, after

    def _name_or_literal(self, at: int, depth: int) -> tuple[Value, Kind, int, int]:
        if not self.check:
            found = _name(self.text, at)
            if found is None or (
                found[0] not in self.fields and found[0] not in self.functions and _literal_end(self.text, at)
            ):
                raise unrecognised(self.text, at)
        return self.value(at, depth)

    def _literal_argument(self, at: int) -> tuple[Argument, Kind, int, int]:
        for kind in (IP, INT, BYTES):
            try:
                after, node = _LITERALS[kind].parseImpl(self.text, at)
            except Rejected:
                continue
            return node, kind, 0, after
        raise unrecognised(self.text, at)

    # --- syntax alone ---

    def _compared_loosely(self, left: Value, kind: Kind, at: int, depth: int) -> tuple[Expr, Kind, int]:
        """As `compared`, but anything may stand beside anything."""
        text = self.text
        assert left.span is not None
        start = left.span.start
        found = _comparison(text, at)
        if found is None or _logical(text, at):  # `&&` is no bitwise operator
            return Test(left, Span(start, at)), None, at
        operator = _OPERATORS[found[1]]
        right: Right
        if kind in _LITERALS:
            try:
                right, after = self._right(kind, operator, found, depth)
            except Rejected:
                if kind == BYTES and text.startswith('"', found.end()):  # a string in any case
                    raise
                right, after = self._right_loosely(operator, found.end(), depth)
        else:
            right, after = self._right_loosely(operator, found.end(), depth)
        return Comparison(left, operator, right, found[1], Span(start, after)), None, after

    def _right_loosely(self, operator: Operator, at: int, depth: int) -> tuple[Right, int]:
        text = self.text
        if operator in ("matches", "wildcard", "strict wildcard"):
            return self._string_right(operator, at)
        if operator != "in":
            return self._any_literal(at, depth)
        if text.startswith("$", at):
            return self._members(BYTES, at)
        if not text.startswith("{", at):
            raise expected_literal(text, at, "{")
        for kind in (INT, IP):
            try:
                return self._members(kind, at)
            except Rejected:
                continue
        return self._members(BYTES, at)

    def _any_literal(self, at: int, depth: int) -> tuple[Right, int]:
        text = self.text
        name = _name(text, at)
        known = name is not None and (name[0] in self.fields or name[0] in self.functions)
        if not known:
            if text[at : at + 1] == '"' or re.compile(r'r#*"').match(text, at):
                after, node = literals.STRING.parseImpl(text, at)
                return node, after
            if _NUMBER.match(text, at):
                after, node = literals.INTEGER.parseImpl(text, at)
                return node, after
            for token in (literals.ADDRESS, literals.STRING):
                try:
                    after, node = token.parseImpl(text, at)
                except Rejected:
                    continue
                return node, after
        value, _, _, after = self.value(at, depth)
        return value, after


def _literal_end(text: str, at: int) -> bool:
    """Whether a number, an address or a byte string begins here."""
    if _NUMBER.match(text, at):
        return True
    for token in (literals.ADDRESS, literals.STRING):
        try:
            token.parseImpl(text, at)
        except Rejected:
            continue
        return True
    return False


def _bad_count(text: str, at: int) -> Rejected:
    return Rejected(text, at, at + 1, "argument-count", "invalid number of arguments")


class _Whole(Token):
    """The text from its first to its last character."""

    def __init__(self, *, check: bool) -> None:
        super().__init__()
        self.check = check
        self.leave_whitespace()
        self.parse_with_tabs()

    def _generateDefaultName(self) -> str:  # noqa: N802 - named by pyparsing
        return type(self).__name__


class FilterExpression(_Whole):
    """A whole expression, true or false."""

    def parseImpl(self, instring: str, loc: int, do_actions: bool = True) -> tuple[int, Any]:  # noqa: N802
        """The position after the expression, and its root."""
        start = first_character(instring)
        root, kind, after = Reader(instring, check=self.check).logical(start, 0)
        if self.check and kind is not None and kind != BOOL:
            raise type_mismatch(instring, after, after + 1, BOOL, kind)
        if after < len(instring):
            raise unrecognised(instring, after)
        return after, root


class ValueExpression(_Whole):
    """A whole value: what an action may compute."""

    def parseImpl(self, instring: str, loc: int, do_actions: bool = True) -> tuple[int, Any]:  # noqa: N802
        """The position after the value, and the node."""
        start = first_character(instring)
        value, kind, each, after = Reader(instring, check=self.check).value(start, 0)
        if self.check and each and kind is not None:
            raise type_mismatch(instring, start, after, kind, array(kind))
        if after < len(instring):
            raise unrecognised(instring, after)
        return after, value


_WHITE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_LEADING = re.compile(f"[{_WHITE}]*+")


def first_character(text: str) -> int:
    """The position of the first character that is no white space of any kind."""
    found = _LEADING.match(text)
    assert found is not None
    return found.end()


def trimmed(text: str) -> str:
    """The text without white space at its end; what is before it keeps its place."""
    return text.rstrip(_WHITE)


FILTER = {check: FilterExpression(check=check) for check in (True, False)}
VALUE = {check: ValueExpression(check=check) for check in (True, False)}
