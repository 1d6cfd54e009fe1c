"""Numbers that a field never reaches."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import Context
from mtls_tui.analysis.domains import MOST, numbers_of
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.engine.fields_of import canonical_field
from mtls_tui.lang import ast
from mtls_tui.lang.catalogue import FIELDS
from mtls_tui.lang.formatter import format_node
from mtls_tui.lang.types import INT


def find(context: Context) -> Iterator[Hit]:
    """Numbers, and ranges of them, outside what a field or a length can be; comparisons that this decides."""
    for clause in context.clauses:
        node = clause.node
        if not isinstance(node, ast.Comparison):
            continue
        reach = domain(node.left)
        if reach is None:
            continue
        shown, (low, high) = format_node(node.left), reach
        span = f"{low} to {high}" if high < MOST else f"{low} or more"
        if isinstance(node.right, ast.Set):
            for item in node.right.items:
                first, last = ends(item)
                if last < low or first > high:
                    yield Hit(clause.rule, item, f"`{shown}` is {span}, never `{format_node(item)}`", "take it out")
        elif isinstance(node.right, ast.Integer):
            always = decided(node.operator, node.right.value, low, high)
            if always is not None:
                what = "every request satisfies this" if always else "no request satisfies this"
                yield Hit(clause.rule, node, f"{what}: `{shown}` is {span}", "compare with a number within that")


def domain(value: ast.Value) -> tuple[int, int] | None:
    """What a number can be, as the least and the greatest value; None for a value that is not a number."""
    if isinstance(value, ast.Call):
        return (0, MOST) if value.name == "len" else None
    info = FIELDS.get(canonical_field(value.name)) if isinstance(value, ast.Field) else None
    return numbers_of(info) if info is not None and info.type == INT else None


def ends(item: object) -> tuple[int, int]:
    """The inclusive ends of an item of a set of numbers."""
    if isinstance(item, ast.Range):
        assert isinstance(item.first, ast.Integer) and isinstance(item.last, ast.Integer)
        return item.first.value, item.last.value
    assert isinstance(item, ast.Integer)
    return item.value, item.value


def decided(operator: str, number: int, low: int, high: int) -> bool | None:
    """What a comparison with a number is for every value from `low` to `high`; None if it depends on the value."""
    match operator:
        case "eq" | "ne":
            if low <= number <= high:
                return operator == "eq" if low == high else None
            return operator == "ne"
        case "lt":
            return True if high < number else False if low >= number else None
        case "le":
            return True if high <= number else False if low > number else None
        case "gt":
            return True if low > number else False if high <= number else None
        case "ge":
            return True if low >= number else False if high < number else None
    return None


CHECK = Check(
    "number-never",
    "warning",
    "A number is outside what the field can be",
    "Ports end at 65535, scores at 99 or 100, a length is never negative. The comparison is always false, or always "
    "true.",
    "cf.edge.server_port eq 70000 or len(http.request.uri.query) ge 0",
    "cf.edge.server_port eq 7000 or len(http.request.uri.query) gt 0",
    find,
)
