"""Regular expressions and wildcards over bytes, in time linear in the text.

`search` tests come from RE2 (no back-tracking); a wildcard is matched piece by piece from the left, which is linear
too and finds what a lazy `*` would find.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from mtls_tui.lang.regex import PatternError, compile_pattern

__all__ = ["PatternError", "compile_pattern", "searcher", "star_spans", "wildcard", "wildcard_pieces"]


@lru_cache(maxsize=4096)
def searcher(pattern: bytes) -> Callable[[bytes], bool]:
    """A function that tells whether a text holds a match."""
    search = compile_pattern(pattern).search

    def found(text: bytes) -> bool:
        return search(text) is not None

    return found


def wildcard_pieces(pattern: bytes) -> tuple[bytes, ...]:
    r"""The literal pieces between the stars, escapes resolved: one more than there are stars.

    `\*` and `\\` are the only escapes. Raises `PatternError` for any other backslash and for `**`.
    """
    pieces = [bytearray()]
    place, starred = 0, False
    while place < len(pattern):
        byte = pattern[place]
        if byte == 0x2A:
            if starred:
                raise PatternError("two consecutive `*` are not a wildcard")
            pieces.append(bytearray())
            starred = True
            place += 1
            continue
        if byte == 0x5C:
            place += 1
            if place >= len(pattern) or pattern[place] not in b"*\\":
                raise PatternError("a `\\` may only stand before `*` or `\\`")
            byte = pattern[place]
        pieces[-1].append(byte)
        starred = False
        place += 1
    return tuple(bytes(piece) for piece in pieces)


def star_spans(pieces: tuple[bytes, ...], text: bytes) -> list[tuple[int, int]] | None:
    """What each star stands for as offsets into the text, the shortest first; None when the whole does not match."""
    first, last = pieces[0], pieces[-1]
    if len(pieces) == 1:
        return [] if text == first else None
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return None
    end = len(text) - len(last)
    place = len(first)
    spans = []
    for piece in pieces[1:-1]:
        found = text.find(piece, place, end)
        if found < 0:
            return None
        spans.append((place, found))
        place = found + len(piece)
    spans.append((place, end))
    return spans


@lru_cache(maxsize=4096)
def wildcard(pattern: bytes, *, strict: bool) -> Callable[[bytes], bool]:
    """A function that tells whether the whole of a text matches; ASCII letters match in either case unless strict."""
    pieces = wildcard_pieces(pattern if strict else pattern.lower())
    if len(pieces) == 1:
        whole = pieces[0]
        return (lambda text: text == whole) if strict else (lambda text: text.lower() == whole)
    if strict:
        return lambda text: star_spans(pieces, text) is not None
    return lambda text: star_spans(pieces, text.lower()) is not None
