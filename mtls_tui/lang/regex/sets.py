"""Sets of bytes and of characters as sorted ranges, and how RE2 writes them over bytes.

The data on Unicode come from RE2's own tables: a property's characters are those that RE2 finds among all of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import TypeAlias

import re2

Ranges: TypeAlias = tuple[tuple[int, int], ...]
"""Inclusive, sorted, neither touching nor overlapping."""

_LAST_CASED = 0x1F000
"""No character from here on has another case."""

BYTES: Ranges = ((0, 255),)
SCALARS: Ranges = ((0, 0xD7FF), (0xE000, 0x10FFFF))

ASCII_CLASSES: dict[str, Ranges] = {
    "alnum": ((0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)),
    "alpha": ((0x41, 0x5A), (0x61, 0x7A)),
    "ascii": ((0, 0x7F),),
    "blank": ((9, 9), (0x20, 0x20)),
    "cntrl": ((0, 0x1F), (0x7F, 0x7F)),
    "digit": ((0x30, 0x39),),
    "graph": ((0x21, 0x7E),),
    "lower": ((0x61, 0x7A),),
    "print": ((0x20, 0x7E),),
    "punct": ((0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)),
    "space": ((9, 13), (0x20, 0x20)),
    "upper": ((0x41, 0x5A),),
    "word": ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)),
    "xdigit": ((0x30, 0x39), (0x41, 0x46), (0x61, 0x66)),
}
ASCII_PERL = {"d": ASCII_CLASSES["digit"], "s": ASCII_CLASSES["space"], "w": ASCII_CLASSES["word"]}

_WHITE_SPACE: Ranges = (
    *((9, 13), (0x20, 0x20), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029)),
    *((0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000)),
)
_OTHER_WORD: Ranges = (
    *((0x200C, 0x200D), (0x24B6, 0x24E9), (0x1F130, 0x1F149), (0x1F150, 0x1F169), (0x1F170, 0x1F189)),
)
"""Word characters that no letter, mark, number or connector category has: joiners and circled letters."""


def united(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """The ranges sorted, those that touch made one."""
    result: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if result and first <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(result[-1][1], last))
        else:
            result.append((first, last))
    return tuple(result)


def complement(ranges: Ranges, whole: Ranges) -> Ranges:
    """What the whole has and the ranges have not."""
    result: list[tuple[int, int]] = []
    for start, end in whole:
        at = start
        for first, last in ranges:
            if last < at or first > end:
                continue
            if first > at:
                result.append((at, first - 1))
            at = max(at, last + 1)
        if at <= end:
            result.append((at, end))
    return tuple(result)


def common(left: Ranges, right: Ranges, whole: Ranges) -> Ranges:
    """What both have."""
    return complement(united((*complement(left, whole), *complement(right, whole))), whole)


def operated(operator: str, left: Ranges, right: Ranges, whole: Ranges) -> Ranges:
    """`&` intersection, `-` difference, `~` symmetric difference."""
    if operator == "&":
        return common(left, right, whole)
    only_left = common(left, complement(right, whole), whole)
    if operator == "-":
        return only_left
    return united((*only_left, *common(right, complement(left, whole), whole)))


def folded_ascii(ranges: Ranges) -> Ranges:
    """With the other case of every ASCII letter."""
    other = [(c ^ 0x20, c ^ 0x20) for c in (*range(0x41, 0x5B), *range(0x61, 0x7B)) if _has(ranges, c)]
    return united((*ranges, *other))


def _has(ranges: Ranges, value: int) -> bool:
    return any(first <= value <= last for first, last in ranges)


@cache
def _scalars() -> bytes:
    return "".join(chr(c) for first, last in SCALARS for c in range(first, last + 1)).encode()


@lru_cache(maxsize=256)
def found_by_re2(pattern: str) -> Ranges | None:
    """The characters that one piece of a pattern matches; None when RE2 doesn't know the piece."""
    options = re2.Options()
    options.log_errors = False
    try:
        runs = re2.compile(f"(?:{pattern})+".encode(), options)
    except re2.error:
        return None
    characters = _scalars()
    ranges: list[tuple[int, int]] = []
    for run in runs.finditer(characters):
        first = characters[run.start() : run.start() + 4].decode("utf-8", "ignore")[0]
        tail = characters[max(run.start(), run.end() - 4) : run.end()]
        ranges.append((ord(first), ord(tail.decode("utf-8", "ignore")[-1])))
    return common(united(ranges), SCALARS, SCALARS)


@cache
def _cases() -> dict[int, tuple[int, ...]]:
    """Every character that has others differing by case alone, with those."""
    together: dict[int, set[int]] = {}
    for code in range(_LAST_CASED):
        character = chr(code)
        if code in (0x130, 0x131):  # the dotted and dotless i of Turkish fold with nothing
            continue
        for other in (character.lower(), character.upper(), character.title(), character.casefold()):
            if other != character and len(other) == 1:
                group = together.get(code, {code}) | together.get(ord(other), {ord(other)})
                for member in group:
                    together[member] = group
    return {code: tuple(group - {code}) for code, group in together.items()}


def folded(ranges: Ranges) -> Ranges:
    """With every character that differs by case alone."""
    cases = _cases()
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return united((*ranges, *((other, other) for other in cases.get(ranges[0][0], ()))))
    return _folded_ranges(ranges)


@lru_cache(maxsize=256)
def _folded_ranges(ranges: Ranges) -> Ranges:
    starts = [first for first, _ in ranges]
    others: list[tuple[int, int]] = []
    for code, group in _cases().items():
        place = bisect_right(starts, code) - 1
        if place >= 0 and code <= ranges[place][1]:
            others.extend((other, other) for other in group)
    return united((*ranges, *others))


def unicode_perl(kind: str) -> Ranges:
    """`\\d`, `\\s` and `\\w` over all of Unicode."""
    if kind == "s":
        return _WHITE_SPACE
    found = found_by_re2("\\p{Nd}" if kind == "d" else "[\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}]")
    assert found is not None
    return found if kind == "d" else united((*found, *_OTHER_WORD))


def byte_class(ranges: Ranges) -> str:
    """A set of bytes in RE2's terms; the empty one matches nothing."""
    if not ranges:
        return "[^\\x00-\\xff]"
    return "[" + "".join(f"\\x{first:02x}-\\x{last:02x}" for first, last in ranges) + "]"


@lru_cache(maxsize=256)
def character_class(ranges: Ranges) -> tuple[str, int]:
    """A set of characters in RE2's terms, over the bytes of UTF-8, and how many alternatives that takes."""
    alternatives = ["".join(byte_class((step,)) for step in steps) for steps in utf8_sequences(ranges)]
    return "(?:" + "|".join(alternatives) + ")", len(alternatives)


def utf8_sequences(ranges: Ranges) -> Iterator[tuple[tuple[int, int], ...]]:
    """The characters as sequences of byte ranges."""
    limits = (0x7F, 0x7FF, 0xFFFF, 0x10FFFF)
    for first, last in ranges:
        start = first
        for limit in limits:
            if start > last:
                break
            if start <= limit:
                end = min(last, limit)
                yield from _sequences(chr(start).encode(), chr(end).encode())
                start = end + 1


def _sequences(low: bytes, high: bytes) -> Iterator[tuple[tuple[int, int], ...]]:
    """All sequences from `low` to `high`, both of one length."""
    if len(low) == 1:
        yield ((low[0], high[0]),)
        return
    if low[0] == high[0]:
        for rest in _sequences(low[1:], high[1:]):
            yield ((low[0], low[0]), *rest)
        return
    size = len(low) - 1
    least, most = b"\x80" * size, b"\xbf" * size
    first, last = low[0], high[0]
    if low[1:] != least:
        for rest in _sequences(low[1:], most):
            yield ((first, first), *rest)
        first += 1
    tail: list[tuple[tuple[int, int], ...]] = []
    if high[1:] != most:
        tail = [((last, last), *rest) for rest in _sequences(least, high[1:])]
        last -= 1
    if first <= last:
        yield ((first, last), *(((0x80, 0xBF),) * size))
    yield from tail
