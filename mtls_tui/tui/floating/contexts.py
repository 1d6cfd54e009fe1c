"""The keys of what floats above the panes."""

from __future__ import annotations

from mtls_tui.tui.registry.parts import Context, Typing, add_context

for _context in (
    Context(
        "picker",
        "Lists to choose from",
        "Type to search over name, words and meaning.",
        typing=Typing("picker.key", "picker.paste"),
        wheel=("picker.up", "picker.down"),
        floats=True,
    ),
    Context(
        "editor",
        "Editing a value",
        "What you type is applied at once; Esc goes back to the value before.",
        typing=Typing("editor.key", "editor.paste"),
        floats=True,
    ),
    Context(
        "form",
        "Forms",
        "Fields; Tab goes on, ⏎ is done.",
        typing=Typing("form.key", "form.paste"),
        wheel=("form.previous", "form.next"),
        floats=True,
    ),
    Context("page", "Pages", "A page to read or to choose from.", wheel=("page.up", "page.down"), floats=True),
):
    add_context(_context)
