"""Constants as Lua writes them. Nothing of a rule gets into the code in any other way."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address

EXACT = 1 << 53
"""Numbers in Lua are doubles: integers up to this are exact, and no integer of a request is greater."""
_WRITTEN = re.compile(r'[^\x20-\x7e]|["\\]')
"""Characters, one for each byte, that stand as numbers in a string."""


def string(value: bytes) -> str:
    """A string of any bytes, in printable ASCII without quotes or backslashes of its own."""
    return f'"{_WRITTEN.sub(_number, value.decode("latin-1"))}"'


def _number(found: re.Match[str]) -> str:
    return f"\\{ord(found[0]):03d}"


def integer(value: int) -> str:
    """An integer; one that no double holds becomes one that is on the same side of every integer of a request."""
    if abs(value) > EXACT:
        value = EXACT + 2 if value > 0 else -EXACT - 2
    return str(value)


def address(value: IPv4Address | IPv6Address) -> str:
    """An IPv4 address as a number, an IPv6 address as its 16 bytes."""
    return address_number(value.version, int(value))


def address_number(version: int, number: int) -> str:
    """The same of an address that is given as a number."""
    return str(number) if version == 4 else string(number.to_bytes(16, "big"))


def array(items: Iterable[str]) -> str:
    """An array of constants that are written already."""
    return "{" + ",".join(items) + "}"


def lookup(keys: Iterable[str]) -> str:
    """A set of constants: a table with `true` for each of them."""
    return "{" + ",".join(f"[{key}]=true" for key in keys) + "}"
