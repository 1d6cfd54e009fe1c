"""The types of the Rules language, and what values stand for them in Python. Knows nothing of syntax or fields.

`bytes` stands for String and Bytes, `int` for Integer, `bool` for Boolean, `IPv4Address` / `IPv6Address` for IP,
`list` for Array, `dict` with `bytes` keys for Map. A missing value is an absent field, an index out of range or a
key that is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import TypeAlias, Union

FieldValue: TypeAlias = Union[bytes, int, bool, IPv4Address, IPv6Address, "list[FieldValue]", "dict[bytes, FieldValue]"]
Fields: TypeAlias = Mapping[str, FieldValue]


@dataclass(frozen=True, slots=True)
class Type:
    """A type: `name` is Bool, Int, Bytes, Ip, Array or Map (the original's words); the last two have an `item`."""

    name: str
    item: Type | None = None

    def __str__(self) -> str:
        return self.name if self.item is None else f"{self.name}<{self.item}>"


BOOL = Type("Bool")
INT = Type("Int")
BYTES = Type("Bytes")
IP = Type("Ip")


def array(item: Type) -> Type:
    """`Array<item>`."""
    return Type("Array", item)


def map_of(item: Type) -> Type:
    """`Map<item>`; keys are always Bytes."""
    return Type("Map", item)
