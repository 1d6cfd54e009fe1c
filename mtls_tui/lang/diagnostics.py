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
    lines = text.split("\n")
    source = lines[diagnostic.line - 1] if diagnostic.line <= len(lines) else ""
    source = "".join(c if c.isprintable() else "·" for c in source)
    offset = diagnostic.column - 1
    length = max(1, min(diagnostic.span.end - diagnostic.span.start, max(len(source) - offset, 1)))
    if len(source) > width:
        begin = max(0, min(offset - width // 3, len(source) - width))
        head, tail = ("…" if begin else ""), ("…" if begin + width < len(source) else "")
        source = head + source[begin : begin + width] + tail
        offset = offset - begin + len(head)
        length = max(1, min(length, len(source) - offset))
    parts = [
        f"Filter parsing error ({diagnostic.line}:{diagnostic.column}):",
        source,
        " " * offset + "^" * length + " " + diagnostic.message,
    ]
    if diagnostic.hint:
        parts.append(f"hint: {diagnostic.hint}")
    return "\n".join(parts)
