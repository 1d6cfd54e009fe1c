"""Old names of fields."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import Context
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import FIELDS
from mtls_tui.lang.tree import walk


def find(context: Context) -> Iterator[Hit]:
    """Every use of a deprecated name."""
    for rule in context.rules:
        for _, node in walk(rule.expression.root):
            info = FIELDS.get(node.name) if isinstance(node, ast.Field) else None
            if info and info.deprecated_by:
                new = info.deprecated_by
                yield Hit(rule, node, f"`{info.name}` is an old name", f"write `{new}`", fix=new)


CHECK = Check(
    "deprecated-field",
    "info",
    "A field goes by an old name",
    "The `ip.geoip.*` names still work, and are no longer documented.",
    'ip.geoip.country eq "GB"',
    'ip.src.country eq "GB"',
    find,
)
