"""What two sets of rules decide differently: a request for each kind of difference, or a proof that there is none.

The same means as in `reach`: a request shown was decided by both and differs; "proved" means that every combination of
what the rules can tell apart was looked at. What a reviewer of a change wants to know is who is newly let in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from mtls_tui.analysis.context import NO_CERTIFICATE, PRESENTED, REVOKED, VERIFIED
from mtls_tui.analysis.logic import Problem, Solution, TooHard, Truth
from mtls_tui.analysis.making import AT, Maker
from mtls_tui.analysis.reach import Where, let_through
from mtls_tui.engine.members import Lists
from mtls_tui.engine.model import Decision, HttpRequest, Request, Rule
from mtls_tui.engine.ruleset import Ruleset
from mtls_tui.engine.walk import lists_of
from mtls_tui.lang import ast
from mtls_tui.lang.tree import EXPRESSIONS

Change: TypeAlias = Literal["newly let in", "newly blocked"]
Status: TypeAlias = Literal["changed", "proved the same", "not found"]
STATES: Mapping[str, Mapping[str, Any]] = {
    "without a certificate": NO_CERTIFICATE,
    "with a valid certificate": {PRESENTED: True, VERIFIED: True, REVOKED: False},
    "with a certificate that is not valid": {PRESENTED: True, VERIFIED: False, REVOKED: False},
    "with a revoked certificate": {PRESENTED: True, VERIFIED: True, REVOKED: True},
}
"""What a client may come with, in the order in which an example is looked for."""
MAX_TRIED = 20
"""Combinations for which an example is looked for."""
_MARK = "'"
"""No name of a list ends with this."""
BUDGET = 300
"""Requests that are tried for one combination and one kind of client."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One answer about one host. `certificate` is what the client of the example comes with, in words."""

    host: str
    change: Change
    status: Status
    reason: str
    certificate: str = ""
    http: HttpRequest | None = None
    request: Request | None = None
    before: Decision | None = None
    after: Decision | None = None


def compare(before: Ruleset, after: Ruleset, hosts: Sequence[str], *, others: Iterable[str] = ()) -> list[Difference]:
    """Two answers for each host: whether requests to it are newly let in, and whether some are newly blocked.

    `others` are names that a wildcard among `hosts` doesn't stand for, since they are hosts of their own.
    """
    apart = [*hosts, *others]
    changes: tuple[Change, ...] = ("newly let in", "newly blocked")
    return [_answer(before, after, host, change, apart) for host in hosts for change in changes]


def _answer(before: Ruleset, after: Ruleset, host: str, change: Change, others: Iterable[str]) -> Difference:
    where = Where(host, others)
    let_in = change == "newly let in"
    blocking, allowing = (before, after) if let_in else (after, before)
    tried = 0
    try:
        lists, renamed = _both_lists(before.lists, after.lists)
        rules = [
            [_renamed(rule, renamed) if side is after else rule for rule in where.deciding(side)]
            for side in (blocking, allowing)
        ]
        roots = [rule.expression.root for side in rules for rule in side]
        problem = where.problem(roots, lists, {})
        goals = [let_through(side) for side in rules]
        for solution in problem.solutions(lambda evaluate: _both(goals[1](evaluate), goals[0], evaluate)):
            tried += 1
            name = where.name(problem, solution)
            for found in _examples(solution, problem, before, after, name, lists):
                words, http, request, old, new = found
                if (old.action == "allow") is not let_in and (new.action == "allow") is let_in:
                    verb = "is allowed now" if let_in else "is blocked now"
                    reason = f"{http.method} {http.scheme}://{http.host}{http.target} {words} {verb}: "
                    reason += f"{old.reason} before, {new.reason} after"
                    return Difference(host, change, "changed", reason, words, http, request, old, new)
            if tried >= MAX_TRIED:
                break
        else:
            if tried == 0:
                return Difference(host, change, "proved the same", f"no request to {host} is {change}")
    except TooHard:
        pass
    return Difference(host, change, "not found", f"no request to {host} was found that is {change}; this is no proof")


def _both(
    allowed: Truth, blocked_side: Callable[[Callable[[ast.Expr], Truth]], Truth], evaluate: Callable[[ast.Expr], Truth]
) -> Truth:
    """Three-valued: one side allows and the other one doesn't."""
    if allowed is False:
        return False
    other = blocked_side(evaluate)
    if other is True:
        return False
    return True if allowed is True and other is False else None


def _examples(
    solution: Solution, problem: Problem, before: Ruleset, after: Ruleset, name: str, lists: Lists
) -> Iterator[tuple[str, HttpRequest, Request, Decision, Decision]]:
    wanted = {atom: truth for atom, truth in solution.truths.items() if atom not in problem.fixed}
    facts = {
        atom.value.name: truth
        for atom, truth in wanted.items()
        if isinstance(atom, ast.Test) and isinstance(atom.value, ast.Field)
    }
    names = before.fields_read | after.fields_read
    for words, state in STATES.items():
        if any(facts.get(fact, value) != value for fact, value in state.items()):
            continue
        maker = Maker(HttpRequest(host=name, at=AT), state, names, lists)
        maker.budget = BUDGET
        for http in maker.make(wanted):
            fields = maker.fields(http)
            if fields is not None:
                request = Request(fields)
                yield words, http, request, before.decide(request), after.decide(request)


def _both_lists(before: Lists, after: Lists) -> tuple[Lists, frozenset[str]]:
    """The lists of both sides in one mapping, and the names whose items changed: the later ones get a mark."""
    changed = frozenset(name for name in before.keys() & after.keys() if list(before[name]) != list(after[name]))
    marked = {(f"{name}{_MARK}" if name in changed else name): items for name, items in after.items()}
    return {**before, **marked}, changed


def _renamed(rule: Rule, names: frozenset[str]) -> Rule:
    """The rule with the mark on the lists of these names, so that a clause means one thing."""
    if not names or not names & lists_of(rule.expression.root):
        return rule
    return replace(rule, expression=ast.Expression(_marked(rule.expression.root, names)))


def _marked(node: ast.Expr, names: frozenset[str]) -> ast.Expr:
    match node:
        case ast.Logical():
            return replace(node, items=tuple(_marked(item, names) for item in node.items))
        case ast.Not():
            return replace(node, item=_marked(node.item, names))
        case ast.Comparison(right=ast.ListName(name=name)) if name in names:
            return replace(node, right=ast.ListName(f"{name}{_MARK}"))
        case ast.Test(value=ast.Call(arguments=arguments) as call) if any(
            isinstance(a, EXPRESSIONS) for a in arguments
        ):
            inside = tuple(_marked(a, names) if isinstance(a, EXPRESSIONS) else a for a in arguments)
            return replace(node, value=replace(call, arguments=inside))
        case _:
            return node
