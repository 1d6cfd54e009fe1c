"""Groups and rules that match nothing, or everything."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import Context
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.analysis.logic import Problem, TooHard, atoms
from mtls_tui.engine.model import Rule
from mtls_tui.lang import ast

MAX_ATOMS = 60
"""Clauses of one group; larger ones are not judged."""
MAX_WORK = 10_000
"""What one group, or one pair of rules, may cost; most cost a hundred."""


def find_never(context: Context) -> Iterator[Hit]:
    """The outermost groups that no request can satisfy."""
    return _find(context, True, "no request can satisfy this: its parts exclude each other", "one of them is too much")


def find_always(context: Context) -> Iterator[Hit]:
    """The outermost groups that every request satisfies."""
    return _find(
        context, False, "every request satisfies this: its parts leave nothing out", "was `and` meant for `or`?"
    )


def _find(context: Context, wanted: bool, message: str, hint: str) -> Iterator[Hit]:
    for rule in context.rules:
        for node in _constant(rule.expression.root, context, wanted):
            yield Hit(rule, node, message, hint)


def _constant(node: ast.Expr, context: Context, wanted: bool) -> Iterator[ast.Expr]:
    """The outermost nodes that are never `wanted`."""
    if isinstance(node, ast.Always):
        return
    if not _possible(node, context, wanted):
        yield node
        return
    if isinstance(node, ast.Not):
        yield from _constant(node.item, context, wanted)
    elif isinstance(node, ast.Logical):
        for item in node.items:
            if isinstance(item, ast.Logical | ast.Not):
                yield from _constant(item, context, wanted)


def _possible(node: ast.Expr, context: Context, wanted: bool) -> bool:
    found = list(atoms(node))
    if len(found) > MAX_ATOMS:
        return True
    if len(found) == 1 and not _empty(found[0]):
        return True
    try:
        return Problem([node], context.lists, max_work=MAX_WORK).possible(
            lambda evaluate: None if (truth := evaluate(node)) is None else truth is wanted
        )
    except TooHard:
        return True


def _empty(atom: ast.Expr) -> bool:
    return isinstance(atom, ast.Comparison) and isinstance(atom.right, ast.Set) and not atom.right.items


def implies(rule: Rule, other: Rule, context: Context) -> bool:
    """Whether every request that matches one rule matches the other, as far as that can be proved."""
    first, second = rule.expression.root, other.expression.root
    if first == second:
        return True
    if len(list(atoms(first))) + len(list(atoms(second))) > MAX_ATOMS:
        return False
    try:
        problem = Problem([first, second], context.lists, max_work=MAX_WORK)
        return not problem.possible(lambda evaluate: _outside(evaluate(first), evaluate(second)))
    except TooHard:
        return False


def _outside(inner: bool | None, outer: bool | None) -> bool | None:
    if inner is False or outer is True:
        return False
    return True if inner is True and outer is False else None


NEVER = Check(
    "never-matches",
    "warning",
    "A rule, or a part of it, matches no request",
    "Two parts that exclude each other are joined by `and`, such as two host names, or a certificate that is "
    "verified and "
    "not presented.",
    'http.host eq "a.example.com" and http.host eq "b.example.com"',
    'http.host in {"a.example.com" "b.example.com"}',
    find_never,
)

ALWAYS = Check(
    "always-matches",
    "warning",
    "A rule, or a part of it, matches every request",
    "Parts that together leave nothing out are joined by `or`: whatever the host is, it differs from one of "
    "two names. (To "
    "match everything on purpose write `true`.)",
    'http.host ne "a.example.com" or http.host ne "b.example.com"',
    'not http.host in {"a.example.com" "b.example.com"}',
    find_always,
)
