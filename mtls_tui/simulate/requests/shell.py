"""Splitting one command line into words, quoting as a POSIX shell (and bash's `$'…'`) does. Nothing is ever run.

What a shell would expand (variables, command substitution, globs) is left as written and said.
"""

from __future__ import annotations

from dataclasses import dataclass

from mtls_tui.simulate.errors import RequestError

MAX_COMMAND = 1024 * 1024
"""Longest command that is looked at, in characters; Linux takes 128 KiB for one argument."""

_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "v": "\v"}
_OPERATORS = "|&;<>()"


@dataclass(frozen=True, slots=True)
class Words:
    """The words of the first command, and what was noticed on the way."""

    words: tuple[str, ...]
    notes: tuple[str, ...] = ()


def split(text: str) -> Words:
    """The words of the first simple command. Raises RequestError for a quote that never ends.

    Bytes from `$'\\xff'` come out as surrogate escapes, so that `word.encode(errors="surrogateescape")` is what a
    program would receive.
    """
    if len(text) > MAX_COMMAND:
        raise RequestError(f"the command has {len(text)} characters; at most {MAX_COMMAND} are looked at")
    return _Splitter(text.replace("\r\n", "\n")).run()


class _Splitter:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.words: list[str] = []
        self.notes: list[str] = []
        self.word: list[str] | None = None  # None between words; [] is an empty word that was quoted

    def run(self) -> Words:
        while self.at < len(self.text):
            if self.step():
                break
        self.finish()
        return Words(tuple(self.words), tuple(dict.fromkeys(self.notes)))

    def step(self) -> bool:
        """Take one construct; True when the command ends here."""
        text, start = self.text, self.at
        char = text[start]
        self.at += 1
        if char in " \t":
            self.finish()
        elif char == "\n":
            self.finish()
            if self.words:
                return self.rest(start, "the next line")
        elif char == "#" and self.word is None:
            end = text.find("\n", start)
            self.at = len(text) if end < 0 else end
        elif char == "'":
            self.add(self.until("'", start))
        elif char == '"':
            self.double(start)
        elif char == "\\":
            self.backslash()
        elif char == "$" and text[start + 1 : start + 2] == "'":
            self.at += 1
            self.ansi_c(start)
        elif char == "$" and text[start + 1 : start + 2] == '"':
            self.at += 1
            self.double(start)
        elif char in _OPERATORS:
            self.finish()
            if self.words:
                return self.rest(start, f"`{char}`")
        else:
            following = text[start + 1 : start + 2]
            if char == "`" and following == "\n":
                raise RequestError("this is written for PowerShell (` at the end of a line); copy it as cURL (bash)")
            if char == "`" or (char == "$" and (following.isidentifier() or following in ("{", "("))):
                self.unexpanded(start)
            self.add(char)
        return False

    def add(self, text: str) -> None:
        if self.word is None:
            self.word = []
        self.word.append(text)

    def finish(self) -> None:
        if self.word is not None:
            self.words.append("".join(self.word))
            self.word = None

    def rest(self, start: int, what: str) -> bool:
        rest = self.text[start:].strip()
        if rest.strip("&; \n"):
            shown = rest if len(rest) <= 40 else rest[:40] + "…"
            self.notes.append(
                f"the command ends at {what}, as in a shell; not read: `{shown}`"
                + (" (a URL with `&` needs quotes)" if what == "`&`" else "")
            )
        return True

    def unexpanded(self, start: int) -> None:
        shown = self.text[start : start + 20].split()[0] if self.text[start : start + 20].split() else "$"
        self.notes.append(f"`{shown}` would be expanded by a shell; it is kept as written")

    def until(self, quote: str, start: int) -> str:
        end = self.text.find(quote, self.at)
        if end < 0:
            raise RequestError(f"the quote {quote} opened at character {start + 1} never ends")
        piece = self.text[self.at : end]
        self.at = end + 1
        return piece

    def backslash(self) -> None:
        if self.at >= len(self.text):
            return
        char = self.text[self.at]
        self.at += 1
        if char != "\n":  # backslash newline continues the line
            self.add(char)

    def double(self, start: int) -> None:
        self.add("")
        text = self.text
        while self.at < len(text):
            char = text[self.at]
            self.at += 1
            if char == '"':
                return
            if char == "\\" and self.at < len(text):
                following = text[self.at]
                self.at += 1
                if following == "\n":
                    continue
                self.add(following if following in '$`"\\' else "\\" + following)
                continue
            if char == "$" and text[self.at : self.at + 1] and (text[self.at].isidentifier() or text[self.at] in "{("):
                self.unexpanded(self.at - 1)
            self.add(char)
        raise RequestError(f'the quote " opened at character {start + 1} never ends')

    def ansi_c(self, start: int) -> None:
        """Bash's `$'…'`; escapes that denote bytes give bytes, `\\u` and `\\U` give UTF-8."""
        out = bytearray()
        text = self.text
        while self.at < len(text):
            char = text[self.at]
            self.at += 1
            if char == "'":
                self.add(out.decode("utf-8", "surrogateescape"))
                return
            if char != "\\" or self.at >= len(text):
                out += char.encode("utf-8", "surrogateescape")
                continue
            kind = text[self.at]
            self.at += 1
            if kind in _SIMPLE:
                out += _SIMPLE[kind].encode()
            elif kind in "01234567":
                self.at -= 1
                out.append(int(self.digits("01234567", 3), 8) & 0xFF)
            elif kind == "x" and (digits := self.digits("0123456789abcdefABCDEF", 2)):
                out.append(int(digits, 16))
            elif kind in "uU" and (digits := self.digits("0123456789abcdefABCDEF", 4 if kind == "u" else 8)):
                code = int(digits, 16)
                if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
                    raise RequestError(f"`\\{kind}{digits}` at character {self.at} is not a Unicode character")
                out += chr(code).encode()
            elif kind in "'\"\\?":
                out += kind.encode()
            else:
                out += ("\\" + kind).encode("utf-8", "surrogateescape")
        raise RequestError(f"the quote $' opened at character {start + 1} never ends")

    def digits(self, allowed: str, most: int) -> str:
        begin = self.at
        while self.at < len(self.text) and self.at - begin < most and self.text[self.at] in allowed:
            self.at += 1
        return self.text[begin : self.at]
