"""Which parts of a request a decision service has to be told, and which rules read parts that it isn't told. Pure.

The parts are the catalogue's, named as proxies pass them on. They answer two questions: what the gateway's own Envoy
has to ask (`planning`), and whether a proxy's style passes enough for the rules of a bundle (`styles`). A field whose
part nobody passed would have a default, and a rule on it would silently never match, or always.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Literal, NamedTuple, TypeAlias, get_args

from mtls_tui.engine.fields_of import canonical_field, walk
from mtls_tui.engine.policy import Policy
from mtls_tui.lang import ast, catalogue
from mtls_tui.lang.catalogue import FIELDS

PassedPart: TypeAlias = Literal[
    "certificate", "host", "method", "target", "client", "headers", "scheme", "http_version", "tls_version",
    "tls_cipher", "body", "edge",
]  # fmt: skip
"""What a proxy passes on, or doesn't. `headers`: those that the client sent; `edge`: what no proxy passes."""
PARTS: tuple[PassedPart, ...] = get_args(PassedPart)

_PASSED: dict[catalogue.RequestPart, frozenset[PassedPart]] = {
    "certificate": frozenset({"certificate"}),
    "host": frozenset({"host"}),
    "port": frozenset({"edge"}),  # told by nobody: `canonical_host` takes it off
    "method": frozenset({"method"}),
    "path": frozenset({"target"}),
    "query": frozenset({"target"}),
    "client": frozenset({"client"}),
    "headers": frozenset({"headers"}),
    "scheme": frozenset({"scheme"}),
    "http_version": frozenset({"http_version"}),
    "tls_version": frozenset({"tls_version"}),
    "tls_cipher": frozenset({"tls_cipher"}),
    "body": frozenset({"body"}),
    "time": frozenset(),  # the decision service has a clock
    "edge": frozenset({"edge"}),
}
"""How each part of the catalogue is passed on."""
_EDGE: frozenset[PassedPart] = frozenset({"edge"})
MOST_NAMED = 5
"""Rules that a message names one by one."""


def parts_of(field: str) -> frozenset[PassedPart]:
    """What has to be passed on so that a field, by its canonical name, is known. `edge` for a name that is not one."""
    return frozenset().union(*(_PASSED[part] for part in catalogue.parts_of(field)))


def needed(policy: Policy) -> frozenset[PassedPart]:
    """The parts that some rule reads."""
    return frozenset().union(*(parts_of(field) for field in policy.needs))


class Untold(NamedTuple):
    """A rule that reads what the decision service is not told."""

    host: str
    rule: str
    field: str
    """As the rule file has it; a header that is not passed on stands in brackets."""


def untold(policy: Policy, passed: Collection[PassedPart], withheld: Collection[str]) -> Iterator[Untold]:
    """The enabled rules that read a part outside `passed`, or a header among `withheld`, with a host where they count.

    Withheld headers are lower-case names that never reach the decision service. Any literal that spells one in a rule
    on headers counts, whether it is a key, an argument or a name compared: better one rule too many than one that never
    matches.
    """
    ruleset = policy.ruleset
    names = sorted(policy.hosts, key=lambda name: name.startswith("*."))  # of wildcards it isn't known: named last
    for position, rule in enumerate(ruleset.enabled):
        fields = sorted(_missing(rule.expression.root, passed, withheld))
        # A rule that can't match at a host, whatever else a request there holds, does no harm.
        hosts = (h for h in names if h.startswith("*.") or ruleset.may_match(position, h.encode("ascii")))
        host = next(hosts, None) if fields else None
        if host is not None:
            yield from (Untold(host, rule.ref, field) for field in fields)


def reads_edge(policy: Policy) -> str:
    """A note on the enabled rules that read what only Cloudflare's network knows; empty when none does.

    Nobody can tell the gateway of it, so these fields have their default or are missing, as the simulator has them.
    """
    found = list(untold(policy, frozenset(PARTS) - _EDGE, ()))
    if not found:
        return ""
    named = "; ".join(f"host {one.host}: rule {one.rule} reads {one.field}" for one in found[:MOST_NAMED])
    more = f"; and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    return (
        f"{named}{more}: only Cloudflare's network knows that; here it has its default or is missing, so such a "
        "rule may never match, or always; `mtls-tui check` shows each place"
    )


def _missing(root: ast.Expr, passed: Collection[PassedPart], withheld: Collection[str]) -> set[str]:
    fields = {canonical_field(node.name) for node in walk(root) if isinstance(node, ast.Field)}
    found = {name for name in fields if not parts_of(name) <= frozenset(passed)}
    found |= {name for name in fields if name in FIELDS and FIELDS[name].header in withheld}
    if any(name.startswith("http.request.headers") for name in fields):
        spelled = {text.lower() for text in _literals(root)}
        found |= {f'http.request.headers["{name}"]' for name in withheld if name.encode("ascii") in spelled}
    return found


def _literals(root: ast.Expr) -> Iterator[bytes]:
    for node in walk(root):
        if isinstance(node, ast.String):
            yield node.value
        elif isinstance(node, ast.Index) and isinstance(node.key, ast.String):
            yield node.key.value
        elif isinstance(node, ast.Set):
            yield from (item.value for item in node.items if isinstance(item, ast.String))
