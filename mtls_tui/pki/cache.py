"""Verification remembered per store: a hit costs about a microsecond, and no flood can make it grow.

An entry holds for one store (a changed store is another store) and for the seconds within which no certificate or CRL
that was looked at begins or ends. Verified and failed chains live apart, so strangers can push out strangers only; each
side is bounded in bytes, for all stores of the process together. Of one client's certificate one chain is remembered:
whoever holds it can send it beside any others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from operator import is_
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui.pki.memory import Memory
from mtls_tui.pki.store import TrustStore
from mtls_tui.pki.verification import Presented, Verification, epoch_seconds, verify_at

_Key: TypeAlias = tuple[Presented, ...]
_Known: TypeAlias = tuple[_Key, Verification]

VERIFIED_BYTES = 64 * 1024 * 1024
"""What chains that verified may take in one process: about 10,000 clients."""
FAILED_BYTES = 4 * 1024 * 1024
"""What chains that did not verify may take."""
FAILED_SECONDS = 60
"""How long a failure is remembered at most, since its sentence ("expired 3 days ago") ages."""
MAX_CHAIN_BYTES = 64 * 1024
"""A longer chain is verified again each time."""

VERIFIED: Memory[_Known] = Memory(VERIFIED_BYTES)
FAILED: Memory[Verification] = Memory(FAILED_BYTES)


class Verifier:
    """`verify` for one store, with a memory: the process's own, or others. Safe to share between threads."""

    __slots__ = ("_entry", "_failed", "_owner", "_verified", "store")

    def __init__(
        self, store: TrustStore, *, verified: Memory[_Known] = VERIFIED, failed: Memory[Verification] = FAILED
    ) -> None:
        self.store = store
        # In the keys instead of the store, so that what is remembered keeps no store (and its CRLs) alive.
        self._owner = object()
        self._verified = verified
        """By the first certificate: the chain and its verification; and by the identity of that object, since comparing
        certificates by value takes microseconds. An entry keeps its objects alive, so no other gets their identity."""
        self._entry = verified.entries.get
        self._failed = failed

    def verify(self, chain: Sequence[Presented] | Presented, at: datetime | float) -> Verification:
        """As `verify(chain, store, at)`; `at` may be POSIX seconds as well."""
        if type(chain) is tuple:
            key = chain
        elif isinstance(chain, bytes | x509.Certificate):
            key = (chain,)
        else:
            key = tuple(chain)
        now = at if type(at) is float or type(at) is int else epoch_seconds(at)  # type: ignore[arg-type]
        owner = self._owner
        first = key[0] if key else b""
        objects = type(first) is not bytes
        if objects and (entry := self._entry((owner, id(first)))) is not None:
            kept, same = entry[0]
            if _alike(kept, key) and same.valid_from <= now < same.valid_until + 1:
                return same
        try:
            entry = self._entry((owner, first))
            known = entry[0][1] if entry is not None and entry[0][0] == key else self._failed.get((owner, key))
        except TypeError:  # something in the chain can't be a key; let verification say what
            return verify_at(key, self.store, math.floor(now))
        if known is None or not known.valid_from <= now < known.valid_until + 1:
            known = self._fresh(key, now)
        if objects and known.verified:
            self._verified.put((owner, id(first)), (key, known), _size(key))
        return known

    def _fresh(self, key: _Key, now: float) -> Verification:
        second = math.floor(now)
        found = verify_at(key, self.store, second)
        size = _size(key)
        if size > MAX_CHAIN_BYTES:
            return found
        if found.verified:
            self._failed.drop((self._owner, key))
            self._verified.put((self._owner, key[0]), (key, found), 2 * size)  # the parsed ones beside those given
        else:
            known = self._verified.get((self._owner, key[0] if key else b""))
            if known is not None and known[0] == key:  # it ended
                self._verified.drop((self._owner, key[0]))
            until = min(found.valid_until, second + FAILED_SECONDS)
            found = replace(found, valid_from=max(found.valid_from, second), valid_until=until)
            self._failed.put((self._owner, key), found, size)
        return found


def _alike(one: _Key, other: _Key) -> bool:
    """Whether the very same objects are in both."""
    return len(one) == len(other) and all(map(is_, one, other))


def _size(key: _Key) -> int:
    """Octets of what was presented."""
    return sum(
        len(item.public_bytes(Encoding.DER) if isinstance(item, x509.Certificate) else item)
        for item in key
        if isinstance(item, bytes | x509.Certificate)
    )


def verify(chain: Sequence[Presented] | Presented, store: TrustStore, at: datetime | float) -> Verification:
    """Verify what a client presented, leaf first: Certificates, or PEM or DER bytes, unparsable ones included.

    The first certificate is the identity; the others may come in any order, doubled, foreign. `at` is the time that
    counts: aware, naive (read as UTC) or in POSIX seconds. Never raises on anything that a client can send. The store
    remembers what it verified; `Verifier` is the same with a memory whose size you choose.
    """
    memory = store.memory
    if memory is None:
        memory = Verifier(store)
        store.keep_memory(memory)
    assert isinstance(memory, Verifier)
    return memory.verify(chain, at)
