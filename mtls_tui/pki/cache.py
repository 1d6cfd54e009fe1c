"""Verification remembered per chain and store: a hit costs about a microsecond, and no flood can make it grow.

An entry holds for one store (a changed store is another store, with a memory of its own) and for the seconds within
which no certificate or CRL that was looked at begins or ends. Verified and failed chains live apart, so strangers can
push out strangers only; each side is bounded, in entries and in bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from threading import Lock
from typing import TypeAlias, TypeVar

from cryptography import x509

from mtls_tui.pki.store import TrustStore
from mtls_tui.pki.verification import Presented, Verification, epoch_seconds, verify_at

_K = TypeVar("_K")
_V = TypeVar("_V")
_Key: TypeAlias = tuple[Presented, ...]

CAPACITY = 4096
"""Verified chains that are remembered."""
FAILED_CAPACITY = 512
"""Chains that did not verify and are remembered."""
FAILED_SECONDS = 60
"""How long a failure is remembered at most, since its sentence ("expired 3 days ago") ages."""
MAX_CHAIN_BYTES = 64 * 1024
"""A longer chain is verified anew each time."""
_OBJECT_BYTES = 4096
"""What a certificate object counts for, its size not being known without work."""


class Verifier:
    """`verify` for one store, with a memory. Safe to share between threads."""

    __slots__ = ("_failed", "_good", "_lock", "_same", "capacity", "failed_capacity", "store")

    def __init__(self, store: TrustStore, *, capacity: int = CAPACITY, failed_capacity: int = FAILED_CAPACITY) -> None:
        self.store = store
        self.capacity = capacity
        self.failed_capacity = failed_capacity
        self._good: dict[_Key, Verification] = {}
        self._failed: dict[_Key, Verification] = {}
        # The very objects seen before, by identity: comparing certificates by value takes microseconds. Each entry
        # keeps its objects alive, so that no other object can get their identities.
        self._same: dict[tuple[int, ...], tuple[_Key, Verification]] = {}
        self._lock = Lock()

    def verify(self, chain: Sequence[Presented] | Presented, at: datetime | float) -> Verification:
        """As `verify(chain, store, at)`; `at` may be POSIX seconds as well."""
        if type(chain) is tuple:
            key = chain
        elif isinstance(chain, bytes | x509.Certificate):
            key = (chain,)
        else:
            key = tuple(chain)
        now = at if type(at) is float or type(at) is int else epoch_seconds(at)  # type: ignore[arg-type]
        if key and type(key[0]) is not bytes:
            same = self._same.get(tuple(map(id, key)))
            if same is not None and same[1].valid_from <= now < same[1].valid_until + 1:
                return same[1]
        try:
            known = self._good.get(key)
            if known is None:
                known = self._failed.get(key)
        except TypeError:  # something in the chain can't be a key; let verification say what
            return verify_at(key, self.store, math.floor(now))
        if known is None or not known.valid_from <= now < known.valid_until + 1:
            known = self._fresh(key, now)
        if key and type(key[0]) is not bytes and known.verified:
            with self._lock:
                _put(self._same, tuple(map(id, key)), (key, known), self.capacity)
        return known

    def __len__(self) -> int:
        return len(self._good) + len(self._failed)

    def _fresh(self, key: _Key, now: float) -> Verification:
        second = math.floor(now)
        found = verify_at(key, self.store, second)
        if sum(len(item) if isinstance(item, bytes) else _OBJECT_BYTES for item in key) > MAX_CHAIN_BYTES:
            return found
        with self._lock:
            if found.verified:
                self._failed.pop(key, None)
                _put(self._good, key, found, self.capacity)
            else:
                self._good.pop(key, None)
                until = min(found.valid_until, second + FAILED_SECONDS)
                found = replace(found, valid_from=max(found.valid_from, second), valid_until=until)
                _put(self._failed, key, found, self.failed_capacity)
        return found


def _put(entries: dict[_K, _V], key: _K, value: _V, capacity: int) -> None:
    """Remember, dropping the oldest beyond capacity (dicts keep the order in which keys came)."""
    entries.pop(key, None)
    while len(entries) >= capacity > 0:
        del entries[next(iter(entries))]
    if capacity > 0:
        entries[key] = value


def verify(chain: Sequence[Presented] | Presented, store: TrustStore, at: datetime | float) -> Verification:
    """Verify what a client presented, leaf first: Certificates, or PEM or DER bytes, unparsable ones included.

    The first certificate is the identity; the others may come in any order, doubled, foreign. `at` is the time that
    counts: aware, naive (read as UTC) or in POSIX seconds. Never raises on anything that a client can send. The store
    remembers what it verified; `Verifier` is the same with a memory of a size of one's own.
    """
    memory = store.memory
    if memory is None:
        memory = Verifier(store)
        store.keep_memory(memory)
    assert isinstance(memory, Verifier)
    return memory.verify(chain, at)
