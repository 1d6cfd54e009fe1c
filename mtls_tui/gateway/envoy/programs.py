"""The programs in Lua that run in Envoy: files beside this one, so that editors and luacheck can read them."""

from __future__ import annotations

from importlib import resources


def program(name: str) -> str:
    """The text of `NAME.lua`."""
    return resources.files(__package__).joinpath(f"{name}.lua").read_text(encoding="utf-8")
