"""Which part of a request each field is made of, and which rules read parts that a decision service isn't told. Pure.

The one table behind two questions: what the gateway's own Envoy has to ask (`planning`), and whether a proxy's style
passes enough for the rules of a bundle (`styles`). A field made of a part that nobody passed would have a default, and
a rule on it would silently never match, or always.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Literal, NamedTuple, TypeAlias, get_args

from mtls_tui.engine.fields import EXTRACTORS
from mtls_tui.engine.policy import CERTIFICATE_FIELDS, Policy
from mtls_tui.engine.walk import canonical, walk
from mtls_tui.lang import ast

Part: TypeAlias = Literal[
    "certificate", "host", "method", "target", "client", "headers", "scheme", "http_version", "tls_version",
    "tls_cipher", "body", "edge",
]  # fmt: skip
"""What a request consists of. `headers`: those that the client sent; `edge`: what only Cloudflare's network knows."""
PARTS: tuple[Part, ...] = get_args(Part)

_NAMED: dict[str, frozenset[Part]] = {
    "http.host": frozenset({"host"}),
    "http.request.method": frozenset({"method"}),
    "http.request.version": frozenset({"http_version"}),
    "http.request.full_uri": frozenset({"scheme", "host", "target"}),
    "raw.http.request.full_uri": frozenset({"scheme", "host", "target"}),
    "http.request.timestamp.sec": frozenset(),
    "http.request.timestamp.msec": frozenset(),
    "http.cookie": frozenset({"headers"}),
    "http.referer": frozenset({"headers"}),
    "http.user_agent": frozenset({"headers"}),
    "http.x_forwarded_for": frozenset({"headers"}),
    "http.request.accepted_languages": frozenset({"headers"}),
    "ip.src": frozenset({"client"}),
    "ssl": frozenset({"scheme"}),
    "cf.tls_version": frozenset({"scheme", "tls_version"}),
    "cf.tls_cipher": frozenset({"scheme", "tls_cipher"}),
    "cf.edge.client_tcp": frozenset({"http_version"}),
}
_FAMILIES: tuple[tuple[str, Part], ...] = (
    ("http.request.uri", "target"),
    ("raw.http.request.uri", "target"),
    ("http.request.headers", "headers"),
    ("http.request.cookies", "headers"),
    ("http.request.body", "body"),
)
_EDGE: frozenset[Part] = frozenset({"edge"})

_NAMED_HEADERS = {
    "http.cookie": "cookie", "http.request.cookies": "cookie", "http.referer": "referer",
    "http.user_agent": "user-agent", "http.x_forwarded_for": "x-forwarded-for",
    "http.request.accepted_languages": "accept-language",
}  # fmt: skip


def parts_of(field: str) -> frozenset[Part]:
    """The parts that a field, by its canonical name, is made of. A name that is not in the table counts as `edge`."""
    named = _NAMED.get(field)
    if named is not None:
        return named
    if field.startswith(CERTIFICATE_FIELDS):
        return frozenset({"certificate"})
    for family, part in _FAMILIES:
        if field == family or (field.startswith(family + ".") and field in EXTRACTORS):
            return frozenset({part})
    return _EDGE


def needed(policy: Policy) -> frozenset[Part]:
    """The parts that some rule reads."""
    return frozenset().union(*(parts_of(field) for field in policy.needs))


class Untold(NamedTuple):
    """A rule that reads what the decision service is not told."""

    host: str
    rule: str
    field: str
    """As the rule file has it; a header that is not passed on stands in brackets."""


def untold(policy: Policy, passed: Collection[Part], withheld: Collection[str]) -> Iterator[Untold]:
    """The enabled rules that read a part outside `passed`, or a header among `withheld`, with a host where they count.

    Withheld headers are lower-case names that never reach the decision service. Any literal that spells one in a rule
    on headers counts, whether it is a key, an argument or a name compared: better one rule too many than one that never
    matches.
    """
    ruleset = policy.ruleset
    for position, rule in enumerate(ruleset.enabled):
        fields = sorted(_missing(rule.expression.root, passed, withheld))
        # A rule that can't match at a host, whatever else a request there holds, does no harm.
        hosts = (h for h in policy.hosts if h.startswith("*.") or ruleset.may_match(position, h.encode("ascii")))
        host = next(hosts, None) if fields else None
        if host is not None:
            yield from (Untold(host, rule.ref, field) for field in fields)


def _missing(root: ast.Expr, passed: Collection[Part], withheld: Collection[str]) -> set[str]:
    fields = {canonical(node.name) for node in walk(root) if isinstance(node, ast.Field)}
    found = {name for name in fields if not parts_of(name) <= frozenset(passed)}
    found |= {name for name in fields if _NAMED_HEADERS.get(name) in withheld}
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
