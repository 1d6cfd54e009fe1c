"""Regular expressions as the original has them, put in RE2's terms: bytes, Unicode off unless `(?u)`, linear time.

`compile_pattern` is what the checker and the engine's matcher both call, so a pattern that was accepted also runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import re2

from mtls_tui.lang.limits import REGEX_COMPILED_BYTES, REGEX_LENGTH
from mtls_tui.lang.regex import sets, tree
from mtls_tui.lang.regex.reader import read_regex
from mtls_tui.lang.regex.sets import Ranges
from mtls_tui.lang.regex.tree import ClassItem, Node, PatternError, fail

_MOST_REPEATS = 1000
"""RE2's limit for a repetition and for the product of those inside each other; larger ones are written out."""
_OPTIONAL = 100
"""Repetitions that may be left out, written as one: RE2 takes time by the square of how many follow each other. Each
such piece is optional as a whole, since RE2 would join neighbours of the form `a{0,100}` to one."""
_MOST_TEXT = 1 << 22
_MEMORY = (4 << 20, 32 << 20, 256 << 20)
"""Bytes that RE2 may take for one expression, the first that its program fits into. What the program leaves is the
cache of states, which a client's text fills: the original has 2 MiB of it, so small programs get a small one."""


@dataclass(frozen=True, slots=True)
class _Mode:
    """The flags that are on."""

    i: bool = False
    m: bool = False
    s: bool = False
    U: bool = False
    R: bool = False
    u: bool = False
    x: bool = False


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


class _Translator:
    """Walks a tree once; `mode` is what the flags say at the present place."""

    __slots__ = ("mode",)

    def __init__(self) -> None:
        self.mode = _Mode()

    def piece(self, node: Node) -> _Piece:
        match node:
            case tree.Char():
                return self._char(node)
            case tree.Dot():
                return self._dot()
            case tree.Assertion(name=name):
                return self._assertion(name)
            case tree.Perl() | tree.Property() | tree.Class():
                return self._written(self._members(node))
            case tree.Flags(changes=changes):
                self._set(changes)
                return _Piece("", 0)
            case tree.Repeat():
                return self._repeat(node)
            case tree.Group():
                before = self.mode
                self._set(node.changes)
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

    def _set(self, changes: list[tuple[str, bool]]) -> None:
        for letter, on in changes:
            self.mode = replace(self.mode, **{letter: on})

    # --- characters ---

    def _char(self, node: tree.Char) -> _Piece:
        mode = self.mode
        if not mode.u and node.byte is not None and node.byte > 0x7F:
            return _Piece(f"\\x{node.byte:02x}", 32)
        code = ord(node.value)
        if mode.i and (mode.u or code < 0x80):
            single = ((code, code),)
            variants = sets.folded(single) if mode.u else sets.folded_ascii(single)
            if variants != single:
                return self._written(variants)
        encoded = node.value.encode()
        return _Piece("".join(f"\\x{byte:02x}" for byte in encoded), 32 * len(encoded))

    def _dot(self) -> _Piece:
        mode = self.mode
        if mode.s:
            breaks: Ranges = ()
        else:
            breaks = ((10, 10), (13, 13)) if mode.R else ((10, 10),)
        return self._written(sets.complement(breaks, self._whole()))

    def _whole(self) -> Ranges:
        return sets.SCALARS if self.mode.u else sets.BYTES

    def _written(self, members: Ranges) -> _Piece:
        """A set of bytes or, in Unicode mode, of characters."""
        if not self.mode.u or not members or members[-1][1] < 0x80:
            return _Piece(sets.byte_class(members), 64 + 8 * len(members))
        text, alternatives = sets.character_class(members)
        return _Piece(text, 100 * alternatives)

    # --- sets ---

    def _members(self, node: ClassItem) -> Ranges:
        whole = self._whole()
        match node:
            case tree.Char():
                code = self._code(node)
                return ((code, code),)
            case tree.CharRange(first=first, last=last):
                return ((self._code(first), self._code(last)),)
            case tree.Perl(kind=kind, negated=negated):
                found = sets.unicode_perl(kind) if self.mode.u else sets.ASCII_PERL[kind]
                return sets.complement(found, whole) if negated else found
            case tree.Named(name=name, negated=negated):
                return self._closed(sets.ASCII_CLASSES[name], negated=negated)
            case tree.Property():
                return self._property(node)
            case tree.Union(items=items):
                return sets.united(part for item in items for part in self._members(item))
            case tree.Operation(operator=operator, left=left, right=right):
                return sets.operated(operator, self._cased(left), self._cased(right), whole)
            case tree.Class(negated=negated, content=content):
                return self._closed(self._members(content), negated=negated)

    def _cased(self, node: ClassItem) -> Ranges:
        return self._closed(self._members(node), negated=False)

    def _closed(self, members: Ranges, *, negated: bool) -> Ranges:
        """With both cases, where case doesn't count, and then turned around."""
        if self.mode.i:
            members = sets.folded(members) if self.mode.u else sets.folded_ascii(members)
        return sets.complement(members, self._whole()) if negated else members

    def _code(self, node: tree.Char) -> int:
        if not self.mode.u and node.byte is not None:
            return node.byte
        code = ord(node.value)
        if not self.mode.u and code > 0x7F:
            fail("Unicode not allowed here")
        return code

    def _property(self, node: tree.Property) -> Ranges:
        if not self.mode.u:
            fail("Unicode not allowed here")
        name = node.name.removeprefix("^")
        negated = node.negated != node.name.startswith("^")
        canonical = {"any": "Any", "letter": "L", "number": "N", "punctuation": "P", "symbol": "S", "mark": "M"}
        for known in (name, canonical.get(name.lower(), ""), name.title(), name.split("=")[-1], name.upper()):
            found = sets.found_by_re2(f"\\p{{{known}}}") if known.replace("_", "").isalnum() else None
            if found is not None:
                return self._closed(found, negated=negated)
        return fail("Unicode property not found")

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
