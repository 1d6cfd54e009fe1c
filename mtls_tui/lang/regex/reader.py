"""The syntax of regular expressions in the original's library (Rust's `regex-syntax`), read into a tree.

No recursion: a text of any shape ends in a tree of bounded depth or in an error with the library's words. What a piece
means is for `to_re2`; nothing here knows RE2.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mtls_tui.lang.limits import REGEX_NESTING
from mtls_tui.lang.regex import tree
from mtls_tui.lang.regex.cursor import Cursor
from mtls_tui.lang.regex.tree import ClassItem, Node, fail

NAMED = frozenset((
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
))  # fmt: skip
_UNCLOSED_CLASS = "unclosed character class"
_MISSING = "repetition operator missing expression"


@dataclass(slots=True)
class _Frame:
    """An open group: what is read in it so far, and how to close it."""

    captures: bool = False
    changes: list[tuple[str, bool]] = field(default_factory=list)
    verbose: bool = False
    """Whether blanks are ignored once the group is closed."""
    items: list[Node] = field(default_factory=list)
    alternatives: list[Node] = field(default_factory=list)

    def content(self) -> Node:
        last = _joined(self.items)
        if not self.alternatives:
            return last
        self.alternatives.append(last)
        return tree.Alternation(self.alternatives, depth=_over(self.alternatives))


def _over(items: list[Node] | list[ClassItem]) -> int:
    return 1 + max((item.depth for item in items), default=0)


def _joined(items: list[Node]) -> Node:
    return items[0] if len(items) == 1 else tree.Concat(items, depth=_over(items) if items else 0)


def read_regex(pattern: str) -> Node:
    """The tree of a regular expression. Raises PatternError if it is invalid."""
    root = _Regex(pattern).read()
    if root.depth > REGEX_NESTING:
        fail(f"exceed the maximum number of nested parentheses/brackets ({REGEX_NESTING})")
    return root


class _Regex(Cursor):
    """Reads expressions and classes."""

    __slots__ = ("names",)

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.names: set[str] = set()

    def read(self) -> Node:
        frames = [_Frame()]
        while True:
            self.bump_space()
            if self.at >= len(self.text):
                break
            mark = self.mark
            items = frames[-1].items
            if mark == "(":
                self._open(frames)
            elif mark == ")":
                if len(frames) == 1:
                    fail("unopened group")
                frame = frames.pop()
                content = frame.content()
                self.verbose = frame.verbose
                self.at += 1
                frames[-1].items.append(tree.Group(content, frame.captures, frame.changes, depth=content.depth + 1))
            elif mark == "|":
                frames[-1].alternatives.append(_joined(items))
                frames[-1].items = []
                self.at += 1
            elif mark == "[":
                items.append(self._class())
            elif mark in "?*+":
                self.at += 1
                self._repeat(items, 1 if mark == "+" else 0, 1 if mark == "?" else None)
            elif mark == "{":
                self._counted(items)
            else:
                items.append(self._primitive())
        if len(frames) > 1:
            fail("unclosed group")
        return frames[0].content()

    def _primitive(self) -> tree.Char | tree.Dot | tree.Assertion | tree.Perl | tree.Property:
        mark = self.mark
        if mark == "\\":
            return self.escape()
        self.at += 1
        if mark == ".":
            return tree.Dot()
        return tree.Assertion(mark) if mark in "^$" else tree.Char(mark)

    def _open(self, frames: list[_Frame]) -> None:
        self.at += 1
        self.bump_space()
        if any(self.text.startswith(look, self.at) for look in ("?=", "?!", "?<=", "?<!")):
            fail("look-around, including look-ahead and look-behind, is not supported")
        if self.took("?P<") or self.took("?<"):
            self._name()
            frames.append(_Frame(captures=True, verbose=self.verbose))
        elif self.took("?"):
            if not self.mark:
                fail("unclosed group")
            changes = self._flags()
            ended = self.mark
            self.at += 1
            outside = self.verbose
            for letter, on in changes:
                self.verbose = on if letter == "x" else self.verbose
            if ended == ")":
                if not changes:
                    fail(_MISSING)
                frames[-1].items.append(tree.Flags(changes))
            else:
                frames.append(_Frame(changes=changes, verbose=outside))
        else:
            frames.append(_Frame(captures=True, verbose=self.verbose))

    def _name(self) -> None:
        start = self.at
        while True:
            if self.at >= len(self.text):
                fail("unclosed capture group name")
            mark = self.mark
            if mark == ">":
                break
            first = self.at == start
            if not (mark == "_" or (mark.isalpha() if first else mark.isalnum() or mark in ".[]")):
                fail("invalid capture group character")
            self.at += 1
        name = self.text[start : self.at]
        self.at += 1
        if not name:
            fail("empty capture group name")
        if name in self.names:
            fail("duplicate capture group name")
        self.names.add(name)

    def _flags(self) -> list[tuple[str, bool]]:
        changes: list[tuple[str, bool]] = []
        on, dangling = True, False
        while self.mark not in (":", ")"):
            letter = self.mark
            if letter == "-":
                if not on:
                    fail("flag negation operator repeated")
                on, dangling = False, True
            else:
                if letter not in "imsURux":
                    fail("unrecognized flag")
                if any(letter == known for known, _ in changes):
                    fail("duplicate flag")
                changes.append((letter, on))
                dangling = False
            if not self.bump():
                fail("expected flag but got end of regex")
        if dangling:
            fail("dangling flag negation operator")
        return changes

    def _repeat(self, items: list[Node], first: int, last: int | None) -> None:
        if not items or isinstance(items[-1], tree.Flags):
            fail(_MISSING)
        greedy = not self.took("?")
        item = items.pop()
        items.append(tree.Repeat(item, first, last, greedy, depth=item.depth + 1))

    def _counted(self, items: list[Node]) -> None:
        unclosed = "unclosed counted repetition"
        if not items or isinstance(items[-1], tree.Flags):
            fail(_MISSING)
        if not self.bump_all():
            fail(unclosed)
        first = self._decimal()
        last: int | None = first
        if not self.mark:
            fail(unclosed)
        if self.mark == ",":
            if not self.bump_all():
                fail(unclosed)
            last = None if self.mark == "}" else self._decimal()
        if self.mark != "}":
            fail(unclosed)
        self.at += 1
        if last is not None and last < first:
            fail("invalid repetition count range, the start must be <= the end")
        self._repeat(items, first, last)

    def _decimal(self) -> int:
        while self.mark.isspace():
            self.at += 1
        digits = ""
        while self.mark and self.mark in "0123456789":
            digits += self.mark
            self.bump_all()
        while self.mark.isspace():
            self.at += 1
        if not digits:
            fail("repetition quantifier expects a valid decimal")
        value = int(digits) if len(digits.lstrip("0")) <= 10 else 1 << 32
        if value >= 1 << 32:
            fail("decimal literal invalid")
        return value

    # --- classes ---

    def _class(self) -> tree.Class:
        """A class in brackets, with those inside it."""
        opened: list[tuple[bool, list[ClassItem]]] = []  # negated, and what stands before it in the outer class
        pending: list[list[tuple[str, ClassItem]]] = []  # per open class: operators that wait for their right side
        items: list[ClassItem] = []
        while True:
            self.bump_space()
            mark = self.mark
            if not mark and opened:
                fail(_UNCLOSED_CLASS)
            if mark == "[":
                named = self._named() if opened else None
                if named is not None:
                    items.append(named)
                    continue
                inside: list[ClassItem] = []
                opened.append((self._class_open(inside), items))
                pending.append([])
                items = inside
            elif mark == "]":
                content = _operated(pending.pop(), _union(items))
                negated, items = opened.pop()
                self.at += 1
                closed = tree.Class(negated, content, depth=content.depth + 1)
                if not opened:
                    return closed
                items.append(closed)
            elif mark in "&-~" and self.text.startswith(mark * 2, self.at):
                self.at += 2
                content = _operated(pending[-1], _union(items))
                pending[-1] = [(mark, content)]
                items = []
            else:
                items.append(self._class_range())

    def _class_open(self, items: list[ClassItem]) -> bool:
        """Whether the class is negated; what may stand literally at its beginning goes to `items`."""
        if not self.bump_all():
            fail(_UNCLOSED_CLASS)
        negated = self.mark == "^"
        if negated and not self.bump_all():
            fail(_UNCLOSED_CLASS)
        while self.mark == "-":
            items.append(tree.Char("-"))
            if not self.bump_all():
                fail(_UNCLOSED_CLASS)
        if not items and self.mark == "]":
            items.append(tree.Char("]"))
            if not self.bump_all():
                fail(_UNCLOSED_CLASS)
        return negated

    def _named(self) -> tree.Named | None:
        """`[:alpha:]`; None, and nothing read, when it is something else."""
        if not self.text.startswith("[:", self.at):
            return None
        start = self.at + 2
        negated = self.text.startswith("^", start)
        start += negated
        end = self.text.find(":", start)
        if end < 0 or not self.text.startswith(":]", end) or self.text[start:end] not in NAMED:
            return None
        self.at = end + 2
        return tree.Named(self.text[start:end], negated)

    def _class_range(self) -> ClassItem:
        first = self._class_item()
        self.bump_space()
        if not self.mark:
            fail(_UNCLOSED_CLASS)
        if self.mark != "-" or self._after_space() in ("]", "-"):
            if isinstance(first, tree.Assertion):
                fail("invalid escape sequence found in character class")
            return first
        if not self.bump_all():
            fail(_UNCLOSED_CLASS)
        last = self._class_item()
        if not isinstance(first, tree.Char) or not isinstance(last, tree.Char):
            fail("invalid range boundary, must be a literal")
        if first.value > last.value:
            fail("invalid character class range, the start must be <= the end")
        return tree.CharRange(first, last)

    def _class_item(self) -> tree.Char | tree.Assertion | tree.Perl | tree.Property:
        if self.mark == "\\":
            return self.escape()
        mark = self.mark
        self.at += 1
        return tree.Char(mark)

    def _after_space(self) -> str:
        """The character after this one, blanks left out where they don't count."""
        here = self.at
        self.bump_all()
        mark, self.at = self.mark, here
        return mark


def _union(items: list[ClassItem]) -> ClassItem:
    return items[0] if len(items) == 1 else tree.Union(items, depth=_over(items) if items else 0)


def _operated(pending: list[tuple[str, ClassItem]], right: ClassItem) -> ClassItem:
    for operator, left in pending:
        right = tree.Operation(operator, left, right, depth=1 + max(left.depth, right.depth))
    return right
