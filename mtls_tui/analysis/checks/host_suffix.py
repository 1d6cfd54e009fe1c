"""Host names compared by an ending that does not begin at a dot."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import Clause, Context, blocks, field_name, text
from mtls_tui.analysis.finding import Check, Hit, Severity
from mtls_tui.lang import ast


def find(context: Context) -> Iterator[Hit]:
    """`ends_with(http.host, "example.com")` and `wildcard "*example.com"`; a warning where the wider match lets in."""
    for clause in context.clauses:
        found = _ending(clause.node)
        if found is None:
            continue
        literal, ending = found
        severity: Severity = "warning" if blocks(clause.rule) is clause.negated and _ends(clause) else "info"
        yield Hit(
            clause.rule,
            literal,
            f"`{ending}` also ends other names, such as `evil{ending}`",
            f'write `http.host eq "{ending}" or ends_with(http.host, ".{ending}")`',
            severity=severity,
        )


def _ends(clause: Clause) -> bool:
    """Whether the rule has a say in who gets in."""
    return clause.rule.action != "log" and not clause.rule.shadow


def _ending(node: ast.Comparison | ast.Test) -> tuple[ast.String | ast.Pattern, str] | None:
    """The literal, and the ending that it asks for, if that is a domain name of two labels or more without a dot."""
    where: ast.String | ast.Pattern
    match node:
        case ast.Test(value=ast.Call(name="ends_with", arguments=(subject, ast.String() as where))):
            ending = where.value
        case ast.Comparison(left=subject, operator="wildcard" | "strict wildcard", right=ast.Pattern() as where):
            ending = where.value[1:] if where.value.startswith(b"*") else b""
        case _:
            return None
    if (
        field_name(subject) != "http.host"
        or not ending[:1].isalnum()
        or b"." not in ending
        or set(ending) & set(b"*\\")
    ):
        return None
    return where, text(ending)


CHECK = Check(
    "host-suffix",
    "info",
    "An ending of host names has no dot before it",
    "`example.com` is also the end of `evilexample.com`. It is a warning where the rule lets such hosts pass.",
    'ends_with(http.host, "example.com")',
    'http.host eq "example.com" or ends_with(http.host, ".example.com")',
    find,
)
