"""The Rules language. Knows no files, sockets or clocks.

`parse` reads and checks a filter expression, `parse_value` a value expression, `format` writes one; `type_of` gives a
node's type. The syntax tree is in `lang.ast`, names in `lang.catalogue`, edits in `lang.edit`.
"""

from __future__ import annotations

from mtls_tui.lang.diagnostics import Diagnostic, ParseError, render
from mtls_tui.lang.formatter import format  # noqa: A004 - the language's own
from mtls_tui.lang.parsing import parse, parse_value
from mtls_tui.lang.typeof import type_of

__all__ = ["Diagnostic", "ParseError", "format", "parse", "parse_value", "render", "type_of"]
