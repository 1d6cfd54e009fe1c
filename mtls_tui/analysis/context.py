"""What the checks look at: the rules with their clauses, prepared once. Judges nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias

from mtls_tui.engine.compile import Matcher
from mtls_tui.engine.fields_of import canonical_field, fields_of
from mtls_tui.engine.guards import HOST, guards_of
from mtls_tui.engine.model import TERMINATING, HttpRequest, Rule
from mtls_tui.engine.sets import Lists
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import CERTIFICATE, FIELDS, PRESENTED, REVOKED, VERIFIED
from mtls_tui.lang.tree import Node, children, is_expression
from mtls_tui.lang.types import FieldValue
from mtls_tui.theory import Theory, Uses

Target: TypeAlias = Literal["engine", "cloudflare"]
AT = 1_700_000_000.0
"""The time of a made request, so that answers don't depend on the clock (POSIX seconds)."""

NO_CERTIFICATE: Mapping[str, Any] = {
    name: info.default for name, info in FIELDS.items() if name.startswith(CERTIFICATE)
}
SAMPLE_FACTS: Mapping[str, Any] = {
    name: info.example[1:-1].encode()
    for name, info in FIELDS.items()
    if name.startswith(CERTIFICATE) and info.example.startswith('"')
}
"""What a presented certificate says, as long as no clause wants something else: it always says something."""
MOST_STATES = 2_000
"""What a check may look through for one value: a tenth of what a proof may, since it asks about every rule."""
VALID: Mapping[str, Any] = {PRESENTED: True, VERIFIED: True, REVOKED: False}


@dataclass(frozen=True, slots=True)
class Clause:
    """A comparison or a lone Boolean of a rule. `negated` tells of an odd number of `not`s above it."""

    rule: Rule
    node: ast.Comparison | ast.Test
    negated: bool
    siblings: tuple[ast.Expr, ...] = ()
    """All items of the `and` groups around it, itself included: what holds when it decides."""
    inner: bool = False
    """Whether it stands in an argument, so that it is about the elements of an array."""


@dataclass(frozen=True)
class Context:
    """Rules in order, hosts as (name, whether mTLS is on), lists by name; `revoking`: hosts with revocation lists."""

    rules: Sequence[Rule]
    hosts: Sequence[tuple[str, bool]] = ()
    lists: Lists = field(default_factory=dict)
    target: Target = "engine"
    revoking: Sequence[str] = ()

    @cached_property
    def enabled(self) -> list[Rule]:
        """The rules that are evaluated, in order."""
        return [rule for rule in self.rules if rule.enabled]

    @cached_property
    def clauses(self) -> list[Clause]:
        """Every clause of every rule, disabled ones too, those inside `any` and `all` included."""
        return [clause for rule in self.rules for clause in _clauses(rule, rule.expression.root, False, ())]

    @cached_property
    def _matchers(self) -> dict[int, Matcher | None]:
        return {}

    def matcher(self, position: int) -> Matcher | None:
        """The compiled expression of the enabled rule at a position; None where it can't be compiled."""
        if position not in self._matchers:
            try:
                self._matchers[position] = Matcher(self.enabled[position].expression, self.lists)
            except ValueError:
                self._matchers[position] = None
        return self._matchers[position]

    def three_valued(self, position: int, known: Mapping[str, Any]) -> bool | None:
        """What the enabled rule at a position says when only some fields are known; None: it depends on the others."""
        matcher = self.matcher(position)
        if matcher is None:
            return None
        return matcher.unknown(matcher.fields - known.keys())(dict(known))

    def may_match(self, position: int, known: Mapping[str, Any]) -> bool:
        """Whether some request with these values matches the enabled rule at a position, for all that is known."""
        return self.three_valued(position, known) is not False

    @cached_property
    def asking(self) -> list[int]:
        """Positions of the enabled rules that block and look at the certificate."""
        return [place for place, rule in enumerate(self.enabled) if blocks(rule) and reads_certificate(rule)]

    def theory(self, nodes: Iterable[ast.Expr]) -> Theory:
        """One in which some expressions can be asked about, of a request to any host by any client.

        Expressions that look at the whole URI make it one text, which costs: others are asked about without it.
        """
        uses = Uses(frozenset().union(*(self._uses_of(node).names for node in nodes)), self._listed)
        kind = uses.mode, uses.raw, uses.normal
        if kind not in self._theories:
            self._theories[kind] = Theory(uses, most_states=MOST_STATES)
        return self._theories[kind]

    @cached_property
    def _theories(self) -> dict[tuple[str, bool, bool], Theory]:
        return {}

    @cached_property
    def _listed(self) -> frozenset[bytes]:
        return Uses.of(rule.expression.root for rule in self.rules).listed

    @cached_property
    def _uses(self) -> dict[int, tuple[ast.Expr, Uses]]:
        return {}

    def _uses_of(self, node: ast.Expr) -> Uses:
        found = self._uses.get(id(node))
        if found is None:
            found = self._uses[id(node)] = node, Uses.of([node])
        return found[1]

    def possible(self, *wanted: tuple[ast.Expr, bool]) -> bool:
        """False: proved that in no request these expressions are so."""
        theory = self.theory(node for node, _ in wanted)
        roots = [theory.literal(node, self.lists) for node, _ in wanted]
        return theory.possible(
            *(root if truth else -root for root, (_, truth) in zip(roots, wanted, strict=True))
        )  # fmt: skip

    @cached_property
    def mtls_hosts(self) -> list[str]:
        """The hosts that mTLS is on for."""
        return [name for name, mtls in self.hosts if mtls]

    @cached_property
    def _places(self) -> tuple[dict[str, list[int]], list[int]]:
        """Positions of enabled rules by the host names that they are limited to, and of those that aren't limited."""
        by_host: dict[str, list[int]] = {}
        anywhere: list[int] = []
        for position, rule in enumerate(self.enabled):
            names = host_literals(rule)
            if names is None:
                anywhere.append(position)
            for name in names or ():
                by_host.setdefault(name, []).append(position)
        return by_host, anywhere

    def positions(self, host: str) -> list[int]:
        """Positions of the enabled rules that may match requests to a host (by its name alone), in order."""
        return sorted(self.places_of(host))

    def places_of(self, host: str) -> frozenset[int]:
        """The same as a set."""
        if host not in self._places_by_host:
            by_host, anywhere = self._places
            self._places_by_host[host] = frozenset((*by_host.get(sample_host(host), ()), *anywhere))
        return self._places_by_host[host]

    @cached_property
    def _places_by_host(self) -> dict[str, frozenset[int]]:
        return {}

    @cached_property
    def revoking_positions(self) -> frozenset[int]:
        """Positions of the enabled rules that may match requests to a host with revocation lists."""
        return frozenset(position for host in self.revoking for position in self.positions(host))

    @cached_property
    def _readers(self) -> dict[str, set[str | None]]:
        return {}

    def beside_reads(self, rule: Rule, field: str) -> bool:
        """Whether an enabled rule that may look at a host that this one looks at, itself included, reads a field."""
        if field not in self._readers:
            hosts: set[str | None] = set()
            for other in self.enabled:
                if field in fields_of(other.expression.root):
                    names = host_literals(other)
                    hosts.update((None,) if names is None else names)
            self._readers[field] = hosts
        readers, mine = self._readers[field], host_literals(rule)
        return None in readers or (bool(readers) if mine is None else not readers.isdisjoint(mine))


def atoms(node: ast.Expr) -> Iterator[ast.Expr]:
    """The clauses that `and`, `or`, `xor` and `not` join."""
    if isinstance(node, ast.Logical):
        for item in node.items:
            yield from atoms(item)
    elif isinstance(node, ast.Not):
        yield from atoms(node.item)
    elif not isinstance(node, ast.Always):
        yield node


def sample_host(name: str) -> str:
    """A host name that a configured one (`*.example.com`) stands for."""
    return f"www{name[1:]}" if name.startswith("*.") else name


def request_for(host: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """Known fields of a request to a host by a client in a certificate state."""
    return {"http.host": sample_host(host).encode(), "ssl": True, **state}


def blocks(rule: Rule) -> bool:
    """Whether a match ends the request."""
    return rule.action in TERMINATING and not rule.shadow


def reads_certificate(rule: Rule) -> bool:
    """Whether a rule looks at the client certificate."""
    return any(name.startswith(CERTIFICATE) for name in fields_of(rule.expression.root))


def field_name(node: Node) -> str:
    """The canonical name of a field that stands alone, or under `lower`; "" for anything else."""
    if isinstance(node, ast.Call) and node.name == "lower" and len(node.arguments) == 1:
        node = node.arguments[0]
    return canonical_field(node.name) if isinstance(node, ast.Field) else ""


def host_literals(rule: Rule) -> frozenset[str] | None:
    """The host names that a rule is limited to; None when it isn't, or not by name."""
    guard = guards_of(rule.expression.root).get(HOST)
    return None if guard is None else frozenset(name.decode("latin-1") for name in guard)


def literals(node: Node) -> Iterator[ast.String]:
    """The string literals of a right side: itself, or the items of a set."""
    if isinstance(node, ast.String):
        yield node
    elif isinstance(node, ast.Set):
        yield from (item for item in node.items if isinstance(item, ast.String))


def text(value: bytes) -> str:
    """Bytes for a message: printable, never misleading."""
    decoded = value.decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in decoded)


def compared_strings(context: Context, fields: Iterable[str]) -> Iterator[tuple[Clause, ast.String]]:
    """Every string literal that one of these fields is compared with as a whole (`eq`, `ne`, `in`)."""
    wanted = frozenset(fields)
    for clause in context.clauses:
        node = clause.node
        if isinstance(node, ast.Comparison) and node.operator in ("eq", "ne", "in") and field_name(node.left) in wanted:
            for literal in literals(node.right):
                yield clause, literal


def _clauses(
    rule: Rule, node: Node, negated: bool, siblings: tuple[ast.Expr, ...], inner: bool = False
) -> Iterator[Clause]:
    match node:
        case ast.Not():
            # under `not`, an `and` is an `or`: what stands beside it no longer holds along with it
            yield from _clauses(
                rule, node.item, not negated, siblings if not isinstance(node.item, ast.Logical) else (), inner
            )
        case ast.Logical():
            beside = (*siblings, *node.items) if node.operator == "and" else siblings
            for item in node.items:
                yield from _clauses(rule, item, negated, beside, inner)
        case ast.Comparison() | ast.Test():
            yield Clause(rule, node, negated, siblings, inner)
            yield from _inner(rule, node, negated)


def _inner(rule: Rule, node: Node, negated: bool) -> Iterator[Clause]:
    """Clauses among the arguments of calls."""
    for part in children(node):
        if is_expression(part):
            yield from _clauses(rule, part, negated, (), True)
        else:
            yield from _inner(rule, part, negated)


def base_request(host: str, state: Mapping[str, FieldValue], names: Iterable[str]) -> HttpRequest:
    """Where a search begins: the plainest request to a host by a client in this state, for rules that read `names`."""
    facts = {name: SAMPLE_FACTS[name] for name in sorted(names) if name in SAMPLE_FACTS} if state[PRESENTED] else {}
    return HttpRequest(host=host, at=AT, overrides=facts)
