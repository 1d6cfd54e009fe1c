"""Rules compiled to Lua, to be run inside Envoy (LuaJIT 2.1): exactly what the engine decides, or a question to it.

`compile_rules` gives the source of one host; `prelude()` is what every such source is called with, and its head says
how it is called. Pure text, made from checked trees; what can't be exact is named in `Compiled.asks` or `Refused`.
"""

from importlib import resources

from mtls_tui.engine.lua.fields import PARTS, Part
from mtls_tui.engine.lua.program import Compiled, compile_rules
from mtls_tui.engine.lua.refusal import Refused

__all__ = ["PARTS", "Compiled", "Part", "Refused", "compile_rules", "prelude"]


def prelude() -> str:
    """The text of `prelude.lua`: a chunk that returns a table."""
    return resources.files(__package__).joinpath("prelude.lua").read_text(encoding="utf-8")
