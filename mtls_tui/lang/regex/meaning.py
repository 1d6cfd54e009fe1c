"""What the pieces of a regular expression stand for, as sets of bytes or characters, under the flags of their place."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mtls_tui.lang.regex import sets, tree
from mtls_tui.lang.regex.sets import Ranges
from mtls_tui.lang.regex.tree import ClassItem, fail


@dataclass(frozen=True, slots=True)
class Mode:
    """The flags that are on."""

    i: bool = False
    m: bool = False
    s: bool = False
    U: bool = False
    R: bool = False
    u: bool = False
    x: bool = False


class Meaning:
    """For one walk over a tree, from left to right; `mode` is what the flags say at the present place."""

    __slots__ = ("mode",)

    def __init__(self) -> None:
        self.mode = Mode()

    def set(self, changes: list[tuple[str, bool]]) -> None:
        """Change flags from here on."""
        for letter, on in changes:
            self.mode = replace(self.mode, **{letter: on})

    def char(self, node: tree.Char) -> bytes | Ranges:
        """The bytes of one character outside a class; a set where more than one spelling fits."""
        mode = self.mode
        if not mode.u and node.byte is not None and node.byte > 0x7F:
            return bytes((node.byte,))
        code = ord(node.value)
        if mode.i and (mode.u or code < 0x80):
            single = ((code, code),)
            variants = sets.folded(single) if mode.u else sets.folded_ascii(single)
            if variants != single:
                return variants
        return node.value.encode()

    def dot(self) -> Ranges:
        """What `.` stands for."""
        mode = self.mode
        if mode.s:
            breaks: Ranges = ()
        else:
            breaks = ((10, 10), (13, 13)) if mode.R else ((10, 10),)
        return sets.complement(breaks, self._whole())

    def of_bytes(self, members: Ranges) -> bool:
        """Whether a set is one of bytes, rather than of characters of several bytes."""
        return not self.mode.u or not members or members[-1][1] < 0x80

    def _whole(self) -> Ranges:
        return sets.SCALARS if self.mode.u else sets.BYTES

    def members(self, node: ClassItem) -> Ranges:
        """A set of bytes or, in Unicode mode, of characters. Raises PatternError for what the mode doesn't allow."""
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
                return sets.united(part for item in items for part in self.members(item))
            case tree.Operation(operator=operator, left=left, right=right):
                return sets.operated(operator, self._cased(left), self._cased(right), whole)
            case tree.Class(negated=negated, content=content):
                return self._closed(self.members(content), negated=negated)

    def _cased(self, node: ClassItem) -> Ranges:
        return self._closed(self.members(node), negated=False)

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
