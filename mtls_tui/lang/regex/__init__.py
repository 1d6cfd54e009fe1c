"""Regular expressions as the original reads them: their syntax tree, their classes as sets, and their form for RE2."""

from mtls_tui.lang.regex.reader import read_regex
from mtls_tui.lang.regex.to_re2 import check_pattern, compile_pattern, re2_text
from mtls_tui.lang.regex.tree import PatternError

__all__ = ["PatternError", "check_pattern", "compile_pattern", "re2_text", "read_regex"]
