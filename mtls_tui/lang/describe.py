"""Expressions in the words of the dashboard's builder: "Hostname is in …", "Client certificate verified".

Every row can be described, also those that the dashboard can't show: functions keep their names, `[*]` and dynamic
right sides are written out. Texts are plain: showing control characters safely is up to who draws them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import BUILDER, FIELDS, BuilderOperator
from mtls_tui.lang.formatter import format_node
from mtls_tui.lang.tree import EXPRESSIONS, Node, Path

_QUANTIFIERS = ("any", "all")


@dataclass(frozen=True, slots=True)
class RowDescription:
    """One row of the builder in words, and where its parts are, as paths from the described node.

    `subject` is what is looked at, `operator` the builder's label ("" for a Boolean that stands alone), `value` the
    right side. `negated` tells of a `not` before it, which `operator` leaves out; `choice` is the builder's entry.
    """

    subject: str
    operator: str = ""
    value: str = ""
    negated: bool = False
    quantifier: str = ""
    """`any` or `all` when the row looks at every element of an array."""
    choice: BuilderOperator | None = None
    clause_path: Path = ()
    subject_path: Path | None = None
    value_path: Path | None = None

    @property
    def words(self) -> str:
        """The row as one sentence, with the builder's negative label where there is one."""
        operator, prefix = self.operator, ""
        if self.negated:
            other = opposite(self.choice) if self.choice and not self.quantifier else None
            if other:
                operator = other.label
            else:
                prefix = "not"
        return " ".join(part for part in (prefix, self.quantifier, self.subject, operator, self.value) if part)


def describe(node: ast.Expr) -> RowDescription:
    """A row in words. A group also gets one line (its heading); its items are rows of their own."""
    path: Path = ()
    negated = False
    while isinstance(node, ast.Not):
        node, path, negated = node.item, (*path, 0), not negated
    match node:
        case ast.Logical():
            return RowDescription(heading(node), negated=negated, clause_path=path)
        case ast.Always():
            return RowDescription("always" if node.value else "never", negated=negated, clause_path=path)
        case ast.Comparison():
            return _comparison(node, path, negated)
        case ast.Test():
            return _test(node, path, negated)


def heading(node: ast.Logical) -> str:
    """What a group asks for: "all of", "any of", "one of" (xor of two), "an odd number of" (xor of more)."""
    if node.operator == "xor":
        return "one of" if len(node.items) == 2 else "an odd number of"
    return "all of" if node.operator == "and" else "any of"


def sentence(node: ast.Expr | ast.Expression) -> str:
    """A whole expression in words, groups in parentheses."""
    if isinstance(node, ast.Expression):
        node = node.root
    if isinstance(node, ast.Logical):
        parts = (f"({sentence(item)})" if isinstance(item, ast.Logical) else sentence(item) for item in node.items)
        return f" {node.operator} ".join(parts)
    if isinstance(node, ast.Not) and isinstance(node.item, ast.Logical):
        return f"not ({sentence(node.item)})"
    return describe(node).words


def label(node: Node) -> str:
    """A value or literal in words: fields by their names in the builder, the rest as the language writes it."""
    match node:
        case ast.Field(name=name):
            info = FIELDS.get(name)
            return info.label if info else name
        case ast.Index(base=base, key=key):
            inner = "*" if key is None else key.text if isinstance(key, ast.String) else str(key)
            return f"{label(base)}[{inner}]"
        case ast.Call(name=name, arguments=arguments):
            return f"{name}({', '.join(_argument(argument) for argument in arguments)})"
        case _:
            return format_node(node)


def value_text(node: Node) -> str:
    """The right side of a row: literals without quotes where that is clear, items of a set after commas."""
    match node:
        case ast.Set(items=items):
            return ", ".join(value_text(item) for item in items) or "(nothing)"
        case ast.String(value=value, text=text) | ast.Pattern(value=value, text=text):
            return _plain(value) or text
        case ast.Integer() | ast.Address() | ast.Network() | ast.Range() | ast.ListName():
            return format_node(node)
        case _:
            return label(node)


def choice_of(node: ast.Comparison | ast.Test) -> BuilderOperator | None:
    """The (positive) entry of the builder's operator list that a row has; None where the dashboard has none."""
    if isinstance(node, ast.Comparison):
        form = "" if node.operator != "in" else "list" if isinstance(node.right, ast.ListName) else "set"
        return _choices().get((node.operator, form))
    call = node.value
    if isinstance(call, ast.Call) and len(call.arguments) == 2:
        return _choices().get((call.name, "()"))
    return None


def _comparison(node: ast.Comparison, path: Path, negated: bool, quantifier: str = "") -> RowDescription:
    choice = choice_of(node)
    return RowDescription(
        subject=label(node.left),
        operator=choice.label if choice else node.operator,
        value=value_text(node.right),
        negated=negated,
        quantifier=quantifier,
        choice=choice,
        clause_path=path,
        subject_path=(*path, 0),
        value_path=(*path, 1),
    )


def _test(node: ast.Test, path: Path, negated: bool, quantifier: str = "") -> RowDescription:
    value = node.value
    choice = choice_of(node)
    if choice and isinstance(value, ast.Call):
        first, second = value.arguments
        return RowDescription(
            subject=_argument(first),
            operator=choice.label,
            value=value_text(second),
            negated=negated,
            quantifier=quantifier,
            choice=choice,
            clause_path=path,
            subject_path=(*path, 0, 0),
            value_path=(*path, 0, 1),
        )
    if isinstance(value, ast.Call) and value.name in _QUANTIFIERS and len(value.arguments) == 1 and not quantifier:
        inner, below = value.arguments[0], (*path, 0, 0)
        if isinstance(inner, ast.Comparison):
            return _comparison(inner, below, negated, value.name)
        if isinstance(inner, ast.Test):
            return _test(inner, below, negated, value.name)
    return RowDescription(
        label(value), negated=negated, quantifier=quantifier, clause_path=path, subject_path=(*path, 0)
    )


def _argument(node: Node) -> str:
    return sentence(node) if isinstance(node, EXPRESSIONS) else label(node)


def _plain(value: bytes) -> str:
    """The text of these bytes when it can stand without quotes, else ""."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return ""
    return text if text.isprintable() and text.strip() == text and ", " not in text else ""


@lru_cache(maxsize=1)
def _choices() -> dict[tuple[str, str], BuilderOperator]:
    return {
        (info.function, "()") if info.function else (info.operator, info.form): info
        for info in BUILDER.values()
        if not info.negated
    }


def opposite(choice: BuilderOperator) -> BuilderOperator | None:
    """The entry that writes `not` before what this one writes."""
    for info in BUILDER.values():
        same = (info.operator, info.function, info.form) == (choice.operator, choice.function, choice.form)
        if same and info.negated:
            return info
    return None
