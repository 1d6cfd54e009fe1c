"""Verified chains, kept so that they are parsed once, and what an upstream is told of each. Pure; no sockets.

Bounded in bytes, everything of all chains together. Only verified chains are kept: anybody can present others,
of any size and any number.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256

MOST_BYTES = 16 * 1024 * 1024
"""Of all that is kept, in one decision process."""
ENTRY_BYTES = 1024
"""What an entry costs beside the bytes of its chain and answer: objects, key, place in the table."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A presented chain, leaf first as DER. It says nothing of whether anybody verified it."""

    key: bytes
    """Digest of the proxy's text of the whole chain: equal only for equal chains."""
    chain: tuple[bytes, ...]
    fingerprint: str
    """SHA-256 of the leaf, in hexadecimal."""


@dataclass(frozen=True, slots=True)
class Told:
    """The answer that lets a request pass, and the headers that were too long to be part of it."""

    data: bytes
    left_out: tuple[str, ...] = ()


@dataclass(slots=True)
class _Known:
    identity: Identity
    told: Told | None = None

    @property
    def size(self) -> int:
        return ENTRY_BYTES + sum(map(len, self.identity.chain)) + (len(self.told.data) if self.told else 0)


class Chains:
    """The chains that a decision process knows. What was used longest ago is forgotten first."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self.bytes = 0
        """Kept now."""

    @staticmethod
    def key(text: bytes) -> bytes:
        """The key of a chain, by the text in which the proxy sent it."""
        return sha256(text).digest()

    def find(self, key: bytes) -> Identity | None:
        """A kept chain; None for one that is not."""
        known = self._known.get(key)
        if known is None:
            return None
        self._known.move_to_end(key)
        return known.identity

    def told(self, key: bytes) -> Told | None:
        """What an upstream is told of a kept chain, if it was asked for before."""
        known = self._known.get(key)
        return known.told if known is not None else None

    def keep(self, identity: Identity, told: Told | None = None) -> None:
        """Keep a verified chain, and what an upstream is told of it. One that is larger than everything is not kept."""
        old = self._known.pop(identity.key, None)
        if old is not None:
            self.bytes -= old.size
        new = _Known(identity, told)
        if new.size > self._most:
            return
        self._known[identity.key] = new
        self.bytes += new.size
        while self.bytes > self._most:
            self.bytes -= self._known.popitem(last=False)[1].size

    def __contains__(self, key: bytes) -> bool:
        return key in self._known

    def __len__(self) -> int:
        return len(self._known)
