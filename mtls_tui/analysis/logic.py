"""Whether an assignment of values exists that makes rules say something: a bounded, complete search over few cases.

Clauses that look at one value (`http.host eq "a"`, `ip.src in {…}`) share a variable whose cases are all that the
clauses can tell apart; the three facts about a certificate are one variable with its four possible states; every other
clause is a variable of its own, true or false. Clauses that are in truth connected (two functions of one header, say)
count as free, so what is found may not exist, but **what is not found can't exist**: that makes "no assignment" a
proof. Knows no order of rules and no actions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from mtls_tui.analysis.cases import (
    MAX_CASES,
    MAX_MADE_NAMES,
    MISSING,
    OTHER,
    STAND_INS,
    WHOLE,
    HostNames,
    TooHard,
    Truth,
    Variable,
    cases_of,
    certificate_variable,
    is_certificate,
    is_host,
    kind_of,
    may_be_missing,
    subject_of,
)
from mtls_tui.engine.compile import Matcher
from mtls_tui.engine.fields_of import canonical_field, fields_of
from mtls_tui.engine.sets import Lists
from mtls_tui.lang import ast

__all__ = ["HostNames", "Problem", "Solution", "TooHard", "Truth", "atoms", "folded"]

HOST = ast.Field("http.host")
MAX_WORK = 200_000
"""Clauses that one search evaluates before it gives up: a second or so."""


@dataclass(frozen=True, slots=True)
class Solution:
    """What an assignment fixes: the truth of atoms, and the chosen case of variables by name."""

    truths: Mapping[ast.Expr, bool]
    cases: Mapping[str, Any]


class Problem:
    """Expressions over shared variables. `known` are field values that hold from the start.

    `names` limits the host, when it isn't known, to the names that a wildcard stands for.
    """

    def __init__(
        self,
        expressions: Iterable[ast.Expr],
        lists: Lists | None = None,
        known: Mapping[str, Any] | None = None,
        *,
        names: HostNames | None = None,
        max_work: int = MAX_WORK,
    ) -> None:
        self.max_work = max_work
        self.names = names
        self.lists: Lists = lists or {}
        self.known = {canonical_field(name): value for name, value in (known or {}).items()}
        self.fixed: dict[ast.Expr, bool] = {}
        self.variable_of: dict[ast.Expr, Variable] = {}
        self.variables: dict[str, Variable] = {}
        self.host_variable = ""
        """The name of the variable that the host's name is, where it isn't known."""
        subjects: dict[ast.Value, list[ast.Expr]] = {}
        for expression in expressions:
            for atom in atoms(expression):
                if atom in self.fixed or atom in self.variable_of:
                    continue
                if self._settle(atom):
                    continue
                subject = subject_of(atom)
                if is_certificate(atom):
                    subject = ast.Field("certificate")
                elif self.names is not None and fields_of(atom) == {"http.host"}:
                    subject = HOST
                if subject is None:
                    self._free(atom)
                else:
                    subjects.setdefault(subject, []).append(atom)
                    self.variable_of[atom] = Variable("", [])
        for subject, found in subjects.items():
            self._share(subject, found)

    # --- setting up ---

    def _settle(self, atom: ast.Expr) -> bool:
        """Whether what is known decides the atom."""
        if not self.known.keys() & fields_of(atom):
            return False
        try:
            matcher = Matcher(ast.Expression(atom), self.lists)
        except ValueError:
            return False
        truth = matcher.unknown(matcher.fields - self.known.keys())(dict(self.known))
        if truth is None:
            return False
        self.fixed[atom] = truth
        return True

    def _free(self, atom: ast.Expr) -> None:
        variable = Variable(f"#{len(self.variables)}", [True, False], [{atom: True}, {atom: False}])
        self.variables[variable.name] = variable
        self.variable_of[atom] = variable

    def _share(self, subject: ast.Value, found: Sequence[ast.Expr]) -> None:
        name = f"@{len(self.variables)}"
        if subject == ast.Field("certificate"):
            variable = certificate_variable(name, found, self.known)
        elif subject == HOST and self.names is not None:
            variable = self._host_variable(name, found, self.names)
            self.host_variable = name
        else:
            variable = self._subject_variable(name, subject, found)
        if len(variable.cases) > MAX_CASES:
            raise TooHard
        self.variables[name] = variable
        for atom in found:
            self.variable_of[atom] = variable

    def _subject_variable(self, name: str, subject: ast.Value, found: Sequence[ast.Expr]) -> Variable:
        if all(isinstance(atom, ast.Test) and not isinstance(atom.value, ast.Call) for atom in found):
            return Variable(name, [True, False], [dict.fromkeys(found, True), dict.fromkeys(found, False)])
        kind = kind_of(found)
        cases = list(cases_of(kind, found, self.lists))
        if kind == "Bytes":
            cases.append(OTHER)
        if may_be_missing(subject):
            cases.append(MISSING)
        variable = Variable(name, cases)
        for case in cases:
            truths: dict[ast.Expr, bool] = {}
            for atom in found:
                truth = self._truth(atom, kind, case)
                if truth is not None:
                    truths[atom] = truth
            variable.truths.append(truths)
        return variable

    def _host_variable(self, name: str, found: Sequence[ast.Expr], names: HostNames) -> Variable:
        """The names below a wildcard that clauses name, some that they may tell apart, and any other name."""
        literal = [atom for atom in found if subject_of(atom) is not None and is_host(subject_of(atom) or HOST)]
        named = [case for case in cases_of("Bytes", literal, self.lists) if names.covers(case)]
        made = islice(names.made_for(found, self.lists), MAX_MADE_NAMES)
        cases = list(dict.fromkeys([*named, names.other_than(named), *made]))
        matchers: dict[ast.Expr, Matcher] = {}
        for atom in found:
            try:
                matchers[atom] = Matcher(ast.Expression(atom), self.lists)
            except ValueError:
                continue  # free in every case
        truths = [{atom: matcher.function({"http.host": case}) for atom, matcher in matchers.items()} for case in cases]
        other = {atom: truth for atom in found if (truth := names.truth(atom, self.lists)) is not None}
        return Variable(name, [*cases, OTHER], [*truths, other])

    def _truth(self, atom: ast.Expr, kind: str, case: Any) -> Truth:
        """What an atom is when its subject has this value; None when the case leaves it open."""
        if case is MISSING:
            return False
        if case is OTHER:
            if isinstance(atom, ast.Comparison) and atom.operator in WHOLE and not isinstance(atom.right, ast.ListName):
                return atom.operator == "ne"
            return None
        stand_in = ast.Field(STAND_INS[kind])
        replaced: ast.Expr
        if isinstance(atom, ast.Comparison):
            replaced = ast.Comparison(stand_in, atom.operator, atom.right)
        else:
            assert isinstance(atom, ast.Test) and isinstance(atom.value, ast.Call)
            call = atom.value
            replaced = ast.Test(ast.Call(call.name, (stand_in, *call.arguments[1:])))
        try:
            return Matcher(ast.Expression(replaced), self.lists).function({stand_in.name: case})
        except ValueError:
            return None

    # --- asking ---

    def solutions(self, goal: Callable[[Callable[[ast.Expr], Truth]], Truth]) -> Iterator[Solution]:
        """Assignments that make `goal` true. It is given a function that evaluates an expression, None for unknown.

        Raises `TooHard` when the search passes its limits. An end without a solution is a proof that there is none.
        """
        truths: dict[ast.Expr, bool] = dict(self.fixed)
        chosen: dict[str, Any] = {}
        work = 0
        cost = 1 + len(self.fixed) + len(self.variable_of)
        wanted: list[ast.Expr] = []

        def evaluate(node: ast.Expr) -> Truth:
            return _evaluate(node, truths, wanted)

        def search() -> Iterator[Solution]:
            nonlocal work
            work += cost
            if work > self.max_work:
                raise TooHard
            wanted.clear()
            verdict = goal(evaluate)
            if verdict is False:
                return
            if verdict is True:
                yield Solution(dict(truths), dict(chosen))
                return
            atom = wanted[0]
            variable = self.variable_of[atom]
            if variable.name in chosen:  # the case leaves this atom open
                for truth in (True, False):
                    truths[atom] = truth
                    yield from search()
                    del truths[atom]
                return
            for case, table in zip(variable.cases, variable.truths, strict=True):
                chosen[variable.name] = case
                truths.update(table)
                yield from search()
                for known in table:
                    del truths[known]
                del chosen[variable.name]

        yield from search()

    def host_name(self, solution: Solution) -> bytes | None:
        """The host name of a solution; None where the name is known from the start."""
        if self.names is None:
            return None
        case = solution.cases.get(self.host_variable)
        if isinstance(case, bytes):
            return case
        variable = self.variables.get(self.host_variable)
        return self.names.other_than(variable.cases if variable else ())

    def possible(self, goal: Callable[[Callable[[ast.Expr], Truth]], Truth]) -> bool:
        """Whether some assignment makes `goal` true."""
        return next(self.solutions(goal), None) is not None


def atoms(node: ast.Expr) -> Iterator[ast.Expr]:
    """The clauses that `and`, `or`, `xor` and `not` join."""
    if isinstance(node, ast.Logical):
        for item in node.items:
            yield from atoms(item)
    elif isinstance(node, ast.Not):
        yield from atoms(node.item)
    elif not isinstance(node, ast.Always):
        yield node


def folded(node: ast.Expr, known: Mapping[str, Any], lists: Lists) -> ast.Expr:
    """The expression with the clauses that known fields decide replaced by what they are.

    TooHard for a clause that they decide only along with others: it would be read as depending on nothing known.
    """
    match node:
        case ast.Logical():
            return replace(node, items=tuple(folded(item, known, lists) for item in node.items))
        case ast.Not():
            return replace(node, item=folded(node.item, known, lists))
        case ast.Always():
            return node
    if not known.keys() & fields_of(node):
        return node
    try:
        matcher = Matcher(ast.Expression(node), lists)
    except ValueError:
        raise TooHard from None
    truth = matcher.unknown(matcher.fields - known.keys())(dict(known))
    if truth is None:
        raise TooHard
    return ast.Always(truth)


def _evaluate(node: ast.Expr, truths: Mapping[ast.Expr, bool], wanted: list[ast.Expr]) -> Truth:
    """Three-valued; atoms of unknown truth are added to `wanted`."""
    match node:
        case ast.Always(value=value):
            return value
        case ast.Not(item=item):
            truth = _evaluate(item, truths, wanted)
            return None if truth is None else not truth
        case ast.Logical(operator="xor", items=items):
            total = False
            for item in items:
                truth = _evaluate(item, truths, wanted)
                if truth is None:
                    return None
                total ^= truth
            return total
        case ast.Logical(operator=operator, items=items):
            decisive = operator == "or"
            unknown = False
            for item in items:
                truth = _evaluate(item, truths, wanted)
                if truth is decisive:
                    return decisive
                unknown = unknown or truth is None
            return None if unknown else not decisive
        case _:
            if node not in truths:
                wanted.append(node)
                return None
            return truths[node]
