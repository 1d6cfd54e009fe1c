"""What can be wrong with a text, and how it is said: code, message in the original's words, place, hint."""

from __future__ import annotations

from dataclasses import dataclass

from mtls_tui.lang.ast import Span


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding in one text.

    `line` and `column` are 1-based and count characters of the text as given; lines end at `\\n` alone.
    `message` has the original's words; `hint` says what to do ("" when there is nothing to say).
    """

    code: str
    message: str
    line: int
    column: int
    span: Span
    hint: str = ""


class ParseError(ValueError):
    """A text that is not an expression; `diagnostic` says where and why, `text` is what was given."""

    def __init__(self, diagnostic: Diagnostic, text: str) -> None:
        self.diagnostic = diagnostic
        self.text = text
        super().__init__(diagnostic, text)

    def __str__(self) -> str:
        return render(self.diagnostic, self.text)


def render(diagnostic: Diagnostic, text: str, *, width: int = 100) -> str:
    """The diagnostic as Cloudflare's users know it: `Filter parsing error (line:column)`, source line, carets, hint.

    A source line longer than `width` characters is cut around the place; control characters are shown as `·`.
    """
    begin, end = _line(text, diagnostic.line)
    offset = diagnostic.column - 1
    length = max(1, min(diagnostic.span.end - diagnostic.span.start, max(end - begin - offset, 1)))
    head = tail = ""
    if end - begin > width:
        cut = max(0, min(offset - width // 3, end - begin - width))
        head, tail = ("…" if cut else ""), ("…" if cut + width < end - begin else "")
        begin, end = begin + cut, min(end, begin + cut + width)
        offset = offset - cut + len(head)
    source = head + "".join(c if c.isprintable() else "·" for c in text[begin:end]) + tail
    length = max(1, min(length, len(source) - offset))
    parts = [
        f"Filter parsing error ({diagnostic.line}:{diagnostic.column}):",
        source,
        " " * offset + "^" * length + " " + diagnostic.message,
    ]
    if diagnostic.hint:
        parts.append(f"hint: {diagnostic.hint}")
    return "\n".join(parts)


def _line(text: str, number: int) -> tuple[int, int]:
    """Where a line (from 1) begins and ends."""
    begin = 0
    for _ in range(number - 1):
        begin = text.find("\n", begin) + 1
    end = text.find("\n", begin)
    return begin, len(text) if end < 0 else end
