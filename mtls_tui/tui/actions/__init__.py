"""What can be done, one file a subject. Importing a module registers its actions."""

from __future__ import annotations

MODULES = (
    "listing",
    "parts",
    "rows",
    "cursor",
    "rules",
    "hosts",
    "findings",
    "textmode",
    "simulator",
    "issued",
    "trust",
    "authority",
    "tail",
    "files",
    "general",
    "overlay",
)
"""In the order in which help lists them."""


def load() -> None:
    """Import every module of actions."""
    from importlib import import_module

    for name in MODULES:
        import_module(f"mtls_tui.tui.actions.{name}")
