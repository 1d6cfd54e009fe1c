"""`all(…)` over what may be empty."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import Clause, Context
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.lang import ast
from mtls_tui.lang.tree import Node, walk


def find(context: Context) -> Iterator[Hit]:
    """`all(x[*] …)` in a rule that says nothing else about `x`."""
    for clause in context.clauses:
        node = clause.node
        if not isinstance(node, ast.Test) or not isinstance(node.value, ast.Call) or node.value.name != "all":
            continue
        base = _base(node.value)
        if base is None or _spoken_of(clause, node, base):
            continue
        passes = "a request that has none is not matched" if clause.negated else "a request that has none is matched"
        yield Hit(
            clause.rule,
            node,
            f"`all` over nothing is true: {passes}",
            "use `any`, or say what is to happen when there is none: `has_key(…)`, `len(…) gt 0`",
        )


def _base(call: ast.Call) -> Node | None:
    """What `[*]` goes over."""
    for _, node in walk(call):
        if isinstance(node, ast.Index) and node.key is None:
            return node.base
    return None


def _spoken_of(clause: Clause, node: ast.Test, base: Node) -> bool:
    """Whether the rule looks at the same map or array in another place."""
    inner = {id(part) for _, part in walk(node)}
    root: Node = base
    while isinstance(root, ast.Index):
        root = root.base
    return any(part == root and id(part) not in inner for _, part in walk(clause.rule.expression.root))


CHECK = Check(
    "vacuous-all",
    "warning",
    "`all` is true when there is nothing",
    '`all(headers["x"][*] eq "y")` is true for a request without the header `x`, so `not all(…)` lets it pass.',
    'not all(http.request.headers["x-token"][*] eq "secret")',
    'not any(http.request.headers["x-token"][*] eq "secret")',
    find,
)
