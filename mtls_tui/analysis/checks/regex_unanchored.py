"""Regular expressions about the host that match more names than meant."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mtls_tui.analysis.context import Context, field_name
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.lang import ast

_LOOSE_DOT = re.compile(rb"(?<!\\)(?:\\\\)*\.(?=[A-Za-z0-9])")
_CLASS = re.compile(rb"\[[^\]]*\]")


def find(context: Context) -> Iterator[Hit]:
    """Patterns for `http.host` without `^` or `$`, or with a dot that stands for any character."""
    for clause in context.clauses:
        node = clause.node
        if not isinstance(node, ast.Comparison) or node.operator != "matches" or field_name(node.left) != "http.host":
            continue
        assert isinstance(node.right, ast.Pattern)
        pattern = node.right.value
        start = re.match(rb"(\(\?[a-z]+\)|\(|\(\?:)*(\^|\\A|\.\*)", pattern)
        end = re.search(rb"(\$|\\z|(?<!\\)\.\*)\)*$", pattern)
        if not start or not end:
            missing = "`^` and `$`" if not start and not end else "`^`" if not start else "`$`"
            where = "around" if not start and not end else "before" if not start else "behind"
            yield Hit(
                clause.rule,
                node.right,
                f"the pattern may match anywhere in the name: {where} the name more may stand",
                f"add {missing}",
            )
        loose = _LOOSE_DOT.search(_CLASS.sub(b"", pattern))
        if loose:
            yield Hit(clause.rule, node.right, "a dot stands for any character here", r"write `\.` for a dot")


CHECK = Check(
    "regex-loose",
    "warning",
    "A pattern for host names is loose",
    "A regular expression is searched for anywhere in the name, and a bare dot is any character: the pattern matches "
    "`api-example.com.evil.net` as well.",
    'http.host matches r"api.example.com"',
    r'http.host matches r"^api\.example\.com$"',
    find,
)
