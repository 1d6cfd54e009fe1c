"""Membership of inline sets and named lists, ready to be asked with `in`. Never raises on a value of the right type.

Addresses and integers are kept as sorted, disjoint intervals and found by bisection, so that the cost of a question
grows with the logarithm of the set; single integers and strings are plain frozen sets.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, TypeAlias

from mtls_tui.lang import ast

ListItem: TypeAlias = str | bytes | int | IPv4Address | IPv6Address | IPv4Network | IPv6Network
Lists: TypeAlias = "Mapping[str, Iterable[ListItem] | NamedList]"
_KINDS = {"Ip": "ip", "Int": "asn", "Bytes": "hostname"}
_SPELL_OUT = 64
"""Integer ranges with no more values than this become a plain set."""


class ListError(ValueError):
    """A named list is not known, or holds what its kind can't hold. `name` is the list's, without the dollar."""

    def __init__(self, name: str, message: str) -> None:
        self.name = name
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class NamedList:
    """The items of a list whose kind is settled: `ip`, `hostname` or `asn`."""

    kind: str
    items: tuple[ListItem, ...]

    def __iter__(self) -> Iterator[ListItem]:
        return iter(self.items)


def _merged(intervals: Iterable[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Sorted starts and ends of the disjoint intervals that cover the same numbers."""
    starts: list[int] = []
    ends: list[int] = []
    for first, last in sorted(intervals):
        if ends and first <= ends[-1] + 1:
            ends[-1] = max(ends[-1], last)
        else:
            starts.append(first)
            ends.append(last)
    return starts, ends


class Integers:
    """Integers in any of some inclusive ranges."""

    __slots__ = ("_ends", "_starts")

    def __init__(self, ranges: Iterable[tuple[int, int]]) -> None:
        self._starts, self._ends = _merged(ranges)

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, int):
            return False
        place = bisect_right(self._starts, value)
        return place > 0 and value <= self._ends[place - 1]

    def intervals(self) -> Iterable[tuple[int, int]]:
        """The disjoint inclusive intervals."""
        return zip(self._starts, self._ends, strict=True)


class Addresses:
    """IP addresses in any of some networks, ranges or single addresses; the families don't mix."""

    __slots__ = ("_v4", "_v6")

    def __init__(self, v4: Iterable[tuple[int, int]], v6: Iterable[tuple[int, int]]) -> None:
        self._v4 = _merged(v4)
        self._v6 = _merged(v6)

    def __contains__(self, value: object) -> bool:
        if isinstance(value, IPv4Address):
            starts, ends = self._v4
        elif isinstance(value, IPv6Address):
            starts, ends = self._v6
        else:
            return False
        number = int(value)
        place = bisect_right(starts, number)
        return place > 0 and number <= ends[place - 1]

    def intervals(self, version: int) -> Iterable[tuple[int, int]]:
        """The disjoint inclusive intervals of one family (4 or 6), as numbers."""
        starts, ends = self._v4 if version == 4 else self._v6
        return zip(starts, ends, strict=True)


class Hostnames:
    """Host names; an item `*.example.com` stands for one or more labels before `.example.com`."""

    __slots__ = ("names", "suffixes")

    def __init__(self, items: Iterable[bytes]) -> None:
        names, suffixes = set(), set()
        for item in items:
            if item.startswith(b"*."):
                suffixes.add(item[2:])
            else:
                names.add(item)
        self.names = frozenset(names)
        self.suffixes = frozenset(suffixes)

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, bytes):
            return False
        if value in self.names:
            return True
        if not self.suffixes:
            return False
        rest = value
        while True:
            label, dot, rest = rest.partition(b".")
            if not dot or not label:  # an empty label does not count: ".example.com" is not below example.com
                return False
            if rest in self.suffixes:
                return True


Members: TypeAlias = frozenset[Any] | Integers | Addresses | Hostnames
NOTHING: frozenset[Any] = frozenset()


def _address_range(item: ListItem | ast.Address | ast.Network | ast.Range) -> tuple[int, int, int]:
    """(family, first, last) of anything that stands for addresses. Raises `ValueError` for anything else."""
    if isinstance(item, ast.Range):
        assert isinstance(item.first, ast.Address) and isinstance(item.last, ast.Address)
        return item.first.value.version, int(item.first.value), int(item.last.value)
    if isinstance(item, ast.Address | ast.Network):
        item = item.value
    if isinstance(item, bytes):
        item = item.decode()
    if isinstance(item, str):
        item = ip_network(item.strip(), strict=False) if "/" in item else ip_address(item.strip())
    if isinstance(item, IPv4Network | IPv6Network):
        return item.version, int(item.network_address), int(item.broadcast_address)
    if isinstance(item, IPv4Address | IPv6Address):
        return item.version, int(item), int(item)
    raise ValueError(f"`{item}` is not an IP address or network")


def addresses(items: Iterable[ListItem | ast.Address | ast.Network | ast.Range]) -> Addresses:
    """The set of some addresses, networks and ranges. Raises `ValueError` for anything else."""
    ranges = [_address_range(item) for item in items]
    return Addresses(
        [(first, last) for family, first, last in ranges if family == 4],
        [(first, last) for family, first, last in ranges if family == 6],
    )


def integers(ranges: Sequence[tuple[int, int]]) -> frozenset[int] | Integers:
    """The set of the integers in some inclusive ranges."""
    if sum(last - first + 1 for first, last in ranges) <= _SPELL_OUT + len(ranges):
        return frozenset(value for first, last in ranges for value in range(first, last + 1))
    return Integers(ranges)


def of_set(node: ast.Set) -> Members:
    """What an inline set holds."""
    first = node.items[0] if node.items else None
    if first is None:
        return NOTHING
    if isinstance(first, ast.String):
        return frozenset(item.value for item in node.items if isinstance(item, ast.String))
    if isinstance(first, ast.Integer) or (isinstance(first, ast.Range) and isinstance(first.first, ast.Integer)):
        ranges = []
        for item in node.items:
            if isinstance(item, ast.Range):
                assert isinstance(item.first, ast.Integer) and isinstance(item.last, ast.Integer)
                ranges.append((item.first.value, item.last.value))
            elif isinstance(item, ast.Integer):
                ranges.append((item.value, item.value))
        return integers(ranges)
    return addresses(item for item in node.items if isinstance(item, ast.Address | ast.Network | ast.Range))


def _asn(item: ListItem) -> int:
    if isinstance(item, bytes):
        item = item.decode()
    if isinstance(item, str):
        text = item.strip()
        item = int(text[2:] if text[:2] in ("AS", "as") else text)
    if not isinstance(item, int) or isinstance(item, bool):
        raise ValueError(f"`{item}` is not a number of an autonomous system")
    return item


def _hostname(item: ListItem) -> bytes:
    if isinstance(item, str):
        item = item.encode("idna") if not item.isascii() else item.encode()
    if not isinstance(item, bytes):
        raise ValueError(f"`{item}` is not a host name")
    return item.strip()


class PreparedLists(Mapping[str, "Iterable[ListItem] | NamedList"]):
    """Lists whose members are worked out once for all rules that name them."""

    def __init__(self, lists: Lists | None) -> None:
        self._lists = {
            name: items if isinstance(items, NamedList) else tuple(items) for name, items in (lists or {}).items()
        }
        self._members: dict[tuple[str, str], Members] = {}

    def __getitem__(self, name: str) -> Iterable[ListItem] | NamedList:
        return self._lists[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._lists)

    def __len__(self) -> int:
        return len(self._lists)

    def members(self, name: str, kind: str) -> Members:
        """As `of_list`."""
        found = self._members.get((name, kind))
        if found is None:
            found = self._members[name, kind] = _read_list(name, kind, self._lists)
        return found


def of_list(name: str, kind: str, lists: Lists | None) -> Members:
    """What the list `$name` holds, for a left side of type `kind` (Ip, Int or Bytes).

    Raises `ListError` when the list is not among `lists` or an item is not of that kind: an unknown list must not
    silently match nothing, since a rule that only lets the list's members in would then let nobody or everybody in.
    """
    if isinstance(lists, PreparedLists):
        return lists.members(name, kind)
    return _read_list(name, kind, lists or {})


def _read_list(name: str, kind: str, lists: Lists) -> Members:
    if name not in lists:
        raise ListError(name, f"no list is named `{name}`: define it, or give its items")
    items = lists[name]
    if isinstance(items, NamedList) and items.kind != _KINDS.get(kind):
        raise ListError(name, f"`{name}` is a list of kind {items.kind}, which can't hold what stands before `in`")
    try:
        if kind == "Ip":
            return addresses(items)
        if kind == "Int":
            return frozenset(_asn(item) for item in items)
        return Hostnames(_hostname(item) for item in items)
    except ValueError as error:
        raise ListError(name, f"the list `{name}` can't be used here: {error}") from None
