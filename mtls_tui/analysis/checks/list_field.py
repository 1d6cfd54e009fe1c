"""Lists beside fields that they are not made for."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import Context
from mtls_tui.analysis.finding import Check, Hit, Severity
from mtls_tui.engine.fields_of import canonical_field
from mtls_tui.lang import ast, type_of
from mtls_tui.lang.formatter import format_node
from mtls_tui.lang.tree import walk
from mtls_tui.lang.types import BYTES, INT, Type

FIELD_OF: dict[Type, tuple[str, str]] = {BYTES: ("host names", "http.host"), INT: ("AS numbers", "ip.src.asnum")}
"""By the type on the left: what a list then holds, and the one field that Cloudflare takes it with."""
SLASHED = ("http.request.uri", "http.request.uri.path", "raw.http.request.uri", "raw.http.request.uri.path")


def find(context: Context) -> Iterator[Hit]:
    """Lists of host names after anything but `http.host`, of AS numbers after anything but `ip.src.asnum`."""
    for rule in context.rules:
        for _, node in walk(rule.expression.root):
            if not isinstance(node, ast.Comparison) or not isinstance(node.right, ast.ListName):
                continue
            kind, written = type_of(node.left), format_node(node.left)
            what, field = FIELD_OF.get(kind, ("", "")) if kind else ("", "")
            if not what or canonical_field(written) == field:
                continue
            severity: Severity = "info"
            message = f"a list of {what} goes with `{field}` only at Cloudflare"
            if context.target == "cloudflare":
                severity = "error"
            elif written in SLASHED:
                severity = "warning"
                message = f"`${node.right.name}` is a list of host names here, and `{written}` begins with `/`"
            hint = f"write `{field} in ${node.right.name}`, or the items as a set"
            yield Hit(rule, node, message, hint, severity=severity)


CHECK = Check(
    "list-field",
    "info",
    "A list stands beside a field that it is not made for",
    "Cloudflare takes lists of host names with `http.host` only and lists of AS numbers with `ip.src.asnum` only: an "
    "error with `--target cloudflare`. The bundled engine takes any field of the type and compares as with hosts: "
    "an item `*.example.com` covers all names below it.",
    "http.request.uri.path in $partners",
    "http.host in $partners",
    find,
)
