"""Writing and rewriting one row for the builder: a first row for a field, another operator, another field."""

from __future__ import annotations

from dataclasses import replace

from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import FIELDS, OPERATORS, BuilderOperator
from mtls_tui.lang.describe import choice_of, describe, opposite
from mtls_tui.lang.edit import Edit, EditResult, Refusal, replace_part, replace_row
from mtls_tui.lang.formatter import format_node, quote, raw_quote
from mtls_tui.lang.splice import row_path, with_text
from mtls_tui.lang.tree import Node, Path, node_at, source
from mtls_tui.lang.types import BOOL, BYTES, INT, IP, Type

EMPTY = {BYTES: '""', INT: "0", IP: "192.0.2.1"}
"""The literal that a new row of a type starts with (the address is one for documentation, RFC 5737)."""


def clause_text(subject: str, choice: BuilderOperator, right: str) -> str:
    """A row as the builder writes it, from the texts of its two sides."""
    text = f"{choice.function}({subject}, {right})" if choice.function else f"{subject} {choice.operator} {right}"
    return f"not {text}" if choice.negated else text


def first_clause(field: str) -> str:
    """A valid row to begin with for a field, with an empty value: what "add a row" puts in.

    Raises KeyError if there is no such field.
    """
    info = FIELDS[field]
    subject, kind = field, info.type
    if kind.name == "Map":
        assert kind.item is not None
        subject, kind = f'{subject}["name"]', kind.item
    stars = 0
    while kind.name == "Array":
        assert kind.item is not None
        subject, kind, stars = f"{subject}[*]", kind.item, stars + 1
    if kind == BOOL:
        return f"any({subject})" if stars else subject
    text = f"{subject} eq {EMPTY[kind]}"
    return f"any({text})" if stars else text


def change_operator(
    expression: ast.Expression, path: Path, choice: BuilderOperator, right: str | None = None
) -> EditResult:
    """The row at `path` with another operator of the builder; its value is kept as far as the operator can take it.

    `right` is the text of the new right side where the caller knows better. The builder's words are exchanged and
    nothing else: a `not` that stands before the row stays, and one that is said by the words ("is not in") goes with
    them. The words that the row has already leave it as it is written.
    """
    expression = with_text(expression)
    path = row_path(expression, path)
    row = describe(node_at(expression, path))  # type: ignore[arg-type]
    if row.subject_path is None or (row.quantifier and choice.negated):
        return Refusal("this row has no operator to choose")
    subject = source(expression, path + row.subject_path)
    below = path + row.clause_path
    said = not row.quantifier and negation_is_said(expression, below)
    if right is None and row.choice is not None and choice == (opposite(row.choice) if said else row.choice):
        return Edit(expression, path)
    if right is None:
        value = node_at(expression, path + row.value_path) if row.value_path is not None else None
        right = _converted(value, choice, subject)
    if right is None:
        return Refusal("choose a list first")
    if said and not choice.negated:
        below = below[:-1]
    new = replace(choice, negated=choice.negated and not said)
    done = replace_row_inside(expression, below, clause_text(subject, new, right))
    return replace(done, path=path) if isinstance(done, Edit) else done


def negation_is_said(expression: ast.Expression, path: Path) -> bool:
    """Whether the clause at `path` has a `not` right before it that the builder says in words ("is not in")."""
    clause = node_at(expression, path)
    if (
        not path
        or not isinstance(node_at(expression, path[:-1]), ast.Not)
        or not isinstance(clause, ast.Comparison | ast.Test)
    ):
        return False
    choice = choice_of(clause)
    return choice is not None and opposite(choice) is not None


def replace_row_inside(expression: ast.Expression, path: Path, text: str) -> EditResult:
    """Another row in the place of this one, within the parentheses that it has."""
    parens = node_at(expression, path).parens  # type: ignore[union-attr]
    return replace_row(expression, path, "(" * parens + text + ")" * parens)


def change_field(expression: ast.Expression, path: Path, field: str) -> EditResult:
    """The row at `path` about another field; its operator and value stay when the types agree, else it starts empty."""
    expression = with_text(expression)
    path = row_path(expression, path)
    row = describe(node_at(expression, path))  # type: ignore[arg-type]
    if field not in FIELDS:
        return Refusal(f"there is no field `{field}`")
    if row.subject_path is not None:
        subject = path + row.subject_path
        node, below = node_at(expression, subject), subject
        while isinstance(node, ast.Index):
            node, below = node.base, (*below, 0)
        if isinstance(node, ast.Field):
            old = FIELDS.get(node.name)
            if old and old.type == FIELDS[field].type:
                return replace_part(expression, below, field)
    clause = path + row.clause_path
    while clause and not _whole_row(expression, path, clause):
        clause = clause[:-1]
    return replace_row_inside(expression, clause, first_clause(field))


def _whole_row(expression: ast.Expression, path: Path, clause: Path) -> bool:
    """Whether only `not`s stand between the row and the clause (and no call)."""
    return all(isinstance(node_at(expression, clause[:depth]), ast.Not) for depth in range(len(path), len(clause)))


def _converted(value: Node | None, choice: BuilderOperator, subject: str) -> str | None:
    """The old right side in the form that the new operator takes; None when there is no such form."""
    if choice.form == "list":
        return format_node(value) if isinstance(value, ast.ListName) else None
    if choice.form == "set":
        if isinstance(value, ast.Set):
            return format_node(value)
        return f"{{{_literal(value, choice, subject)}}}"
    dynamic = isinstance(value, ast.Field | ast.Index | ast.Call)
    if dynamic and value is not None and not choice.function and OPERATORS[choice.operator].dynamic_right:
        return format_node(value)
    if choice.operator == "matches":
        return format_node(value) if isinstance(value, ast.Pattern) and value.text.startswith("r") else _raw(value)
    return _literal(value, choice, subject)


def _raw(value: Node | None) -> str:
    first = _first(value)
    try:
        return raw_quote(first.value if isinstance(first, ast.String | ast.Pattern) else b"")
    except ValueError:
        return 'r""'


def _first(value: Node | None) -> Node | None:
    if isinstance(value, ast.Set):
        return value.items[0] if value.items else None
    return value


def _literal(value: Node | None, choice: BuilderOperator, subject: str) -> str:
    first = _first(value)
    if isinstance(first, ast.Range):
        first = first.first
    match first:
        case ast.Pattern(value=content):
            return quote(content)
        case ast.Network(value=network):
            return str(network.network_address)
        case ast.String() | ast.Integer() | ast.Address():
            return first.text
        case _:
            return EMPTY.get(_subject_type(subject, choice), '""')


def _subject_type(subject: str, choice: BuilderOperator) -> Type:
    info = FIELDS.get(subject)
    return info.type if info and info.type in EMPTY else choice.types[0]
