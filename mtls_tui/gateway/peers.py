"""Who may ask the decision service: networks for TCP, users for Unix sockets. Everybody else is a stranger.

A stranger could claim any certificate, so he gets no answer but a refusal.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import pwd
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from mtls_tui.gateway.settings import GatewayError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LOOPBACK: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


@dataclass(frozen=True, slots=True)
class Peers:
    """Trusted networks, and user ids beside our own and root's."""

    networks: tuple[Network, ...] = LOOPBACK
    users: frozenset[int] = frozenset()

    @classmethod
    def of(cls, texts: Iterable[str]) -> Peers:
        """From `--trust` values: `192.0.2.7`, `10.0.0.0/8`, `uid:33`, `user:www-data`; none: loopback.

        Raises GatewayError if one can't be read.
        """
        networks: list[Network] = []
        users: set[int] = set()
        for text in texts:
            if text.startswith("uid:") and text[4:].isdigit():
                users.add(int(text[4:]))
                continue
            if text.startswith("user:"):
                try:
                    users.add(pwd.getpwnam(text[5:]).pw_uid)
                except (KeyError, ValueError):
                    raise GatewayError(f"--trust {text}: this machine has no such user") from None
                continue
            try:
                network = ipaddress.ip_network(text)
            except ValueError as error:
                raise GatewayError(
                    f"--trust {text}: {error}; give an address, a network, uid:NUMBER or user:NAME"
                ) from None
            if network.prefixlen == 0:
                raise GatewayError(f"--trust {text}: that is everybody; name the proxies' own addresses")
            networks.append(network)
        return cls(tuple(networks) or LOOPBACK, frozenset(users))

    def text(self) -> str:
        """For a process's command line; `from_text` is the inverse."""
        return ",".join([*map(str, self.networks), *(f"uid:{user}" for user in sorted(self.users))])

    @classmethod
    def from_text(cls, text: str) -> Peers:
        """The inverse of `text`."""
        return cls.of(part for part in text.split(",") if part)

    def trusts(self, address: str) -> bool:
        """Whether an IP address is a trusted proxy's."""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        return any(parsed in network for network in self.networks)

    def admit(self, transport: asyncio.BaseTransport) -> str | None:
        """The asker's address (empty for a local socket), or None for a stranger."""
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family == socket.AF_UNIX:
            user = peer_user(connection)
            return "" if user is None or user in (0, os.geteuid()) or user in self.users else None
        name = transport.get_extra_info("peername")
        if not name or not self.trusts(str(name[0])):
            return None
        return str(name[0])


def stranger(transport: asyncio.BaseTransport) -> str:
    """Who a refused asker is, and how he would be let in: for the log."""
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.family == socket.AF_UNIX:
        user = peer_user(connection)
        return f"the asker is not trusted: user {user} on the Unix socket; --trust uid:{user} would"
    name = transport.get_extra_info("peername") or ("unknown",)
    return f"the asker is not trusted: {name[0]}; --trust {name[0]} would"


def peer_user(connection: socket.socket) -> int | None:
    """The user at the other end of a Unix socket; None where the system doesn't tell (the file's mode guards there)."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    data = connection.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i"))
    return int(struct.unpack("3i", data)[1])
