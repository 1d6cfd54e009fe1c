"""Completion in the text editor: what the language offers at the cursor, with the file's hosts, lists and values."""

from __future__ import annotations

from mtls_tui.lang.completion import Completions, complete
from mtls_tui.tui.drawing.safe_text import decode
from mtls_tui.tui.state.document import Document

_last: list[tuple[str, int, int, Completions]] = []


def completions(document: Document) -> Completions | None:
    """What may stand at the cursor of the text editor; None when nothing is edited as text."""
    buffer = document.view.text
    if buffer is None:
        return None
    file = document.content.file
    for text, cursor, known, found in _last:
        if text == buffer.text and cursor == buffer.cursor and known == id(document.results):
            return found
    fields = document.results.fields if document.results is not None else {}
    values = {
        name: [decode(value)]
        for name, value in fields.items()
        if isinstance(value, bytes) and value and len(value) <= 200 and name.startswith("cf.tls_client_auth")
    }
    found = complete(
        buffer.text,
        buffer.cursor,
        lists={name: entry.kind for name, entry in file.lists.items()},
        hosts=[host.name for host in file.hosts],
        values=values,
    )
    _last[:] = [(buffer.text, buffer.cursor, id(document.results), found)]
    return found
