"""Functions of the language as transducers: what they write symbol by symbol, so that results lead to arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mtls_tui.theory.languages import BYTES, EVERY, SEPARATOR, Before, Transducer, Word, symbols_of

_HEX = {byte: int(chr(byte), 16) for byte in b"0123456789abcdefABCDEF"}
_HEX_SYMBOLS = symbols_of(_HEX)


@dataclass(frozen=True, slots=True)
class Mapped(Transducer):
    """Each byte by a table (`lower`, `upper`), or left out (`remove_bytes`)."""

    table: tuple[tuple[int, int], ...] = ()
    removed: int = 0

    def moves(self, state: Any) -> Sequence[tuple[int, Any, Any]]:
        """As for any transducer."""
        kept = (EVERY & ~self.removed, None, dict(self.table))
        return (kept, (self.removed, None, b"")) if self.removed else (kept,)


LOWERED = Mapped(tuple((byte, byte + 32) for byte in range(65, 91)))
RAISED = Mapped(tuple((byte, byte - 32) for byte in range(97, 123)))


@dataclass(frozen=True, slots=True)
class Followed(Transducer):
    """The text with a fixed word behind it."""

    behind: Word

    def moves(self, state: Any) -> Sequence[tuple[int, Any, Any]]:
        """As for any transducer."""
        return ((EVERY, None, None),)

    def end(self, state: Any) -> Word:
        """As for any transducer."""
        return self.behind


@dataclass(frozen=True, slots=True)
class Joined(Transducer):
    """The items of an array (each ended by SEPARATOR) with a separator between them."""

    separator: bytes

    def moves(self, state: Any) -> Sequence[tuple[int, Any, Any]]:
        """As for any transducer."""
        if state:  # the last item ended: another one follows
            return ((BYTES, None, Before(self.separator)), (1 << SEPARATOR, True, self.separator))
        return ((BYTES, None, None), (1 << SEPARATOR, True, b""))


@dataclass(frozen=True, slots=True)
class Cut(Transducer):
    """The bytes from `start` up to `end` (None: to the end), neither below 0."""

    start: int
    stop: int | None

    def moves(self, state: Any) -> Sequence[tuple[int, Any, Any]]:
        """As for any transducer."""
        at = state or 0
        if at < self.start:
            return ((BYTES, at + 1, b""),)
        if self.stop is None:
            return ((BYTES, at, None),)
        return ((BYTES, at + 1, None),) if at < self.stop else ((BYTES, at, b""),)


@dataclass(frozen=True, slots=True)
class Decoded(Transducer):
    """`url_decode` without options: `%XX` decoded, `+` a blank; a `%` that begins no pair stays."""

    def moves(self, state: Any) -> Sequence[tuple[int, Any, Any]]:
        """As for any transducer."""
        held: tuple[int, ...] = state or ()
        percent, plus = 1 << 0x25, 1 << 0x2B
        if len(held) == 1:
            found: list[tuple[int, Any, Any]] = [(1 << byte, (0x25, byte), b"") for byte in _HEX]
        elif held:
            first = held[1]
            found = [(1 << byte, None, bytes((_HEX[first] * 16 + _HEX[byte],))) for byte in _HEX]
        else:
            return ((BYTES & ~percent & ~plus, None, None), (percent, (0x25,), b""), (plus, None, b" "))
        # what was held stays as it is
        rest = BYTES & ~_HEX_SYMBOLS & ~percent & ~plus
        return (*found, (rest, None, Before(held)), (percent, (0x25,), held), (plus, None, (*held, 0x20)))

    def end(self, state: Any) -> Word:
        """As for any transducer."""
        return state or b""


DECODED = Decoded()
