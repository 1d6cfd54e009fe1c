"""Which rules can match a request to which host."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mtls_tui.engine.index import RuleIndex
from mtls_tui.lang.ast import Expression
from mtls_tui.lang.diagnostics import ParseError
from mtls_tui.tui.state.checked import checked
from mtls_tui.tui.state.content import Content, edited_rule_of


def rules_of_host(content: Content) -> Mapping[str, tuple[int, ...]]:
    """Which rules can match a request to each host."""
    index = _Index(content)
    return MappingProxyType({host.name: index.able(host.name) for host in content.file.hosts})


def rules_about(content: Content, host: str) -> tuple[str, ...]:
    """The rules that can match a request to this host and not one to any host: deleting the host concerns them."""
    index = _Index(content)
    everywhere = set(index.able(_NOBODY)) - set(index.broken)
    return tuple(content.file.rules[place].ref for place in index.able(host) if place not in everywhere)


_NOBODY = "nobody.invalid"
"""A host that no rule names (RFC 2606)."""


class _Index:
    """Which rules of a content can match which host; one that doesn't parse counts as able to."""

    def __init__(self, content: Content) -> None:
        expressions: list[Expression] = []
        self.positions: list[int] = []
        self.broken: list[int] = []
        for place, entry in enumerate(content.file.rules):
            try:
                expressions.append(checked(edited_rule_of(content, entry.ref).text))
                self.positions.append(place)
            except ParseError:
                self.broken.append(place)
        self.index = RuleIndex(expressions)

    def able(self, host: str) -> tuple[int, ...]:
        """The positions of the rules that can match a request to the host; all of them for a wildcard."""
        if host.startswith("*"):
            return tuple(sorted([*self.positions, *self.broken]))
        able = [self.positions[place] for place in self.index.positions_for_host(host.lower().encode())]
        return tuple(sorted([*able, *self.broken]))
