r"""A text that a regular expression matches, found by reading the expression once. A guess: whoever uses it tries it.

Knows the common syntax: alternatives, groups, classes, escapes, anchors and repetitions, of which it takes the fewest.
"""

from __future__ import annotations

_CLASSES = {"d": b"0", "D": b"x", "w": b"x", "W": b"-", "s": b" ", "S": b"x", "h": b" "}
_CONTROLS = {"n": b"\n", "r": b"\r", "t": b"\t", "f": b"\f", "v": b"\v", "a": b"\a"}
_ORDINARY = b"xa0-/._ %"
_MAX_LENGTH = 4096


def sample(pattern: bytes) -> bytes | None:
    """A text that the pattern probably matches; None when it uses what this module does not know."""
    try:
        reader = _Reader(pattern.decode("latin-1"))
        text = reader.alternatives()
    except (ValueError, IndexError, RecursionError):
        return None
    return text if reader.place == len(reader.text) and len(text) <= _MAX_LENGTH else None


class _Reader:
    """Recursive descent over a pattern; each method gives the bytes for what it has read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0

    def peek(self, word: str) -> bool:
        return self.text.startswith(word, self.place)

    def take(self) -> str:
        self.place += 1
        return self.text[self.place - 1]

    def alternatives(self) -> bytes:
        """The first alternative counts; the others are read over."""
        first = self.sequence()
        while self.peek("|"):
            self.place += 1
            other = self.sequence()
            first = first or other
        return first

    def sequence(self) -> bytes:
        parts = []
        length = 0
        while self.place < len(self.text) and not self.peek("|") and not self.peek(")"):
            part = self.repeated(self.atom())
            length += len(part)
            if length > _MAX_LENGTH:
                raise ValueError("too long")
            parts.append(part)
        return b"".join(parts)

    def repeated(self, atom: bytes) -> bytes:
        while self.place < len(self.text):
            if self.peek("*") or self.peek("?"):
                atom = b""
            elif self.peek("{"):
                end = self.text.index("}", self.place)
                least = int(self.text[self.place + 1 : end].split(",")[0])
                if least * len(atom) > _MAX_LENGTH:
                    raise ValueError("too long")
                atom *= least
                self.place = end
            elif not self.peek("+"):
                break
            self.place += 1
        return atom

    def atom(self) -> bytes:
        char = self.take()
        if char in "^$":
            return b""
        if char == ".":
            return b"x"
        if char == "(":
            return self.group()
        if char == "[":
            return self.char_class()
        if char == "\\":
            return self.escape()
        if char in "*+?":
            raise ValueError("nothing to repeat")
        return char.encode("latin-1")

    def group(self) -> bytes:
        if self.peek("?"):
            while (char := self.take()) not in ":>":
                if char == ")":  # flags for what follows
                    return b""
        inner = self.alternatives()
        if self.take() != ")":
            raise ValueError("unbalanced")
        return inner

    def escape(self) -> bytes:
        char = self.take()
        if char in _CLASSES:
            return _CLASSES[char]
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char == "x":
            if self.peek("{"):
                end = self.text.index("}", self.place)
                code, self.place = int(self.text[self.place + 1 : end], 16), end + 1
            else:
                code, self.place = int(self.text[self.place : self.place + 2], 16), self.place + 2
            return bytes((code,))
        if char in "bBAzZ":
            return b""
        if char.isalnum():
            raise ValueError("unknown escape")
        return char.encode("latin-1")

    def char_class(self) -> bytes:
        negated = self.peek("^")
        self.place += negated
        held: set[int] = set()
        first = b""
        begin = self.place
        while not self.peek("]") or self.place == begin:
            if self.peek("[:"):
                raise ValueError("named class")
            low = self.class_item()
            if self.peek("-") and not self.text.startswith("-]", self.place):
                self.place += 1
                high = self.class_item()
                held.update(range(low[0], high[0] + 1))
            else:
                held.update(low)
            first = first or low
        self.place += 1
        if not negated:
            return first
        return bytes((next(code for code in _ORDINARY if code not in held),))

    def class_item(self) -> bytes:
        char = self.take()
        return self.escape() if char == "\\" else char.encode("latin-1")
