"""One regular expression being read: where the next character is, and what an escape stands for."""

from __future__ import annotations

from mtls_tui.lang.regex.tree import Assertion, Char, Perl, Property, fail

_META = frozenset("\\.+*?()|[]{}^$#&-~")
_CONTROL = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}
_ASSERTIONS = {"A": "\\A", "z": "\\z", "b": "\\b", "B": "\\B", "<": "\\b{start}", ">": "\\b{end}"}
_HEX_LENGTH = {"x": 2, "u": 4, "U": 8}
_HEX = frozenset("0123456789abcdefABCDEF")
_ENDED_ESCAPE = "incomplete escape sequence, reached end of pattern prematurely"


class Cursor:
    """A place in a pattern, and how to read on from there. `at` is the place of the next character."""

    __slots__ = ("at", "text", "verbose")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.verbose = False
        """Whether blanks and comments are left out (the flag `x`)."""

    @property
    def mark(self) -> str:
        """The next character, "" at the end."""
        return self.text[self.at : self.at + 1]

    def bump(self) -> bool:
        """Go on by a character; whether there is one then."""
        self.at += 1
        return self.at < len(self.text)

    def bump_space(self) -> None:
        """Skip blanks and comments where the flag `x` says so."""
        while self.verbose and self.at < len(self.text):
            if self.mark.isspace():
                self.at += 1
            elif self.mark == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end + 1
            else:
                return

    def bump_all(self) -> bool:
        """Go on by a character and what may be ignored after it."""
        self.at += 1
        self.bump_space()
        return self.at < len(self.text)

    def took(self, text: str) -> bool:
        """Go past a text if it stands here; whether it does."""
        if self.text.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def escape(self) -> Char | Assertion | Perl | Property:
        """What a backslash and what follows it stand for."""
        if not self.bump():
            fail(_ENDED_ESCAPE)
        mark = self.mark
        if mark in "0123456789":
            fail("backreferences are not supported")
        if mark in _HEX_LENGTH:
            return self._hex(mark)
        if mark in "pP":
            return self._property()
        self.at += 1
        if mark in "dswDSW":
            return Perl(mark.lower(), mark.isupper())
        if mark in _CONTROL:
            return Char(_CONTROL[mark])
        if mark in _ASSERTIONS:
            boundary = self._special_boundary() if mark == "b" else None
            return Assertion(boundary or _ASSERTIONS[mark])
        if mark in _META or (mark.isascii() and not mark.isalnum()):
            return Char(mark)
        return fail("unrecognized escape sequence")

    def _special_boundary(self) -> str | None:
        """The name of `\\b{start}` and its like; None for a plain `\\b`, even before a repetition."""
        if self.mark != "{":
            return None
        start = self.at
        if not self.bump_all():
            fail(
                "found either the beginning of a special word boundary or a bounded repetition on a \\b with an "
                "opening brace, but no closing brace"
            )
        name = ""
        while self.mark and (self.mark == "-" or (self.mark.isascii() and self.mark.isalpha())):
            name += self.mark
            self.bump_all()
        if not name:
            self.at = start
            return None
        if self.mark != "}":
            fail("special word boundary assertion is either unclosed or contains an invalid character")
        self.at += 1
        if name not in ("start", "end", "start-half", "end-half"):
            fail("unrecognized special word boundary assertion, valid choices are: start, end, start-half or end-half")
        return f"\\b{{{name}}}"

    def _hex(self, kind: str) -> Char:
        if not self.bump_all():
            fail(_ENDED_ESCAPE)
        digits = ""
        braced = self.mark == "{"
        if braced:
            while self.bump_all() and self.mark != "}":
                digits += self._hex_digit()
            if not self.mark:
                fail(_ENDED_ESCAPE)
            self.at += 1
            if not digits:
                fail("hexadecimal literal empty")
        else:
            for place in range(_HEX_LENGTH[kind]):
                if place and not self.bump_all():
                    fail(_ENDED_ESCAPE)
                digits += self._hex_digit()
            self.bump_all()
        value = int(digits, 16) if len(digits.lstrip("0")) <= 8 else 1 << 32
        if value > 0x10FFFF or 0xD800 <= value < 0xE000:
            fail("hexadecimal literal is not a Unicode scalar value")
        return Char(chr(value), value if kind == "x" and not braced else None)

    def _hex_digit(self) -> str:
        if self.mark not in _HEX:
            fail("invalid hexadecimal digit")
        return self.mark

    def _property(self) -> Property:
        negated = self.mark == "P"
        if not self.bump_all():
            fail(_ENDED_ESCAPE)
        name = ""
        if self.mark == "{":
            while self.bump_all() and self.mark != "}":
                name += self.mark
            if not self.mark:
                fail(_ENDED_ESCAPE)
            self.at += 1
        else:
            name = self.mark
            if name == "\\":
                fail("invalid Unicode character class")
            self.bump_all()
        return Property(name, negated)
