"""Rules in order: what they decide together about one request."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from mtls_tui.engine import from_bundle
from mtls_tui.engine.bundle import MAX_BYTES, Bundle, BundleError
from mtls_tui.engine.compile import Matcher, check_parts, fields_of_request
from mtls_tui.engine.fields_of import canonical_field, fields_of
from mtls_tui.engine.folding import fold
from mtls_tui.engine.guards import HOST, LOWERED_HOST
from mtls_tui.engine.index import RuleIndex, require_comparable
from mtls_tui.engine.model import BLOCKED_BY_ERROR, TERMINATING, Decision, Request, Rule
from mtls_tui.engine.partial import PartialProgram, UnknownDecision, partial_program
from mtls_tui.engine.program import MAX_GENERATED, Program, ProgramFactory, Shared, generated, one_by_one
from mtls_tui.engine.regex import PatternError
from mtls_tui.engine.sets import ListError, Lists, PreparedLists
from mtls_tui.engine.signing import load_verify_key
from mtls_tui.files import read_bounded
from mtls_tui.lang.ast import Always
from mtls_tui.lang.types import Fields

_MAX_SAID = 200
"""Characters of an error in the reason of a decision."""
MAX_STRAIGHT = 8
"""Rulesets of no more rules than this are asked in order, without an index."""
MAX_PARTIALS = 64
"""Sets of unknown fields that are kept ready: lines of a log lack now this field, now that."""
MAX_PROGRAMS = 4096
"""Programs that are made for combinations of guards' values: what clients choose must not fill the memory, so further
combinations are asked rule by rule. For hosts alone there are no more programs than hosts that rules name."""


class Ruleset:
    """Rules in their order, ready to decide.

    `decide(request)` takes a `Request` or a mapping from field names to values and never raises: an error while
    deciding is a block. Rules that are not enabled are kept in `rules` and not evaluated.

    Raises `ListError` for a list that an enabled rule names and `lists` does not have, `ValueError` for an unknown
    action or a `ref` that two rules share.
    """

    def __init__(self, rules: Iterable[Rule], lists: Lists | None = None) -> None:
        self.rules: tuple[Rule, ...] = tuple(rules)
        self.lists: Lists = PreparedLists(lists)
        self.enabled: tuple[Rule, ...] = tuple(rule for rule in self.rules if rule.enabled)
        _check(self.rules, self.enabled, self.lists)
        self.index = RuleIndex(rule.expression for rule in self.enabled)
        self._factory = ProgramFactory(self.lists)
        self._matchers: dict[int, Matcher] = {}
        self._partials: dict[frozenset[str], PartialProgram] = {}
        self.decide: Callable[[Request | Fields], Decision] = self._decider()

    @classmethod
    def from_bundle(cls, path: str | Path, verify_key: Ed25519PublicKey | bytes | None = None) -> Ruleset:
        """The rules of a bundle file; with a key (or its PEM), only if that key signed it.

        Raises `BundleError` for a bundle that must not be used, `OSError` for a file that can't be read.
        """
        key = load_verify_key(verify_key) if isinstance(verify_key, bytes) else verify_key
        return cls.of(Bundle.decode(read_bounded(Path(path), MAX_BYTES, "bundle"), key))

    @classmethod
    def of(cls, bundle: Bundle) -> Ruleset:
        """The rules of a bundle. Raises `BundleError`."""
        try:
            with from_bundle.without_collector():
                return cls(from_bundle.rules_of(bundle), from_bundle.lists_of(bundle))
        except (ListError, PatternError) as error:
            raise BundleError(str(error), "correct the rule file and export it again") from error

    @cached_property
    def fields_read(self) -> frozenset[str]:
        """Canonical names of the fields that any enabled rule reads."""
        return frozenset().union(*(fields_of(rule.expression.root) for rule in self.enabled))

    def matcher(self, position: int) -> Matcher:
        """The matcher of the enabled rule at a position, compiled on first use."""
        found = self._matchers.get(position)
        if found is None:
            found = self._matchers[position] = Matcher(self.enabled[position].expression, self.lists)
        return found

    def may_match_host(self, host: str | bytes) -> bool:
        """Whether some enabled rule can match a request whose `http.host` is this, whatever else the request holds."""
        name = host.encode() if isinstance(host, str) else host
        return any(self.may_match(position, name) for position in self.index.positions_for_host(name))

    def may_match(self, position: int, host: bytes) -> bool:
        """Whether one enabled rule, by its position, can match a request to a host, whatever else the request holds."""
        known = {HOST: host, LOWERED_HOST: host.lower()}
        rest = fold(self.enabled[position].expression.root, known)
        if isinstance(rest, Always):
            return rest.value
        if HOST.name not in fields_of(rest):
            return True
        matcher = self.matcher(position)
        return matcher.unknown(matcher.fields - {HOST.name})({HOST.name: host}) is not False

    def decide_unknown(self, request: Request | Fields, unknown: frozenset[str]) -> Decision | UnknownDecision:
        """As `decide` when nobody knows the values of some fields; what the request has for them is not looked at.

        An `UnknownDecision` where the action depends on them: it is never told as allowed.
        """
        partial = self._partials.get(unknown)
        if partial is None:
            if len(self._partials) >= MAX_PARTIALS:
                self._partials.clear()
            partial = self._partials[unknown] = self._partial(frozenset(canonical_field(name) for name in unknown))
        try:
            return partial(fields_of_request(request))
        except Exception as error:
            return _failed(error)

    def _partial(self, unknown: frozenset[str]) -> PartialProgram:
        index = self.index.without(unknown)
        if len(self.enabled) <= MAX_STRAIGHT or not index.tables:
            everything = range(len(self.enabled))
            return partial_program(self.enabled, [self.matcher(position) for position in everything], unknown)
        programs: dict[tuple[Any, ...], PartialProgram] = {}

        def decide(fields: Fields) -> Decision | UnknownDecision:
            key = index.key(fields)
            program = programs.get(key)
            if program is None:
                if len(programs) >= MAX_PROGRAMS:
                    programs.clear()
                positions = index.positions(key)
                rules, matchers = [self.enabled[p] for p in positions], [self.matcher(p) for p in positions]
                program = programs[key] = partial_program(rules, matchers, unknown)
            return program(fields)

        return decide

    def decide_plainly(self, request: Request | Fields) -> Decision:
        """As `decide`, by asking every rule in turn: slow, and the measure for what the index does."""
        program = self._loop(range(len(self.enabled)))
        try:
            return program(fields_of_request(request))
        except Exception as error:
            return _failed(error)

    def _program(self, positions: tuple[int, ...]) -> Program:
        rules = [self.enabled[position] for position in positions]
        return generated(rules, self.lists) if len(rules) <= MAX_GENERATED else self._loop(positions)

    def _loop(self, positions: Iterable[int]) -> Program:
        places = tuple(positions)
        return one_by_one([self.enabled[p] for p in places], [self.matcher(p) for p in places])

    def _shared(self, key: tuple[Any, ...]) -> Shared:
        """The program for the requests of one key of the index."""
        positions = self.index.positions(key)
        if len(positions) <= MAX_GENERATED:
            return self._factory.shared([self.enabled[p] for p in positions], self.index.known(key))
        program = self._program(positions)
        return (lambda fields, _results: program(fields)), ()

    def _decider(self) -> Callable[[Request | Fields], Decision]:
        """`decide` as a function of its own: a bound method would cost a fifth of a decision."""
        index = self.index
        if len(self.enabled) <= MAX_STRAIGHT or not index.tables:
            return _guarded(self._program(tuple(range(len(self.enabled)))))
        if set(index.tables) == {HOST}:
            return self._by_host(index.tables[HOST])
        return self._by_key()

    def _by_host(self, table: dict[Any, tuple[int, ...]]) -> Callable[[Request | Fields], Decision]:
        programs: dict[Any, Shared] = {}
        name, shared, others = HOST.name, self._shared, self._shared((None,))

        def decide(request: Request | Fields) -> Decision:
            try:
                fields: Any = request.fields if request.__class__ is Request else request
                host = fields.get(name)
                program = programs.get(host)
                if program is None:
                    if host in table:
                        program = programs[host] = shared((host,))
                    else:
                        require_comparable(host, table)
                        program = others
                return program[0](fields, program[1])
            except Exception as error:
                return _failed(error)

        return decide

    def _by_key(self) -> Callable[[Request | Fields], Decision]:
        programs: dict[tuple[Any, ...], Shared] = {}
        index, key_of, shared, loop = self.index, self.index.key, self._shared, self._loop

        def decide(request: Request | Fields) -> Decision:
            try:
                fields = fields_of_request(request)
                key = key_of(fields)
                program = programs.get(key)
                if program is None:
                    if len(programs) >= MAX_PROGRAMS:
                        return loop(index.positions(key))(fields)
                    program = programs[key] = shared(key)
                return program[0](fields, program[1])
            except Exception as error:
                return _failed(error)

        return decide


def _guarded(program: Program) -> Callable[[Request | Fields], Decision]:
    def decide(request: Request | Fields) -> Decision:
        try:
            fields: Any = request.fields if request.__class__ is Request else request
            return program(fields)
        except Exception as error:
            return _failed(error)

    return decide


def _failed(error: Exception) -> Decision:
    said = "".join(char if char.isprintable() else "·" for char in str(error)[:_MAX_SAID])
    return Decision("block", reason=f"{BLOCKED_BY_ERROR}: {type(error).__name__}: {said}")


def _check(rules: tuple[Rule, ...], enabled: tuple[Rule, ...], lists: Lists) -> None:
    seen: set[str] = set()
    for rule in rules:
        if rule.action not in TERMINATING and rule.action not in ("log", "skip"):
            raise ValueError(f"rule {rule.ref}: `{rule.action}` is not an action")
        if rule.ref in seen:
            raise ValueError(f"two rules have the ref {rule.ref}")
        seen.add(rule.ref)
    for rule in enabled:
        try:
            check_parts(rule.expression.root, lists)
        except (ListError, PatternError) as error:
            error.args = (f"rule {rule.ref}: {error}",)
            raise
