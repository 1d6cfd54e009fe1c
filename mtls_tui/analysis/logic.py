"""Whether an assignment of values exists that makes rules say something: a bounded, complete search over few cases.

Clauses that look at one value (`http.host eq "a"`, `ip.src in {…}`) share a variable whose cases are all that the
clauses can tell apart; the three facts about a certificate are one variable with its four possible states; every other
clause is a variable of its own, true or false. Clauses that are in truth connected (two functions of one header, say)
count as free, so what is found may not exist, but **what is not found can't exist**: that makes "no assignment" a
proof. Knows no order of rules and no actions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Any, TypeAlias

from mtls_tui.analysis.context import PRESENTED, REVOKED, VERIFIED
from mtls_tui.engine.compile import Matcher
from mtls_tui.engine.fields import EXTRACTORS
from mtls_tui.engine.members import Addresses, ListError, Lists, of_list
from mtls_tui.engine.walk import canonical, fields_of
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import FIELDS

Truth: TypeAlias = bool | None
MAX_WORK = 200_000
"""Clauses that one search evaluates before it gives up: a second or so."""
MAX_CASES = 400
"""Cases of one variable; more make the question too hard."""
_OTHER = object()
_MISSING = object()
_STAND_INS = {"Bytes": "http.user_agent", "Int": "cf.edge.server_port", "Ip": "ip.src"}
_WHOLE = frozenset({"eq", "ne", "in"})
_ORDER = frozenset({"eq", "ne", "in", "lt", "le", "gt", "ge"})


class TooHard(Exception):  # noqa: N818 - an answer, not a fault
    """The search is larger than its limits: neither found nor proved."""


@dataclass(slots=True)
class Variable:
    """Something with cases. `truths[case][atom]` is what an atom is in a case; an atom left out is free there."""

    name: str
    cases: list[Any]
    truths: list[dict[ast.Expr, bool]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Solution:
    """What an assignment fixes: the truth of atoms, and the chosen case of variables by name."""

    truths: Mapping[ast.Expr, bool]
    cases: Mapping[str, Any]


class Problem:
    """Expressions over shared variables. `known` are field values that hold from the start."""

    def __init__(
        self,
        expressions: Iterable[ast.Expr],
        lists: Lists | None = None,
        known: Mapping[str, Any] | None = None,
        *,
        max_work: int = MAX_WORK,
    ) -> None:
        self.max_work = max_work
        self.lists: Lists = lists or {}
        self.known = {canonical(name): value for name, value in (known or {}).items()}
        self.fixed: dict[ast.Expr, bool] = {}
        self.variable_of: dict[ast.Expr, Variable] = {}
        self.variables: dict[str, Variable] = {}
        subjects: dict[ast.Value, list[ast.Expr]] = {}
        for expression in expressions:
            for atom in atoms(expression):
                if atom in self.fixed or atom in self.variable_of:
                    continue
                if self._settle(atom):
                    continue
                subject = _subject(atom)
                if _certificate(atom):
                    subject = ast.Field("certificate")
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
            variable = _certificate_variable(name, found, self.known)
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
        kind = _kind(found)
        cases = list(_cases(kind, found, self.lists))
        if kind == "Bytes":
            cases.append(_OTHER)
        if _may_be_missing(subject):
            cases.append(_MISSING)
        variable = Variable(name, cases)
        for case in cases:
            truths: dict[ast.Expr, bool] = {}
            for atom in found:
                truth = self._truth(atom, kind, case)
                if truth is not None:
                    truths[atom] = truth
            variable.truths.append(truths)
        return variable

    def _truth(self, atom: ast.Expr, kind: str, case: Any) -> Truth:
        """What an atom is when its subject has this value; None when the case leaves it open."""
        if case is _MISSING:
            return False
        if case is _OTHER:
            if (
                isinstance(atom, ast.Comparison)
                and atom.operator in _WHOLE
                and not isinstance(atom.right, ast.ListName)
            ):
                return atom.operator == "ne"
            return None
        stand_in = ast.Field(_STAND_INS[kind])
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


def _certificate(atom: ast.Expr) -> bool:
    return (
        isinstance(atom, ast.Test)
        and isinstance(atom.value, ast.Field)
        and atom.value.name in (PRESENTED, VERIFIED, REVOKED)
    )


def _certificate_variable(name: str, found: Sequence[ast.Expr], known: Mapping[str, Any]) -> Variable:
    """None, not valid, valid, revoked: verified implies presented, revoked implies verified."""
    cases, truths = [], []
    for state in ((False, False, False), (True, False, False), (True, True, False), (True, True, True)):
        facts = dict(zip((PRESENTED, VERIFIED, REVOKED), state, strict=True))
        if all(known.get(fact, value) == value for fact, value in facts.items()):
            cases.append(state)
            truths.append({atom: facts[atom.value.name] for atom in found})  # type: ignore[union-attr]
    return Variable(name, cases, truths)


def _subject(atom: ast.Expr) -> ast.Value | None:
    """What a clause looks at, when it looks at one value and compares it with literals."""
    if isinstance(atom, ast.Test):
        value = atom.value
        if isinstance(value, ast.Field):
            return value
        if isinstance(value, ast.Call) and value.name in ("starts_with", "ends_with"):
            first, second = value.arguments
            if (
                isinstance(second, ast.String)
                and isinstance(first, ast.Field | ast.Index | ast.Call)
                and _single(first)
            ):
                return first
        return None
    assert isinstance(atom, ast.Comparison)
    dynamic = isinstance(atom.right, ast.Field | ast.Index | ast.Call)
    if dynamic or atom.operator == "bitwise_and" or not _single(atom.left):
        return None
    if isinstance(atom.right, ast.ListName) and not _is_address(atom.left):
        return None  # the items of a list of names can't be told apart by a few cases
    return atom.left


def _is_address(value: ast.Value) -> bool:
    info = FIELDS.get(value.name) if isinstance(value, ast.Field) else None
    return info is not None and info.type.name == "Ip"


def _single(value: Any) -> bool:
    """Whether a value is one value: no literal, and no `[*]` in it."""
    if isinstance(value, ast.Field):
        return True
    if isinstance(value, ast.Index):
        return value.key is not None and _single(value.base)
    if isinstance(value, ast.Call):
        return all(
            isinstance(part, ast.String | ast.Integer | ast.Address) or _single(part) for part in value.arguments
        )
    return False


def _kind(found: Sequence[ast.Expr]) -> str:
    for atom in found:
        if isinstance(atom, ast.Test):
            return "Bytes"
        assert isinstance(atom, ast.Comparison)
        right: Any = atom.right
        if isinstance(right, ast.Set):
            right = right.items[0] if right.items else None
        if isinstance(right, ast.String | ast.Pattern):
            return "Bytes"
        if isinstance(right, ast.Integer) or (isinstance(right, ast.Range) and isinstance(right.first, ast.Integer)):
            return "Int"
        if right is not None and not isinstance(right, ast.ListName):
            return "Ip"
    left = found[0].left  # type: ignore[union-attr]
    info = FIELDS.get(left.name) if isinstance(left, ast.Field) else None
    return info.type.name if info and info.type.name in _STAND_INS else "Bytes"


def _cases(kind: str, found: Sequence[ast.Expr], lists: Lists) -> Iterator[Any]:
    """Values that between them show every difference that the clauses can make (for strings: but `_OTHER`)."""
    seen: set[Any] = set()
    for value in _raw_cases(kind, found, lists):
        if value not in seen:
            seen.add(value)
            if len(seen) > MAX_CASES:
                raise TooHard
            yield value


def _raw_cases(kind: str, found: Sequence[ast.Expr], lists: Lists) -> Iterator[Any]:
    if kind == "Ip":
        yield from (IPv4Address(0), IPv6Address(0))
    if kind == "Int":
        yield 0
    for atom in found:
        if not isinstance(atom, ast.Comparison):
            continue
        right: Any = atom.right
        items = right.items if isinstance(right, ast.Set) else (right,)
        for item in items:
            if kind == "Bytes":
                if isinstance(item, ast.String):
                    yield item.value
                    if atom.operator in _ORDER - _WHOLE:
                        yield from (b"", item.value + b"\0")
            elif kind == "Int":
                yield from _around(item)
            else:
                yield from _addresses_around(item, lists)


def _around(item: Any) -> Iterator[int]:
    ends: tuple[Any, ...] = (item.first.value, item.last.value) if isinstance(item, ast.Range) else (item.value,)
    for end in ends:
        yield from (value for value in (end - 1, end, end + 1) if -(1 << 63) <= value < 1 << 63)


def _addresses_around(item: Any, lists: Lists) -> Iterator[IPv4Address | IPv6Address]:
    pairs: list[tuple[int, int, int]] = []
    match item:
        case ast.Address(value=value):
            pairs.append((value.version, int(value), int(value)))
        case ast.Network(value=network):
            pairs.append((network.version, int(network.network_address), int(network.broadcast_address)))
        case ast.Range(first=first, last=last):
            pairs.append((first.value.version, int(first.value), int(last.value)))  # type: ignore[union-attr]
        case ast.ListName(name=name):
            try:
                listed = of_list(name, "Ip", lists)
            except ListError:
                raise TooHard from None
            if isinstance(listed, Addresses):
                pairs += [(version, *pair) for version in (4, 6) for pair in listed.intervals(version)]
    for version, low, high in pairs:
        make: type[IPv4Address] | type[IPv6Address] = IPv4Address if version == 4 else IPv6Address
        top = (1 << (32 if version == 4 else 128)) - 1
        yield from (make(number) for number in (low - 1, low, high, high + 1) if 0 <= number <= top)


def _may_be_missing(subject: ast.Value) -> bool:
    if not isinstance(subject, ast.Field):
        return not (isinstance(subject, ast.Call) and all(_always_there(part) for part in subject.arguments))
    return not _always_there(subject)


def _always_there(part: Any) -> bool:
    """Whether a request always has it: literals, and single fields that follow from any HTTP request."""
    if not isinstance(part, ast.Field):
        return isinstance(part, ast.String | ast.Integer | ast.Address)
    info = FIELDS.get(part.name)
    return info is not None and (info.default is not None or (info.name in EXTRACTORS and info.type.item is None))
