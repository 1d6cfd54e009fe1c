"""Completion in the text editor: what the language offers at the cursor, with the file's hosts, lists and values."""

from __future__ import annotations

from mtls_tui.lang.completion import Completions, complete
from mtls_tui.rulefile import RuleFile
from mtls_tui.tui.drawing.safe_text import decode
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.recent import recent
from mtls_tui.tui.state.results import Results


def completions(document: Document) -> Completions | None:
    """What can be inserted at the cursor of the text editor; None if it is closed."""
    buffer = document.view.text
    return None if buffer is None else _at(buffer.text, buffer.cursor, document.content.file, document.results)


@recent(1)
def _at(text: str, cursor: int, file: RuleFile, results: Results | None) -> Completions:
    fields = results.fields if results is not None else {}
    values = {
        name: [decode(value)]
        for name, value in fields.items()
        if isinstance(value, bytes) and value and len(value) <= 200 and name.startswith("cf.tls_client_auth")
    }
    return complete(
        text,
        cursor,
        lists={name: entry.kind for name, entry in file.lists.items()},
        hosts=[host.name for host in file.hosts],
        values=values,
    )
