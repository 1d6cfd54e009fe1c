"""Fields that the place where the rules run doesn't have."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import Context
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.engine.fields import EXTRACTORS
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import CERTIFICATE, FIELDS, FUNCTIONS, FieldInfo
from mtls_tui.lang.tree import walk


def find(context: Context) -> Iterator[Hit]:
    """Fields of the answer and of packets; for the bundled engine also fields that only the edge knows."""
    for rule in context.rules:
        seen = set()
        for _, node in walk(rule.expression.root):
            if not isinstance(node, ast.Field | ast.Call) or node.name in seen:
                continue
            seen.add(node.name)
            if isinstance(node, ast.Call):
                function = FUNCTIONS.get(node.name)
                if function and function.scope == "edge" and context.target == "engine":
                    message = f"`{node.name}` needs Cloudflare's network"
                    yield Hit(rule, node, message, "use the rule at Cloudflare only, or write it without")
                continue
            info = FIELDS.get(node.name)
            if info is None:
                continue
            if info.scope == "response":
                message = f"`{node.name}` is known once there is an answer: too late to decide about the request"
                yield Hit(rule, node, message, "use a field of the request")
            elif info.layer == "packet":
                yield Hit(rule, node, f"`{node.name}` belongs to the network firewall", "use a field of the request")
            elif context.target == "engine" and not _known(info):
                worth = "missing" if info.default is None else f"always `{_shown(info.default)}`"
                message = f"only Cloudflare's network knows `{node.name}`; here it is {worth}"
                yield Hit(rule, node, message, "use the rule at Cloudflare only, or write it without")


def _known(info: FieldInfo) -> bool:
    """Whether the bundled engine computes the field."""
    return info.canonical in EXTRACTORS or info.name.startswith(CERTIFICATE)


def _shown(value: object) -> str:
    if isinstance(value, bytes):
        return f'"{value.decode()}"'
    return str(value).lower()


CHECK = Check(
    "field-scope",
    "warning",
    "A field is not known here",
    "Some fields only Cloudflare's network can fill (bot scores, countries, threat scores). The bundled "
    "engine takes them "
    "as missing, so that comparisons with them never hold. Fields of the answer don't exist when a request is judged.",
    'cf.bot_management.score lt 30 and http.host eq "api.example.com"',
    'http.host eq "api.example.com" and ip.src in $scrapers',
    find,
)
