"""Integers and addresses as numbers on one line."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from mtls_tui.theory.intervals import Intervals

INTEGERS: Intervals = ((-(1 << 63), (1 << 63) - 1),)
V6 = 1 << 32
ADDRESSES: Intervals = ((0, V6 + (1 << 128) - 1),)
"""IPv4 addresses by their number, IPv6 ones behind them."""
MAPPED: Intervals = ((V6 + (0xFFFF << 32), V6 + (0xFFFF << 32) + (1 << 32) - 1),)
"""IPv4 addresses within IPv6 (RFC 4291 2.5.5.2): a client's address is read as IPv4 then."""
NONE = (-(1 << 70), -(1 << 70))
"""The number that is not there."""


def numbered(address: IPv4Address | IPv6Address) -> int:
    """An address as a number."""
    return int(address) + (V6 if address.version == 6 else 0)


def address_of(number: int) -> IPv4Address | IPv6Address:
    """The address of a number."""
    return IPv4Address(number) if number < V6 else IPv6Address(number - V6)
