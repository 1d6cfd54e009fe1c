"""The keys of what floats above the panes."""

from __future__ import annotations

from mtls_tui.tui.registry.parts import Context, add_context

for _context in (
    Context("picker", "Lists to choose from", "Type to search over name, words and meaning.", typing=True, floats=True),
    Context(
        "editor",
        "Editing a value",
        "What you type is applied at once; Esc goes back to the value before.",
        typing=True,
        floats=True,
    ),
    Context("form", "Forms", "Fields; Tab goes on, ⏎ is done.", typing=True, floats=True),
    Context("page", "Pages", "A page to read or to choose from.", floats=True),
):
    add_context(_context)
