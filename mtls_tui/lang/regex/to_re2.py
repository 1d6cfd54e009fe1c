"""Regular expressions as the original has them, put in RE2's terms: bytes, Unicode off unless `(?u)`, linear time.

`compile_pattern` is what the checker and the engine's matcher both call, so a pattern that was accepted also runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import re2

from mtls_tui.lang.limits import REGEX_COMPILED_BYTES, REGEX_LENGTH
from mtls_tui.lang.regex import sets, tree
from mtls_tui.lang.regex.meaning import Meaning
from mtls_tui.lang.regex.reader import read_regex
from mtls_tui.lang.regex.sets import Ranges
from mtls_tui.lang.regex.tree import Node, PatternError, fail

_MOST_REPEATS = 1000
"""RE2's limit for a repetition and for the product of those inside each other; larger ones are written out."""
_OPTIONAL = 100
"""Repetitions that may be left out, written as one: RE2 takes time by the square of how many follow each other. Each
such piece is optional as a whole, since RE2 would join neighbours of the form `a{0,100}` to one."""
_MOST_TEXT = 1 << 22
_MEMORY = (4 << 20, 32 << 20, 256 << 20)
"""Bytes that RE2 may take for one expression, the first that its program fits into. What the program leaves is the
cache of states, which a client's text fills: the original has 2 MiB of it, so small programs get a small one."""


@dataclass(slots=True)
class _Piece:
    """A translated piece: its text, what it costs the original's compiler in bytes, its largest product of repeats."""

    text: str
    cost: int
    repeats: int = 1


def check_pattern(pattern: str) -> None:
    """Raise PatternError unless the pattern is a regular expression within the limits."""
    compile_pattern(pattern.encode())


@lru_cache(maxsize=4096)
def compile_pattern(value: bytes) -> re2._Regexp[bytes]:
    """The regular expression (the `value` of a `Pattern`), ready to search bytes. Raises PatternError if it is invalid.

    A pattern of bytes that are not UTF-8 is refused: the original's patterns are text.
    """
    try:
        pattern = value.decode()
    except UnicodeDecodeError:
        raise PatternError("error: the pattern is not valid UTF-8") from None
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    text = re2_text(pattern).encode("ascii")
    for memory in _MEMORY:
        options.max_mem = memory
        try:
            return re2.compile(text, options)
        except re2.error:  # what is left of RE2's own limits is size
            continue
    raise _too_big()


def re2_text(pattern: str) -> str:
    """The pattern in RE2's syntax, for bytes, in ASCII; the groups keep their numbers."""
    if len(pattern) > REGEX_LENGTH:
        raise _too_big()
    translator = _Translator()
    piece = translator.piece(read_regex(pattern))
    if piece.cost > REGEX_COMPILED_BYTES:
        raise _too_big()
    return piece.text


def _too_big() -> PatternError:
    return PatternError(f"Compiled regex exceeds size limit of {REGEX_COMPILED_BYTES} bytes.")


class _Translator(Meaning):
    """Walks a tree once."""

    __slots__ = ()

    def piece(self, node: Node) -> _Piece:
        match node:
            case tree.Char():
                return self._char(node)
            case tree.Dot():
                return self._written(self.dot())
            case tree.Assertion(name=name):
                return self._assertion(name)
            case tree.Perl() | tree.Property() | tree.Class():
                return self._written(self.members(node))
            case tree.Flags(changes=changes):
                self.set(changes)
                return _Piece("", 0)
            case tree.Repeat():
                return self._repeat(node)
            case tree.Group():
                before = self.mode
                self.set(node.changes)
                inner = self.piece(node.item)
                self.mode = before
                return _Piece(("(" if node.captures else "(?:") + inner.text + ")", inner.cost, inner.repeats)
            case tree.Concat(items=items):
                text, cost, repeats = self._all(items)
                return _Piece("".join(text) or "(?:)", cost, repeats)
            case tree.Alternation(items=items):
                text, cost, repeats = self._all(items)
                return _Piece("(?:" + "|".join(text) + ")", cost + 72 + 8 * len(text), repeats)

    def _all(self, items: list[Node]) -> tuple[list[str], int, int]:
        """Texts, cost and largest repeats of pieces in order; stops as soon as they cost too much."""
        texts: list[str] = []
        cost, repeats, length = 0, 1, 0
        for item in items:
            piece = self.piece(item)
            texts.append(piece.text)
            cost += piece.cost
            length += len(piece.text)
            repeats = max(repeats, piece.repeats)
            if cost > REGEX_COMPILED_BYTES or length > _MOST_TEXT:
                raise _too_big()
        return texts, cost, repeats

    # --- characters ---

    def _char(self, node: tree.Char) -> _Piece:
        found = self.char(node)
        if isinstance(found, bytes):
            return _Piece("".join(f"\\x{byte:02x}" for byte in found), 32 * len(found))
        return self._written(found)

    def _written(self, members: Ranges) -> _Piece:
        """A set of bytes or, in Unicode mode, of characters."""
        if self.of_bytes(members):
            return _Piece(sets.byte_class(members), 64 + 8 * len(members))
        text, alternatives = sets.character_class(members)
        return _Piece(text, 100 * alternatives)

    # --- places ---

    def _assertion(self, name: str) -> _Piece:
        mode = self.mode
        if name in ("^", "$"):
            if not mode.m:
                return _Piece("\\A" if name == "^" else "\\z", 32)
            if mode.R:
                return self._impossible("line ends of two characters, (?R)")
            return _Piece(f"(?m:{name})", 32)
        if name in ("\\A", "\\z"):
            return _Piece(name, 32)
        if mode.u:
            return self._impossible("word boundaries under (?u)")
        if name in ("\\b", "\\B"):
            return _Piece(name, 32)
        return self._impossible(f"the word boundary {name}")

    @staticmethod
    def _impossible(what: str) -> _Piece:
        """What the original has and RE2 can't do; `docs/compatibility.md` lists these."""
        fail(f"{what} is not supported here")

    # --- repetitions ---

    def _repeat(self, node: tree.Repeat) -> _Piece:
        item = self.piece(node.item)
        lazy = "" if node.greedy != self.mode.U else "?"
        unit = f"(?:{item.text})"
        first, last = node.first, node.last
        most = first if last is None else last
        if most * item.cost > REGEX_COMPILED_BYTES:
            raise _too_big()
        cost = first * item.cost + ((last - first) * (item.cost + 40) if last is not None else item.cost + 40)
        if last is None and first <= 1:
            return _checked(unit + ("+" if first else "*") + lazy, cost, item.repeats)
        if (first, last) == (0, 1):
            return _checked(unit + "?" + lazy, cost, item.repeats)
        if (first == last or last is None) and most * item.repeats <= _MOST_REPEATS:
            return _checked(f"{unit}{{{first}{',' if last is None else ''}}}{lazy}", cost, max(1, most) * item.repeats)
        step = max(1, _MOST_REPEATS // item.repeats)
        text = _stepped(first, step, lambda count: f"{unit}{{{count}}}", len(unit))
        if last is None:
            text += unit + "*" + lazy
        else:
            most = min(step, _OPTIONAL)
            text += _stepped(last - first, most, lambda count: f"(?:{unit}{{1,{count}}}{lazy})?{lazy}", len(unit))
        return _checked(f"(?:{text})", cost, step * item.repeats)


def _stepped(count: int, step: int, written: Callable[[int], str], length: int) -> str:
    """A repetition as a sequence of ones that RE2 takes."""
    whole, rest = divmod(count, step)
    if (whole + 1) * length > _MOST_TEXT:
        raise _too_big()
    return written(step) * whole + (written(rest) if rest else "")


def _checked(text: str, cost: int, repeats: int) -> _Piece:
    if cost > REGEX_COMPILED_BYTES or len(text) > _MOST_TEXT:
        raise _too_big()
    return _Piece(text, cost, repeats)
