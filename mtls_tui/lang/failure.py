"""The exception that travels from the place of a mistake to `parse`: where, which kind, and the original's words."""

from __future__ import annotations

from mtls_tui.lang.types import Type

_NAME_CODES = {
    "identifier character": "expected-name",
    "ComparisonOp": "expected-operator",
    "digit": "expected-digit",
    "IP address character": "expected-address",
    "byte separator": "expected-byte-separator",
    '" or r': "expected-pattern",
    '" or #': "expected-raw-string",
}


class Rejected(Exception):  # noqa: N818 - a finding that travels inside this package, never an error of the program
    """The text is not an expression. `start` and `end` are character offsets; `code` is stable."""

    def __init__(self, text: str, start: int, end: int, code: str, message: str) -> None:
        super().__init__(message)
        self.start = start
        self.end = max(start, end)
        self.code = code
        self.message = message


def expected_literal(text: str, at: int, literal: str) -> Rejected:
    """A certain character has to stand here."""
    return Rejected(text, at, at + 1, "expected-literal", f'expected literal "{literal}"')


def expected_name(text: str, at: int, name: str) -> Rejected:
    """Something of this name has to begin here."""
    return Rejected(text, at, at + 1, _NAME_CODES[name], f"expected {name}")


def unrecognised(text: str, at: int) -> Rejected:
    """What begins here belongs to nothing."""
    return Rejected(text, at, len(text), "unrecognised-input", "unrecognised input")


def type_mismatch(text: str, start: int, end: int, expected: str | Type, actual: Type) -> Rejected:
    """A value of another type has to stand here."""
    return Rejected(text, start, end, "type-mismatch", f"expected value of type {expected}, but got {actual}")


def unsupported(text: str, start: int, end: int, kind: Type) -> Rejected:
    """The operator doesn't go with what stands on its left."""
    return Rejected(text, start, end, "unsupported-operator", f"cannot perform this operation on type {kind}")


def too_deep(text: str, at: int, limit: int) -> Rejected:
    """One parenthesis, `not` or call too many around this place."""
    return Rejected(text, at, at + 1, "nesting-limit", f"maximum nesting depth exceeded (limit: {limit})")
