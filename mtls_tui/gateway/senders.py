"""Whether a request that reached an ASGI application came from its proxy. Pure but for looking at a socket's mode.

Trust rests on what a client can't write: a secret that only the proxy has, a Unix socket that only the proxy may
connect to, or the address of the connection. The address is the weakest: servers rewrite it from `X-Forwarded-For`
(uvicorn does by default) and tell nobody. So it only counts while nothing in the request could have been its source.
"""

from __future__ import annotations

import hmac
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

from mtls_tui.gateway.peers import Peers
from mtls_tui.gateway.settings import GatewayError

SECRET_HEADER = "x-mtls-tui-secret"  # noqa: S105 - a name
SHORTEST_SECRET = 16
SET_UP = (
    f"let the proxy send {SECRET_HEADER.title()} and give the same text as `secret`; or stop the server from rewriting "
    "the peer's address (uvicorn: --no-proxy-headers)"
)
_ADDRESS = re.compile(r"[0-9A-Fa-f:.]{2,}")


@dataclass(frozen=True, slots=True)
class Senders:
    """Who is believed. With `secrets`, one of them must come; with `sockets` or `peers`, the way must be theirs."""

    secrets: tuple[bytes, ...] = ()
    peers: Peers | None = None
    sockets: tuple[str, ...] = ()
    """Real paths of Unix sockets."""

    @classmethod
    def of(cls, secret: str | Sequence[str] | None, trust: Iterable[str]) -> Senders:
        """From the middleware's arguments; loopback if both are empty. Raises GatewayError for what can't be used."""
        if secret is None:
            raise GatewayError("secret: is None; is the environment variable set that it comes from?")
        secrets = tuple(text.encode() for text in ((secret,) if isinstance(secret, str) else secret))
        for one in secrets:
            if len(one) < SHORTEST_SECRET or not all(0x21 <= byte < 0x7F for byte in one):
                raise GatewayError(
                    f"secret: give at least {SHORTEST_SECRET} characters, printable ASCII without blanks; "
                    "`openssl rand -hex 32` makes one"
                )
        entries = tuple(trust)
        sockets = tuple(os.path.realpath(text[5:]) for text in entries if text.startswith("unix:") and text[5:])
        addresses = [text for text in entries if not (text.startswith("unix:") and text[5:])]
        peers = Peers.of(addresses) if addresses or not (secrets or sockets) else None
        if peers is not None and peers.users:
            raise GatewayError("trust: an application can't see users; name the socket (unix:PATH) or give a secret")
        return cls(secrets, peers, sockets)

    def doubt(self, scope: Mapping[str, Any]) -> str | None:
        """Why a request is not taken for the proxy's, for the log, with the cure; None when it is."""
        headers: Sequence[tuple[bytes, bytes]] = scope["headers"]
        if self.secrets:
            doubt = self._doubt_secret(headers)
            if doubt is not None or (self.peers is None and not self.sockets):
                return doubt
        server = scope.get("server")
        if server and len(server) == 2 and server[1] is None:
            return self._doubt_socket(str(server[0]))
        return self._doubt_address(scope.get("client"), headers)

    def _doubt_secret(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        name = SECRET_HEADER.encode()
        sent = [value for key, value in headers if key.lower() == name]
        if len(sent) != 1:
            how = "no" if not sent else "more than one"
            return f"{how} {SECRET_HEADER.title()}: the proxy must set it on every request, and overwrite a client's"
        # All are compared, so that the time tells nothing of which was near.
        matches = [hmac.compare_digest(sent[0], secret) for secret in self.secrets]
        return None if any(matches) else f"wrong {SECRET_HEADER.title()}"

    def _doubt_socket(self, path: str) -> str | None:
        if os.path.realpath(path) not in self.sockets:
            return f"it came by the socket {path}, which is not trusted; trust=['unix:{path}'] would"
        if open_to_everybody(Path(os.path.realpath(path))):
            return f"every user may connect to {path}; give the socket mode 0660, or its directory 0750"
        return None

    def _doubt_address(self, client: Any, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        if self.peers is None:
            return f"it did not come by {' or '.join(self.sockets)}, as far as the server tells; {SET_UP}"
        if not client:
            return f"the server tells no peer address; {SET_UP}"
        text, port = str(client[0]), client[1] if len(client) > 1 else 0
        if not port:
            return f"the peer's address {text!a} was rewritten by the server (it has no port); {SET_UP}"
        if not self.peers.trusts(text):
            return f"the peer {text!a} is not trusted; {SET_UP}"
        ours = _plain(ip_address(text))
        for name, value in headers:
            if any(_plain(found) == ours for found in addresses_in(value.decode("latin-1"))):
                where = ascii(name.decode("latin-1"))
                return f"the peer's address {text} also stands in {where}, so it may be from there; {SET_UP}"
        return None


def addresses_in(text: str) -> Iterator[IPv4Address | IPv6Address]:
    """Every IP address that a header's value names, with or without brackets and port."""
    for word in _ADDRESS.findall(text):
        if "." not in word and ":" not in word:
            continue
        for candidate in {word, word.strip(":"), word.strip("."), word.rpartition(":")[0]}:
            try:
                yield ip_address(candidate)
            except ValueError:
                continue


def _plain(address: IPv4Address | IPv6Address) -> bytes:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).packed


def open_to_everybody(path: Path) -> bool:
    """Whether any user of the machine may connect to a Unix socket: by its mode, and that of the directories above."""
    try:
        if not path.stat().st_mode & stat.S_IWOTH:
            return False
        return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.parents)
    except OSError:
        return True
