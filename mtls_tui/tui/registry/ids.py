"""Makes `action_ids.py`, the type of the ids of all actions, from the register."""

from __future__ import annotations

from mtls_tui.tui.registry.register import load


def ids_module() -> str:
    """The text of `action_ids.py`."""
    names = "".join(f'    "{name}",\n' for name in sorted(load()))
    return f'''"""The ids of all actions, so that mypy finds a wrong one. No module needs this at run time.

Made by `python -m mtls_tui.tui.registry.ids > mtls_tui/tui/action_ids.py`; a test fails when it is out of date.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

ActionId: TypeAlias = Literal[
{names}]
'''


if __name__ == "__main__":
    print(ids_module(), end="")  # noqa: T201
