"""From a syntax tree to Python source and the constants that it refers to.

No name, literal or pattern of the expression ever becomes part of the source: it consists of fixed words of this
module and of numbered names (`k0`, `k1`, …) that stand for constants. So expressions of one shape share one source,
which is compiled once, and no text can change what the source does.

Every condition is generated as an expression that gives exactly True or False (None for unknown in three-valued
code); every value gives None when it is missing. Deep trees are cut into functions of their own, so that neither
Python's parser nor its compiler meets its nesting limits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import Any

from mtls_tui.engine import regex, runtime, sets
from mtls_tui.engine.fields_of import default_of, fields_of, is_mapped, names_of
from mtls_tui.engine.functions import function_named
from mtls_tui.engine.types_of import CLASSES_OR_NONE, kind_of
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import FIELDS

_CUT_AT = 12
"""Nesting at which a part becomes a function of its own."""
_ORDER = {"lt": ("<", "below"), "le": ("<=", "at_most"), "gt": (">", "above"), "ge": (">=", "at_least")}
_EQUALITY = {"eq": ("==", "same"), "ne": ("!=", "differs")}
_MARK = re.compile(r"@(\d+)")
"""Stands for the value of a field, by its number, until it is clear whether a variable holds it."""
_CLASS_NAMES = {"Bytes": "bytes", "Int": "int", "Bool": "bool"}
_PLAIN_DEFAULTS = {b"": "b''", False: "False"}


_COMPARABLE = (bytes, int, str, frozenset, tuple)


@lru_cache(maxsize=4096)
def _code(source: str) -> CodeType:
    return compile(source, "<rule>", "exec", dont_inherit=True, optimize=0)


def generate(
    expression: ast.Expression, lists: sets.Lists | None = None, unknown: frozenset[str] = frozenset()
) -> Callable[[Any], Any]:
    """The function of an expression; with `unknown` (canonical names of fields), three-valued.

    Raises `ListError` for a list that is not among `lists`, `PatternError` for a pattern that can't be compiled.
    """
    generator = Generator(lists, unknown)
    return generator.build([f"return {generator.three(expression.root, 0)}"])


def generate_value(node: ast.Value, lists: sets.Lists | None = None) -> Callable[[Any], Any]:
    """The function that gives a value of a request, None when it is missing. Raises as `generate` does."""
    generator = Generator(lists)
    return generator.build([f"return {generator.value(node)}"])


class Generator:
    """Gathers constants and parts while expressions are written, and builds the function at the end."""

    def __init__(self, lists: sets.Lists | None, unknown: frozenset[str] = frozenset()) -> None:
        self.lists = lists
        self.unknown = unknown
        self.fields: dict[str, str] = {}
        """How the code reads its fields, by their canonical names, in order."""
        self.constants: list[Any] = []
        self.parts: list[str] = []
        self._numbers: dict[tuple[type, Any], int] = {}
        self._names: dict[str, Any] = dict(runtime.NAMES, __builtins__={})
        self._temporaries = 0

    def build(self, statements: list[str], parameters: str = "fields") -> Callable[..., Any]:
        """The function of `parameters` with these statements as its body."""
        exec(_code(self._source(statements, parameters)), self._names)  # noqa: S102 - see the head of the module
        matcher: Callable[..., Any] = self._names["make"](*self.constants)
        return matcher

    def key(self, statements: list[str]) -> tuple[Any, ...]:
        """Equal for two generators whose functions would do the same."""
        return self._source(statements, ""), tuple(self._numbers)

    def read_first(self, limit: int) -> list[str]:
        """Statements that read every field once, into variables that later statements use; none for many fields."""
        if len(self.fields) > limit:
            return []
        numbered = enumerate(self.fields.values())
        return [f"f{number} = {code}" for number, code in numbered]

    def _read(self, text: str) -> str:
        """The text with the values of fields in the places of their marks."""
        codes = list(self.fields.values())
        return _MARK.sub(lambda mark: codes[int(mark[1])], text)

    def in_variables(self, text: str) -> str:
        """The text with the variables of `read_first` in the places of the marks."""
        return _MARK.sub(r"f\1", text)

    def _source(self, statements: list[str], parameters: str) -> str:
        constants = ", ".join(f"k{number}" for number in range(len(self.constants)))
        parts = "".join(f"    def p{n}(fields):\n        return {self._read(t)}\n" for n, t in enumerate(self.parts))
        body = "".join(f"        {self._read(statement)}\n" for statement in statements)
        return f"def make({constants}):\n{parts}    def match({parameters}):\n{body}    return match\n"

    # --- names ---------------------------------------------------------------------------------------------------

    def constant(self, value: Any) -> str:
        """The name that stands for a constant; equal ones share one where that can be told."""
        key = (type(value), value if isinstance(value, _COMPARABLE) else id(value))
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.constants)
            self.constants.append(value)
        return f"k{number}"

    def name(self, name: str, value: Any) -> None:
        """Let the code use something more by a fixed name."""
        self._names[name] = value

    def type_check(self) -> str:
        """A condition that holds when some field may have a value of another class than its type wants."""
        checks = []
        for number, name in enumerate(self.fields):
            if name in FIELDS:
                kind = FIELDS[name].type.name
                if kind not in _CLASS_NAMES:
                    checks.append(f"@{number}.__class__ not in {self.constant(CLASSES_OR_NONE[kind])}")
                elif default_of(name) is None:
                    checks.append(f"(@{number}.__class__ is not {_CLASS_NAMES[kind]} and @{number} is not None)")
                else:
                    checks.append(f"@{number}.__class__ is not {_CLASS_NAMES[kind]}")
        return " or ".join(checks)

    def _temporary(self) -> str:
        self._temporaries += 1
        return f"t{self._temporaries}"

    def _part(self, text: str) -> str:
        """A call of a new function with this body."""
        self.parts.append(text)
        return f"p{len(self.parts) - 1}(fields)"

    # --- conditions: one truth value -------------------------------------------------------------------------------

    def _touches_unknown(self, node: ast.Expr | ast.Argument) -> bool:
        return bool(self.unknown) and not self.unknown.isdisjoint(fields_of(node))

    def three(self, node: ast.Expr, depth: int) -> str:
        """A condition that may be unknown: True, False or None."""
        if not self._touches_unknown(node):
            return self.condition(node, depth)
        match node:
            case ast.Not():
                return f"three_not({self.three(node.item, depth + 1)})"
            case ast.Logical():
                text = f"three_{node.operator}({', '.join(self.three(item, depth + 1) for item in node.items)})"
                return self._part(text) if depth and depth % _CUT_AT == 0 else text
        return "None"

    def condition(self, node: ast.Expr, depth: int) -> str:
        """A condition in parentheses where it needs them."""
        match node:
            case ast.Always():
                return "True" if node.value else "False"
            case ast.Not():
                text = f"(not {self.condition(node.item, depth + 1)})"
            case ast.Logical():
                word = " ^ " if node.operator == "xor" else f" {node.operator} "
                text = "(" + word.join(self.condition(item, depth + 1) for item in node.items) + ")"
            case ast.Test():
                text = self._test(node.value, depth + 1)
            case ast.Comparison():
                text = self._comparison(node, depth + 1)
        return self._part(text) if depth and depth % _CUT_AT == 0 else text

    def _test(self, value: ast.Value | ast.Argument, depth: int) -> str:
        if isinstance(value, ast.Call) and value.name in ("any", "all"):
            return self._quantifier(value, depth)
        return f"({self._value(value, depth)} is True)"

    def _quantifier(self, call: ast.Call, depth: int) -> str:
        argument = call.arguments[0]
        values = self._column(argument, depth + 1)
        return f"any({values} or ())" if call.name == "any" else f"all_of({values})"

    def _comparison(self, node: ast.Comparison, depth: int) -> str:
        left = self._value(node.left, depth)
        test = self._tester(node, depth)
        if test.total:
            return f"({test.text(left, test.right)})"
        name = self._temporary()
        return f"(({name} := {left}) is not None and {test.text(name, test.right)})"

    # --- columns: a truth value for every element -----------------------------------------------------------------

    def _column(self, node: ast.Argument, depth: int) -> str:
        """A list of truth values; None when a Boolean array itself is missing."""
        match node:
            case ast.Comparison():
                test = self._tester(node, depth)
                values = self._value(node.left, depth)
                once = f"for r in ({test.right},) " if test.right else ""
                return f"[{test.text('v', 'r')} {once}for v in {values} or ()]"
            case ast.Test():
                return self._value(node.value, depth)
            case ast.Not():
                text = f"[not v for v in {self._column(node.item, depth + 1)} or ()]"
            case ast.Logical():
                columns = ", ".join(f"({self._column(item, depth + 1)} or ())" for item in node.items)
                text = f"each_{node.operator}({columns})"
            case _:
                return self._value(node, depth)
        return self._part(text) if depth and depth % _CUT_AT == 0 else text

    # --- the right side ------------------------------------------------------------------------------------------

    def _tester(self, node: ast.Comparison, depth: int) -> _Tester:
        right, operator = node.right, node.operator
        match right:
            case ast.Set():
                return _Tester("{left} in " + self.constant(sets.of_set(right)), total=True)
            case ast.ListName():
                listed = sets.of_list(right.name, kind_of(node.left), self.lists)
                return _Tester("{left} in " + self.constant(listed), total=True)
            case ast.Pattern():
                if operator == "matches":
                    matcher = regex.searcher(right.value)
                else:
                    matcher = regex.wildcard(right.value, strict=operator == "strict wildcard")
                return _Tester(self.constant(matcher) + "({left})")
            case ast.String() | ast.Integer() | ast.Address():
                return self._literal_tester(operator, right)
        function = _EQUALITY[operator][1] if operator in _EQUALITY else _ORDER[operator][1]
        return _Tester(function + "({left}, {right})", self._value(right, depth), total=True)

    def _literal_tester(self, operator: ast.Operator, right: ast.Literal) -> _Tester:
        name = self.constant(right.value)
        if operator in _EQUALITY:
            return _Tester("{left} " + _EQUALITY[operator][0] + " " + name, total=operator == "eq")
        if operator == "contains":
            return _Tester(name + " in {left}")
        if operator == "bitwise_and":
            return _Tester("({left} & " + name + ") != 0")
        symbol, function = _ORDER[operator]
        if isinstance(right, ast.Address):
            return _Tester(function + "({left}, " + name + ")", total=True)
        return _Tester("{left} " + symbol + " " + name)

    # --- values --------------------------------------------------------------------------------------------------

    def value(self, node: ast.Value) -> str:
        """A value, None for missing; for one over `[*]` the list of its elements."""
        text = self._value(node, 0)
        return f"list({text})" if is_mapped(node) else text

    def _value(self, node: ast.Argument, depth: int) -> str:
        """An expression without assignments, as it may stand where Python allows none; None for missing.

        For a value over `[*]` it is the list of its elements.
        """
        match node:
            case ast.Field():
                return self._field(node)
            case ast.Index():
                text = self._index(node, depth + 1)
            case ast.Call():
                text = self._call(node, depth + 1)
            case ast.String() | ast.Integer() | ast.Address():
                return self.constant(node.value)
            case _:  # a whole expression as the argument of a function
                is_column = over_elements(node)
                return self._part(self._column(node, 0) if is_column else self.condition(node, 0))
        return self._part(text) if depth and depth % _CUT_AT == 0 else text

    def _field(self, node: ast.Field) -> str:
        """A mark that stands for the field, by its number."""
        names = names_of(node.name)
        if names[0] not in self.fields:
            self.fields[names[0]] = self._reading(names)
        return f"@{list(self.fields).index(names[0])}"

    def _reading(self, names: tuple[str, ...]) -> str:
        default = default_of(names[0])
        if len(names) > 1:
            return f"first_of(fields, {self.constant(names)}, {self.constant(default)})"
        key = self.constant(names[0])
        if default is None:
            return f"fields.get({key})"
        plain = _PLAIN_DEFAULTS.get(default) if isinstance(default, bytes | bool) else None
        return f"fields.get({key}, {plain or self.constant(default)})"

    def _index(self, node: ast.Index, depth: int) -> str:
        base = self._value(node.base, depth)
        several = is_mapped(node.base)
        if node.key is None:
            return f"flatten({base})" if several else f"each({base})"
        prefix = "pick_" if several else ""
        if isinstance(node.key, int):
            return f"{prefix}at({base}, {self.constant(node.key)})"
        return f"{prefix}key({base}, {self.constant(node.key.value)})"

    def _call(self, node: ast.Call, depth: int) -> str:
        if node.name in ("any", "all"):
            return self._part(self._quantifier(node, 0))
        function = self.constant(function_named(node.name))
        arguments = ", ".join(self._value(argument, depth) for argument in node.arguments)
        if node.arguments and is_mapped(node.arguments[0]):
            return f"mapped({function}, {arguments})"
        return f"{function}({arguments})"


def over_elements(node: ast.Argument) -> bool:
    """Whether an expression gives a truth value for every element rather than one."""
    match node:
        case ast.Comparison():
            return is_mapped(node.left)
        case ast.Not():
            return over_elements(node.item)
        case ast.Logical():
            return over_elements(node.items[0])
        case ast.Test():
            return kind_of(node.value) == "Array"
    return False


@dataclass(frozen=True, slots=True)
class _Tester:
    """Source of a comparison with its left side left open, and with a right side that is not a constant."""

    template: str
    right: str = ""
    total: bool = False
    """It is False for a missing left side by itself."""

    def text(self, left: str, right: str) -> str:
        return self.template.format(left=left, right=right)
