"""The subjects, by the modules that register their parts of the screen and their actions when they are imported."""

from __future__ import annotations

from importlib import import_module

MODULES = (
    "registry.bars",
    "hosts.pane",
    "properties.pane",
    "builder.pane",
    "text.pane",
    "simulator.pane",
    "authority.board",
    "log.board",
    "floating.contexts",
    "app.screen",
    "hosts.list_actions",
    "builder.part_actions",
    "builder.row_actions",
    "builder.cursor_actions",
    "hosts.new_rule_actions",
    "hosts.rule_actions",
    "hosts.entry_actions",
    "hosts.host_actions",
    "findings.actions",
    "text.actions",
    "simulator.actions",
    "properties.actions",
    "authority.issued_actions",
    "authority.trust_actions",
    "authority.actions",
    "log.actions",
    "files.actions",
    "deploy.actions",
    "app.general_actions",
    "floating.actions",
)
"""Below `mtls_tui.tui`, in the order in which help lists them. By name, since the register stands below all of them."""


HANDLERS = (
    "files.handlers",
    "deploy.handlers",
    "simulator.handlers",
    "findings.linting",
    "properties.proving",
    "authority.handlers",
    "log.handlers",
    "app.handlers",
    "app.evaluating",
)
"""The modules of handlers; imported by the application alone."""


def load() -> dict[str, int]:
    """Import every module; gives each one's place in the order."""
    names = [f"mtls_tui.tui.{name}" for name in MODULES]
    for name in names:
        import_module(name)
    return {name: place for place, name in enumerate(names)}


def load_handlers() -> None:
    """Import every module that carries out effects."""
    for name in HANDLERS:
        import_module(f"mtls_tui.tui.{name}")
