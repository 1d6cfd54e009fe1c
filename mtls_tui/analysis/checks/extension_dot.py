"""File extensions written with their dot."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.checks.case_never import LOWER_FIELDS, compared
from mtls_tui.analysis.context import Context, field_name, text
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.lang.formatter import quote


def find(context: Context) -> Iterator[Hit]:
    """Literals with a dot that an extension is compared with."""
    for clause in context.clauses:
        for subject, found in compared(clause.node):
            if field_name(subject) not in LOWER_FIELDS:
                continue
            for literal in found:
                if b"." in literal.value:
                    shown = text(literal.value)
                    right = literal.value.rpartition(b".")[2]
                    yield Hit(
                        clause.rule,
                        literal,
                        f"an extension has no dot: it is never `{shown}`",
                        f"write `{text(right)}`" if right else "leave the dot out",
                        fix=quote(right) if right and literal.value == b"." + right else None,
                    )


CHECK = Check(
    "extension-dot",
    "warning",
    "A file extension is written with its dot",
    "The extension of `/logo.png` is `png`, of `/a.tar.gz` it is `gz`. With a dot the comparison never holds.",
    'http.request.uri.path.extension in {".jpg" ".png"}',
    'http.request.uri.path.extension in {"jpg" "png"}',
    find,
)
