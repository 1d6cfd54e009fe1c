"""How much a text may ask for, each limit with its origin. None is a setting: what needs more is refused."""

from __future__ import annotations

MAX_LENGTH = 4096
"""Characters of an expression; Cloudflare documents it for builder and editor alike."""

MAX_DEPTH = 128
"""Open parentheses, `not`s and function calls around one place; the original's default."""

MAX_HASHES = 255
"""`#`s around a raw string; the original's."""

REGEX_COMPILED_BYTES = 10 * (1 << 20)
"""Approximate size of a compiled regular expression; the original's."""

REGEX_LENGTH = 1 << 16
"""Characters of a regular expression: ours, so that reading one takes bounded time; no rule can hold that many."""

REGEX_NESTING = 250
"""Groups and repetitions inside each other in a regular expression; the default of the original's regex library."""

INTEGER_MIN = -(1 << 63)
INTEGER_MAX = (1 << 63) - 1
"""Integers are signed, 64 bits."""

INDEX_MAX = (1 << 32) - 1
"""Largest index of an array; the original keeps it in 32 bits."""
