"""The first screen when there is no file yet: three ways to begin, no wall of text."""

from __future__ import annotations

from dataclasses import replace

from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.overlays import Item, Picker


def page(document: Document) -> Document:
    """The document with the three choices floating."""
    items = (
        Item("new", "New mTLS rule", detail="name and host names",
             hint="Makes a rule that blocks clients without a valid certificate; you land in the builder."),
        Item("sample", "Open the sample", detail="three hosts, three rules",
             hint="A rule file to look around in. Nothing of yours is touched."),
        Item("open", "Open a file", detail="*.rules.toml", hint="A rule file that you have already."),
    )  # fmt: skip
    return replace(document, overlay=Picker("Welcome to mtls-tui", items, "first.choose"))
