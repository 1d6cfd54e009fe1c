"""A pattern while it is typed: does it compile, and does it match what the simulator's request has there."""

from __future__ import annotations

from mtls_tui.engine import regex
from mtls_tui.tui.builder import choices
from mtls_tui.tui.drawing.safe_text import cut, decode, safe
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.overlays import PartEditor


def live_test(document: Document, editor: PartEditor) -> tuple[str, str]:
    """A line for the user with its style; empty when there is nothing to say."""
    if editor.kind not in {"regex", "wildcard"} or editor.error:
        return "", ""
    expression = document.expression
    if expression is None:
        return "", ""
    pattern = editor.buffer.text.encode()
    try:
        if editor.kind == "regex":
            found = regex.searcher(pattern)
        else:
            parent = choices.comparison_of(expression, editor.path)
            found = regex.wildcard(pattern, strict=parent is not None and parent.operator == "strict wildcard")
    except (ValueError, regex.PatternError) as error:
        return f"✗ {str(error).splitlines()[0]}", "bad"
    name = choices.subject_of(expression, editor.path)
    value = document.results.fields.get(name) if document.results is not None else None
    if not isinstance(value, bytes):
        return "✓ a valid pattern", "soft"
    shown = cut(safe(decode(value)), 40) or '""'
    return (f"✓ matches {shown}", "good") if found(value) else (f"✗ does not match {shown}", "warn")
