"""Items of a set that another item of it covers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mtls_tui.analysis.context import Context
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.lang import ast
from mtls_tui.lang.formatter import format_node
from mtls_tui.lang.tree import walk

MAX_ITEMS = 5000


def find(context: Context) -> Iterator[Hit]:
    """Doubled literals, addresses in a network of the same set, numbers in a range of it."""
    for rule in context.rules:
        for _, node in walk(rule.expression.root):
            if isinstance(node, ast.Set) and len(node.items) <= MAX_ITEMS:
                for item, cover in _covered(node):
                    shown = format_node(cover)
                    same = format_node(item) == shown
                    what = "stands here twice" if same else f"is in `{shown}` already"
                    yield Hit(rule, item, f"`{format_node(item)}` {what}", "take it out", fix="")


def _covered(node: ast.Set) -> Iterator[tuple[Any, Any]]:
    """Items with an item that holds all of them; of two equal ones the later."""
    if node.items and isinstance(node.items[0], ast.String):
        seen: dict[bytes, ast.String] = {}
        for item in node.items:
            assert isinstance(item, ast.String)
            if item.value in seen:
                yield item, seen[item.value]
            seen.setdefault(item.value, item)
        return
    spans = [(*_interval(item), place, item) for place, item in enumerate(node.items)]
    # by family, then by start, wide ones first: what covers an item stands before it
    spans.sort(key=lambda span: (span[0], span[1], -span[2], span[3]))
    widest: dict[int, tuple[int, Any]] = {}
    for family, _, last, _, item in spans:
        reach = widest.get(family)
        if reach and last <= reach[0]:
            yield item, reach[1]
        else:
            widest[family] = (last, item)


def _interval(item: Any) -> tuple[int, int, int]:
    """Family (0 for numbers) and the inclusive ends as numbers."""
    match item:
        case ast.Integer(value=value):
            return 0, value, value
        case ast.Address(value=value):
            return value.version, int(value), int(value)
        case ast.Network(value=network):
            return network.version, int(network.network_address), int(network.broadcast_address)
        case _:
            first, last = item.first.value, item.last.value
            return (0 if isinstance(first, int) else first.version), int(first), int(last)


CHECK = Check(
    "duplicate-item",
    "warning",
    "An item of a set does nothing",
    "It stands in the set twice, or a network or range of the same set holds it already. Often one of the two "
    "was meant to "
    "be something else.",
    "ip.src in {192.0.2.0/24 192.0.2.7}",
    "ip.src in {192.0.2.0/24}",
    find,
)
