"""The terminals of the language, and what operators are called."""

from __future__ import annotations

import re

from mtls_tui.lang.ast import LogicalOperator, Operator

_S = r"[ \r\n]*+"
NAME = re.compile(r"[A-Za-z0-9_]++(?:\.[A-Za-z0-9_]++){0,1000}")  # no name has more parts
COMPARISON = re.compile(
    _S + r"(in|eq|==|ne|!=|ge|>=|le|<=|gt|>|lt|<|&|bitwise_and|contains|~|matches|wildcard|strict wildcard)" + _S
)
LOGICAL = re.compile(_S + r"(or|\|\||xor|\^\^|and|&&)" + _S)
HEAD = re.compile(
    r"(?P<open>\()" + _S + r"|(?P<not>not|!)" + _S + r"|(?P<quantifier>any|all)(?=" + _S + r"\()"
    r"|(?P<always>true|false)(?![A-Za-z0-9_.])"
)
"""What an operand can begin with, but for a name."""
INDEX = re.compile(r"\[" + _S + r'(?:(\*)|"([^"\\]*+)"|(0|[1-9][0-9]{0,8}(?![0-9A-Fa-f])))' + _S + r"\]")
"""The usual index; any other is read step by step."""
FIELD_ARGUMENT = re.compile(r"[0-9A-Za-z_]{0,2}[G-Zg-z_]")
"""An argument that can't be a number, an address or a byte string."""
LITERAL_BEGUN = re.compile(r'[0-9]|r[#"]|[0-9A-Fa-f]{1,4}[:-]')
"""What is judged as a literal and not as a name, where both may stand."""

WHITE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""White space of any kind, which counts only around the whole text."""
LEADING = re.compile(f"[{WHITE}]*+")

OPERATORS: dict[str, Operator] = {
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
ORDERING = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})
JOINS: dict[str, tuple[int, LogicalOperator]] = {
    "or": (1, "or"),
    "||": (1, "or"),
    "xor": (2, "xor"),
    "^^": (2, "xor"),
    "and": (3, "and"),
    "&&": (3, "and"),
}
"""Strength and name of the operators that join; the strongest binds tightest."""
