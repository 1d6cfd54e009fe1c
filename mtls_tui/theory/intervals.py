"""Sets of integers as sorted, disjoint intervals, both ends included."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import TypeAlias

Intervals: TypeAlias = tuple[tuple[int, int], ...]


def united(pairs: Iterable[tuple[int, int]]) -> Intervals:
    """The intervals of some pairs; an empty pair (first above last) is none."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(pair for pair in pairs if pair[0] <= pair[1]):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)


def common(left: Intervals, right: Intervals) -> Intervals:
    """What is in both."""
    found: list[tuple[int, int]] = []
    a = b = 0
    while a < len(left) and b < len(right):
        first, last = max(left[a][0], right[b][0]), min(left[a][1], right[b][1])
        if first <= last:
            found.append((first, last))
        if left[a][1] < right[b][1]:
            a += 1
        else:
            b += 1
    return tuple(found)


def without(left: Intervals, right: Intervals) -> Intervals:
    """What is in the first and not in the second."""
    found: list[tuple[int, int]] = []
    b = 0
    for first, last in left:
        at = first
        while b < len(right) and right[b][1] < at:
            b += 1
        place = b
        while place < len(right) and right[place][0] <= last:
            if right[place][0] > at:
                found.append((at, right[place][0] - 1))
            at = max(at, right[place][1] + 1)
            place += 1
        if at <= last:
            found.append((at, last))
    return tuple(found)


def has(members: Intervals, value: int) -> bool:
    """Whether a number is in one of them."""
    place = bisect_right(members, (value, float("inf"))) - 1
    return place >= 0 and value <= members[place][1]
