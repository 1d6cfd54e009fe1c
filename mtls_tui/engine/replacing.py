"""`regex_replace` and `wildcard_replace`: the first match, or the whole, rebuilt from parts. Never raise on data."""

from __future__ import annotations

import re
from functools import lru_cache

from mtls_tui.engine import regex

MAX_REFERENCES = 8
"""Groups that a replacement may name, and references that it may hold: a result can't grow without end."""
_REFERENCE = re.compile(rb"\$(?:\$|\{(\d{1,2})\})")


@lru_cache(maxsize=256)
def _template(replacement: bytes) -> tuple[bytes | int, ...] | None:
    """Literal parts and group numbers: `${1}` to `${8}` are references, `$$` is a dollar, other dollars stay.

    None when there are too many references.
    """
    parts: list[bytes | int] = []
    place = 0
    for match in _REFERENCE.finditer(replacement):
        parts.append(replacement[place : match.start()])
        if match[1] is None:
            parts.append(b"$")
        elif 1 <= int(match[1]) <= MAX_REFERENCES:
            parts.append(int(match[1]))
        else:
            parts.append(match[0])
        place = match.end()
    parts.append(replacement[place:])
    return tuple(parts) if sum(isinstance(part, int) for part in parts) <= MAX_REFERENCES else None


def _fill(parts: tuple[bytes | int, ...], groups: tuple[bytes | None, ...]) -> bytes:
    """The replacement with its references replaced; a group that is not there is empty."""
    return b"".join(
        part if isinstance(part, bytes) else (groups[part - 1] or b"") if part <= len(groups) else b"" for part in parts
    )


def regex_replace(source: bytes, pattern: bytes, replacement: bytes) -> bytes | None:
    """The source with the first match replaced; missing for an invalid pattern or too many references."""
    parts = _template(replacement)
    try:
        compiled = regex.compile_pattern(pattern)
    except regex.PatternError:
        return None
    if parts is None:
        return None
    match = compiled.search(source)
    if match is None:
        return source
    return source[: match.start()] + _fill(parts, match.groups()) + source[match.end() :]


def wildcard_replace(source: bytes, pattern: bytes, replacement: bytes, flags: bytes = b"") -> bytes | None:
    """The replacement when the whole source matches, else the source; flag `s`: case-sensitive.

    Missing when the pattern is invalid or there are too many references.
    """
    strict = b"s" in flags
    parts = _template(replacement)
    try:
        pieces = regex.wildcard_pieces(pattern if strict else pattern.lower())
    except regex.PatternError:
        return None
    if parts is None:
        return None
    spans = regex.star_spans(pieces, source if strict else source.lower())
    if spans is None:
        return source
    return _fill(parts, tuple(source[start:end] for start, end in spans))
