"""Host names as they compare: from a Host header, an SNI or a rule file to one form. Knows no policy and no sockets.

The form is lower case, without port and final dot, internationalised names as A-labels; an IPv6 address keeps its
brackets, as it has them in a Host header (RFC 9110 7.2, RFC 3986 3.2.2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import TypeVar

T = TypeVar("T")

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NAME = re.compile(r"[a-z0-9_-]++(?:\.[a-z0-9_-]++)*")
_PORT = re.compile(r":[0-9]*")
# Letters that IDNA 2003 and IDNA 2008 treat differently (UTS 46, section 7): guessing could mean another host.
_DEVIATIONS = frozenset("ßς\u200c\u200d")

MAX_REMEMBERED = 300
"""Longer names, which no host has, are not remembered: clients choose what stands in a Host header."""


class HostnameError(ValueError):
    """Not a host name; the message says why."""


def normalise(name: str) -> str:
    """The comparable form of a host name as it came, with or without port.

    Never fails: a text that is not a host name stays as it is, in lower case, and equals no configured name.
    """
    return _remembered(name) if len(name) <= MAX_REMEMBERED else _normalise(name)


def _normalise(name: str) -> str:
    host = name.strip(" \t")
    if host.startswith("["):
        inside, bracket, tail = host[1:].partition("]")
        if not bracket or (tail and not _PORT.fullmatch(tail)):
            return host.lower()
        try:
            return f"[{IPv6Address(inside)}]"
        except ValueError:
            return host.lower()
    head, colon, port = host.rpartition(":")
    if colon and ":" not in head and _PORT.fullmatch(colon + port):
        host = head
    host = host.removesuffix(".").lower()
    if not host.isascii():
        try:
            host = to_ascii(host)
        except HostnameError:
            return host
    return host


_remembered = lru_cache(maxsize=4096)(_normalise)


def to_ascii(name: str) -> str:
    """An internationalised name as A-labels (`xn--…`). Raises `HostnameError`."""
    if name.isascii():
        return name.lower()
    if _DEVIATIONS & set(name):
        raise HostnameError("its spelling differs between versions of IDNA: write the A-label (`xn--…`)")
    try:
        return name.encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise HostnameError(f"can't be written as A-labels: {error}") from None


def configured(name: str) -> str:
    """The comparable form of a name in a rule file: a host name, `*.` and a host name, or an address.

    Raises `HostnameError` for anything else: a scheme, a port, a path, an empty or overlong label.
    """
    if "://" in name:
        raise HostnameError("a host name has no scheme")
    if "/" in name:
        raise HostnameError("a host name has no path")
    wildcard, host = (True, name[2:]) if name.startswith("*.") else (False, name)
    if host.startswith("["):
        if not host.endswith("]"):
            raise HostnameError("a host name has no port" if "]" in host else "the bracket is not closed")
        try:
            address = f"[{IPv6Address(host[1:-1])}]"
        except ValueError:
            raise HostnameError("not an IPv6 address in the brackets") from None
        if wildcard:
            raise HostnameError("an address has no wildcard")
        return address
    if ":" in host:
        try:
            IPv6Address(host)
        except ValueError:
            raise HostnameError("a host name has no port") from None
        raise HostnameError(f"write the IPv6 address in brackets: [{host}]")
    host = to_ascii(host.removesuffix("."))
    if not host or len(host) > 253:
        raise HostnameError("it is empty" if not host else "it is longer than 253 characters")
    for label in host.split("."):
        if not _LABEL.fullmatch(label):
            raise HostnameError(f"`{label}` is not a label of a host name" if label else "it has an empty label")
    if host.rsplit(".", 1)[-1].isdigit():
        try:
            IPv4Address(host)
        except ValueError:
            raise HostnameError("not an IPv4 address") from None
        if wildcard:
            raise HostnameError("an address has no wildcard")
    return f"*.{host}" if wildcard else host


def most_specific(name: str, hosts: Mapping[str, T]) -> T | None:
    """What `hosts` has for a normalised name: the exact name, else the longest wildcard above it, else None.

    `*.example.com` stands for names at any depth below example.com, not for example.com.
    """
    found = hosts.get(name)
    if found is not None:
        return found if not name.startswith("*.") else None
    if not _NAME.fullmatch(name):
        return None  # a wildcard stands for host names only, not for `evil/x` or an empty label
    rest = name
    while True:
        _, dot, rest = rest.partition(".")
        if not dot:
            return None
        found = hosts.get(f"*.{rest}")
        if found is not None:
            return found


_NO_NAME = "-"
"""A label that a request may have and no configured host can."""


def serving(name: str, hosts: Mapping[str, T]) -> T | None:
    """What `hosts` has for a configured name: a wildcard means the names below it that no other host has."""
    if name in hosts:
        return hosts[name]
    return most_specific(f"{_NO_NAME}{name[1:]}" if name.startswith("*.") else name, hosts)
