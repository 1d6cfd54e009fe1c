"""Whether some expressions can come out as wanted together: what a request needs for it, a proof, or why not known.

The circuit's search proposes which clauses hold; each place of the request then looks for a value of which they do.
What no value fulfils is learned. So "none" is a proof: opaque clauses were free. What was found is only as good as the
requests that are made of it: the caller has to try them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from typing import Literal as Choice

from mtls_tui.engine.sets import Lists
from mtls_tui.lang import ast
from mtls_tui.theory.circuits import Circuit, Literal, Search, TooManyConflictsError
from mtls_tui.theory.clauses import Clauses
from mtls_tui.theory.languages import Algebra, TooLargeError
from mtls_tui.theory.places import Places, Seen, Wildcard
from mtls_tui.theory.subjects import Subject
from mtls_tui.theory.uses import Uses

TOO_MANY = "too many combinations of clauses"
TOO_LARGE = "texts that too many conditions at once are about"
UNUSUAL = "only requests that none could be made of, with odd octets in a part of them"


@dataclass(frozen=True)
class Found:
    """What a request needs: `values` by the name of the place, `facts` by theirs, and how opaque clauses come out."""

    values: Mapping[str, Any]
    facts: Mapping[str, bool]
    opaque: Mapping[ast.Expr, bool]
    used: tuple[Literal, ...] = ()
    wholes: Mapping[ast.Value, Any] = field(default_factory=dict)
    """Values that come from functions which are not described, each with what it should be."""


@dataclass
class Result:
    """`none`: proved. `open`: `reasons` say what stood in the way."""

    status: Choice["found", "none", "open"]
    found: Found | None = None
    reasons: list[str] = field(default_factory=list)


class Theory:
    """The clauses of expressions over the places of a request: one for all questions about a host.

    `uses` is what all expressions look at that will be asked about (or more). `plain` are the fields of the plainest
    request. `most_states` bounds the search for one text.
    """

    def __init__(
        self,
        uses: Uses,
        *,
        host: bytes | Wildcard | None = None,
        plain: Mapping[str, Any] | None = None,
        most_states: int | None = None,
    ) -> None:
        self.circuit = Circuit()
        self.algebra = Algebra(most_states)
        self.places = Places(self.circuit, self.algebra, uses, host=host, plain=plain)
        self.clauses = Clauses(self.circuit, self.algebra, self.places)

    def literal(self, node: ast.Expr, lists: Lists, seen: Seen = None) -> Literal:
        """What an expression is, over lists, for rules that see these fields of a certificate.

        Both mappings have to stay alive: what was worked out for one is kept by its identity.
        """
        return self.clauses.literal(node, lists, seen)

    def possible(self, *roots: Literal) -> bool:
        """False: proved that they never all hold together."""
        if all(map(self.circuit.hint, roots)):
            return True  # in the plainest request they do
        return self.solve(roots, lambda _found: True, made=False).status != "none"

    def solve(self, roots: Iterable[Literal], accept: Callable[[Found], bool], *, made: bool = True) -> Result:
        """Whether all of these hold together in something that `accept` takes.

        With `made`, values are such as a made request can have. What is not accepted is left out, and the answer is
        "open" at best then.
        """
        wanted = list(roots)
        if made and self.places.supposed:
            # First as requests are made: with a normal path, and a body as long as it says.
            result = self._solve([*wanted, *self.places.supposed], accept, made=made)
            if result.status == "found":
                return result
        return self._solve(wanted, accept, made=made)

    def _solve(self, roots: list[Literal], accept: Callable[[Found], bool], *, made: bool) -> Result:
        reasons: dict[str, None] = {}
        found: list[Found] = []
        tries = [MAX_TRIES]

        def judge(used: list[Literal]) -> list[Literal] | None:
            values: dict[str, Any] = {}
            for subject, atoms in self._by_subject(used).items():
                value, broken = self._value(self.places.subjects[subject], atoms, made, reasons)
                if broken is not None:
                    return broken
                values[subject] = value
            facts = {self.places.facts[abs(atom)]: atom > 0 for atom in used if abs(atom) in self.places.facts}
            opaque = {
                node: (atom > 0) is truth
                for atom in used if abs(atom) in self.clauses.opaque
                for node, truth in [self.clauses.opaque[abs(atom)]]
            }  # fmt: skip
            wholes = {self.places.wholes[name]: value for name, value in values.items() if name in self.places.wholes}
            proposal = Found(values, facts, opaque, tuple(used), wholes)
            if accept(proposal):
                found.append(proposal)
                return None
            tries[0] -= 1
            free = [atom for atom in used if abs(atom) in self.clauses.opaque]
            for atom in free:
                reasons[self.clauses.reasons[abs(atom)]] = None
            if not free:
                reasons[UNUSUAL] = None
            if tries[0] <= 0 or not used:
                raise _GivenUpError
            return [-atom for atom in (free or used)]

        try:
            search = Search(self.circuit, roots).run(judge)
        except TooManyConflictsError:
            return Result("open", None, [*reasons, TOO_MANY])
        except _GivenUpError:
            return Result("open", None, list(reasons))
        if search is not None:
            return Result("found", found[-1])
        return Result("open", None, list(reasons)) if reasons else Result("none")

    def _by_subject(self, used: list[Literal]) -> dict[str, list[Literal]]:
        found: dict[str, list[Literal]] = {}
        for atom in used:
            entry = self.places.members.get(abs(atom))
            if entry is not None:
                found.setdefault(entry[0].name, []).append(atom)
        return found

    def _value(
        self, subject: Subject[Any, Any], atoms: list[Literal], made: bool, reasons: dict[str, None]
    ) -> tuple[Any, list[Literal] | None]:
        """A value of a place for which these atoms hold, or a clause that excludes some of them."""
        wanted = [(self.places.members[abs(atom)][1], atom > 0) for atom in atoms]
        atom_of = dict(zip(wanted, atoms, strict=True))
        try:
            value, core = subject.value(subject.made if made else subject.can_be, wanted)
            if value is not None:
                return value, None
            clause = [-atom_of[wish] for wish in core]
            if not made or subject.find([(subject.can_be, True), *core]) is None:
                if clause:
                    self.circuit.learn(clause)
                return None, clause
            reasons[UNUSUAL] = None
        except TooLargeError:
            reasons[TOO_LARGE] = None
            clause = [-atom for atom in atoms]
        return None, clause


MAX_TRIES = 40
"""Proposals for which a request is looked for."""


class _GivenUpError(Exception):
    """Too many proposals were refused."""
