"""Rules that are never reached, since earlier ones take all that they match."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property

from mtls_tui.analysis.context import NO_CERTIFICATE, Context, base_request
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.engine.fields import EXTRACTORS, Extractor, RequestView, compute
from mtls_tui.engine.model import TERMINATING, Rule
from mtls_tui.engine.ruleset import Ruleset
from mtls_tui.lang import ast
from mtls_tui.theory import Found
from mtls_tui.theory.making import request_of

MAX_ROUNDS = 60
"""Earlier rules that are counted in, one after the other, to see whether they leave a rule nothing."""


def find(context: Context) -> Iterator[Hit]:
    """Enabled rules whose every match some earlier blocking or skipping rules also match."""
    search = _Search(context)
    same: dict[ast.Expr, int] = {}
    for position, rule in enumerate(context.enabled):
        root = rule.expression.root
        if not isinstance(root, ast.Always):
            place = same.get(root)
            covers = [place] if place is not None else search.covers(position)
            if covers:
                yield Hit(rule, None, _message(context, rule, covers), "take it out, move it up, or narrow the others")
        if _decides(rule):
            same.setdefault(root, position)


def _message(context: Context, rule: Rule, covers: Sequence[int]) -> str:
    refs = [f"`{context.enabled[place].ref}`" for place in covers]
    if len(refs) > 1:
        names = f"{', '.join(refs[:-1])} and {refs[-1]}"
        return f"never reached: rules {names} come first and together match all that this one matches"
    same = context.enabled[covers[0]].expression.root == rule.expression.root
    how = "says the same" if same else "matches all that this one matches"
    return f"never reached: rule {refs[0]} comes first and {how}"


def _decides(rule: Rule) -> bool:
    return not rule.shadow and (rule.action in TERMINATING or rule.action == "skip")


class _Search:
    """Looks for a request that gets to a rule: found, tried by the engine, and kept from the rules that took it."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.deciding = [place for place, rule in enumerate(context.enabled) if _decides(rule)]
        self.taking: Counter[int] = Counter()
        """How often each rule took a request that was meant for a later one."""
        self.place_of = {id(context.enabled[place]): place for place in self.deciding}

    @cached_property
    def _ruleset(self) -> Ruleset | None:
        try:
            return Ruleset([self.context.enabled[place] for place in self.deciding], self.context.lists)
        except ValueError:
            return None  # a doubled ref or a missing list: said elsewhere

    @cached_property
    def _extractors(self) -> list[tuple[str, Extractor]]:
        names = self._ruleset.fields_read if self._ruleset is not None else ()
        return [(name, EXTRACTORS[name]) for name in sorted(names) if name in EXTRACTORS]

    def covers(self, position: int) -> list[int]:
        """The earlier rules that leave a rule nothing, few of them; none when it is reached or that isn't known."""
        if self._ruleset is None or not self.deciding or self.deciding[0] >= position:
            return []
        mine = self.context.enabled[position].expression.root
        if not self.context.possible((mine, True)):
            return []  # it never matches: another check says so
        taken = self._likely(mine, position)
        for _ in range(MAX_ROUNDS):
            others = [self.context.enabled[place].expression.root for place in taken]
            theory = self.context.theory((mine, *others))
            roots = [theory.literal(node, self.context.lists) for node in (mine, *others)]
            result = theory.solve([roots[0], *(-root for root in roots[1:])], lambda _found: True)
            if result.status == "none":
                return self._few(mine, taken)
            first = self._first(result.found, position) if result.found else None
            if first is None or first in taken:
                return []
            taken.append(first)
            self.taking[first] += 1
        return []

    def _likely(self, mine: ast.Expr, position: int) -> list[int]:
        """Earlier rules that took what was meant for others before, where they cost the theory nothing more."""
        theory = self.context.theory((mine,))
        return [
            place
            for place, _ in self.taking.most_common(MAX_ROUNDS)
            if place < position and self.context.theory((mine, self.context.enabled[place].expression.root)) is theory
        ]

    def _first(self, found: Found, position: int) -> int | None:
        """The earlier rule that decides about the request that was found; None when it gets to this one."""
        assert self._ruleset is not None
        http = request_of(found, base_request("www.example.com", NO_CERTIFICATE, ()))
        fields = {**compute(RequestView(http), self._extractors), **http.overrides}
        decision = self._ruleset.decide(fields)
        rule = decision.rule or decision.skipped_by
        if rule is None:
            return None
        place = self.place_of[id(rule)]
        return place if place < position else None

    def _few(self, mine: ast.Expr, taken: list[int]) -> list[int]:
        """As few of the rules as suffice."""
        for place in list(taken):
            rest = [other for other in taken if other != place]
            others = [(self.context.enabled[other].expression.root, False) for other in rest]
            if rest and not self.context.possible((mine, True), *others):
                taken = rest
        return sorted(taken)


CHECK = Check(
    "shadowed-rule",
    "warning",
    "A rule is never reached",
    "A rule that blocks or skips ends the evaluation. A later rule that matches nothing else never gets a turn; it may "
    "take several earlier rules together to leave it nothing.",
    '# 1 block: http.host eq "api.example.com"\n# 2 log:   http.host eq "api.example.com" and ssl',
    '# 1 log:   http.host eq "api.example.com" and ssl\n# 2 block: http.host eq "api.example.com"',
    find,
)
