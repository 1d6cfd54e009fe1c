"""The host compared with what can't be a host name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mtls_tui.analysis.context import Context, compared_strings, text
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.lang import ast
from mtls_tui.lang.formatter import quote


def find(context: Context) -> Iterator[Hit]:
    """Host literals with a slash, a scheme, a port, a star or capital letters."""
    for clause, literal in compared_strings(context, ["http.host"]):
        node = clause.node
        assert isinstance(node, ast.Comparison)
        fault = _fault(text(literal.value))
        if fault:
            message, hint, right = fault
            yield Hit(clause.rule, literal, message, hint, fix=quote(right.encode()) if right else None)


def _fault(name: str) -> tuple[str, str, str] | None:
    """Message, hint and the right name ("" when the cure is another one)."""
    bare = re.sub(r"^[a-z]+://", "", name.lower()).split("/")[0].split(":")[0]
    if name.startswith("/"):
        return f"a host name has no `/`: the host is never `{name}`", f'write `http.request.uri.path eq "{name}"`', ""
    if "/" in name:
        return f"a host name has no `/`: the host is never `{name}`", f"write `{bare}`, and compare the path apart", ""
    if re.search(r":\d+$", name) and name.count(":") == 1:
        return f"the port is not part of `http.host`: it is never `{name}`", f"write `{bare}`", bare
    if "*" in name:
        return f"a star means nothing here: the host is never `{name}`", f'write `http.host wildcard "{name}"`', ""
    if name != name.lower():
        return f"the host comes in lower case: it is never `{name}`", f"write `{name.lower()}`", name.lower()
    return None


CHECK = Check(
    "host-as-path",
    "warning",
    "A host is compared with what no host is called",
    "`http.host` is a bare name in lower case: no scheme, no port, no path, and `eq` and `in` know no wildcard. The "
    "comparison never holds.",
    'http.host in {"https://api.example.com/v1" "api.example.com:8443" "*.example.com" "API.example.com"}',
    'http.host in {"api.example.com"} or http.host wildcard "*.example.com"',
    find,
)
