"""A memory bounded in bytes, so that no client can make it grow; the oldest entries go first."""

from __future__ import annotations

from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

_V = TypeVar("_V")

OVERHEAD = 1024
"""Octets that an entry counts for beside what its owner says: the objects that hold it."""


class Memory(Generic[_V]):
    """Values by key. Safe to share between threads; several owners share one by putting themselves into the keys."""

    __slots__ = ("_lock", "entries", "max_bytes", "used")

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.used = 0
        """Octets that the entries count for, at most `max_bytes`."""
        self.entries: dict[Hashable, tuple[_V, int]] = {}
        """(value, octets) by key, for readers to whom a call is expensive."""
        self._lock = Lock()

    def get(self, key: Hashable) -> _V | None:
        """The value, None when there is none. Raises TypeError if the key has no hash."""
        entry = self.entries.get(key)
        return None if entry is None else entry[0]

    def put(self, key: Hashable, value: _V, size: int) -> None:
        """Remember a value that takes `size` octets, in place of any of the same key. One too large is not kept."""
        size += OVERHEAD
        with self._lock:
            self._drop(key)
            if size > self.max_bytes:
                return
            while self.used + size > self.max_bytes:
                self._drop(next(iter(self.entries)))  # dicts keep the order in which keys came
            self.entries[key] = value, size
            self.used += size

    def drop(self, key: Hashable) -> None:
        """Forget a key, if it is there."""
        with self._lock:
            self._drop(key)

    def _drop(self, key: Hashable) -> None:
        entry = self.entries.pop(key, None)
        if entry is not None:
            self.used -= entry[1]

    def __len__(self) -> int:
        return len(self.entries)
