"""Verification remembered per chain and store: a hit costs a microsecond or two, and no flood can grow it.

An entry holds for one store (another store is another `Verifier`) and for the seconds within which no certificate or
CRL that was looked at begins or ends. Verified and failed chains live apart: strangers can push out strangers only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from mtls_tui.pki.store import TrustStore
from mtls_tui.pki.verify import Presented, Verification, epoch_seconds, verify_at

_Key: TypeAlias = tuple[Presented, ...]

CAPACITY = 4096
"""Verified chains that are remembered."""
FAILED_CAPACITY = 512
"""Chains that did not verify; each is remembered for at most `FAILED_SECONDS`, since its sentence ages."""
FAILED_SECONDS = 60
_OBJECT_BYTES = 4096
"""What a certificate object counts for, its size not being known without work."""
MAX_KEY_BYTES = 64 * 1024
"""A longer chain is verified anew each time."""


class Verifier:
    """`verify` for one store, with a memory. Not for use by several threads at once; give each thread its own."""

    __slots__ = ("_failed", "_good", "capacity", "failed_capacity", "store")

    def __init__(self, store: TrustStore, *, capacity: int = CAPACITY, failed_capacity: int = FAILED_CAPACITY) -> None:
        self.store = store
        self.capacity = capacity
        self.failed_capacity = failed_capacity
        self._good: dict[_Key, Verification] = {}
        self._failed: dict[_Key, Verification] = {}

    def verify(self, chain: Sequence[Presented], at: datetime | float) -> Verification:
        """As `verify(chain, store, at)`; `at` may be POSIX seconds. A chain of bytes is looked up fastest."""
        key = chain if type(chain) is tuple else tuple(chain)
        now = at if type(at) is float or type(at) is int else epoch_seconds(at)  # type: ignore[arg-type]
        known = self._good.get(key)
        if known is None:
            known = self._failed.get(key)
        if known is not None and known.valid_from <= now < known.valid_until + 1:
            return known
        return self._fresh(key, now)

    def __len__(self) -> int:
        return len(self._good) + len(self._failed)

    def _fresh(self, key: _Key, now: float) -> Verification:
        second = math.floor(now)
        found = verify_at(key, self.store, second)
        if sum(len(item) if isinstance(item, bytes) else _OBJECT_BYTES for item in key) > MAX_KEY_BYTES:
            return found
        if found.verified:
            self._failed.pop(key, None)
            _put(self._good, key, found, self.capacity)
        else:
            self._good.pop(key, None)
            until = min(found.valid_until, second + FAILED_SECONDS)
            found = replace(found, valid_from=max(found.valid_from, second), valid_until=until)
            _put(self._failed, key, found, self.failed_capacity)
        return found


def _put(entries: dict[_Key, Verification], key: _Key, value: Verification, capacity: int) -> None:
    """Remember, dropping the oldest beyond capacity (dicts keep the order in which keys came)."""
    entries.pop(key, None)
    while len(entries) >= capacity > 0:
        del entries[next(iter(entries))]
    if capacity > 0:
        entries[key] = value
