"""IPv4 addresses in a set that are not written as four plain bytes."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import Context
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.engine.model import Rule
from mtls_tui.lang import ast
from mtls_tui.lang.tree import walk


def find(context: Context) -> Iterator[Hit]:
    """Addresses and networks in sets with bytes left out at the end, or with leading zeros."""
    for rule in context.rules:
        for _, node in walk(rule.expression.root):
            for item in node.items if isinstance(node, ast.Set) else ():
                if isinstance(item, ast.Address | ast.Network):
                    yield from _hits(rule, item)


def _hits(rule: Rule, item: ast.Address | ast.Network) -> Iterator[Hit]:
    written, whole = item.text, str(item.value)
    address = written.partition("/")[0]
    if ":" in address or address == whole.partition("/")[0]:
        return
    missing = 3 - address.count(".")
    if missing and isinstance(item, ast.Address):
        network = f"{address}{'.0' * missing}/{32 - 8 * missing}"
        hint = f"write `{network}` for the network, `{whole}` for the one address"
        yield Hit(rule, item, f"`{written}` is the single address `{whole}`, not a network", hint)
    else:
        yield Hit(rule, item, f"`{written}` is `{whole}`", f"write `{whole}`", severity="info", fix=whole)


CHECK = Check(
    "short-address",
    "warning",
    "An address is not written in full",
    "In a set an IPv4 address may leave out bytes at its end, which are then zero: `10` is the one address 10.0.0.0, "
    "not the network 10.0.0.0/8. Leading zeros don't make a byte octal: `010` is 10, where other programs read 8.",
    "ip.src in {10 192.168}",
    "ip.src in {10.0.0.0/8 192.168.0.0/16}",
    find,
)
