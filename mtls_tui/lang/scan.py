"""Where a cursor stands in a text that need not be complete: what was said before it, and what may come next.

A tolerant reader, for completion only: it never fails and decides nothing about validity.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from mtls_tui.lang.catalogue import FIELDS, FUNCTIONS, OPERATORS
from mtls_tui.lang.types import BYTES, INT, IP, Type, array

Expected: TypeAlias = Literal["operand", "value", "right", "clause", "set", "key"]
"""What comes next: an operand; an operator after a value; a right side; a join after a clause; a set item; an index."""

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<raw>r(?P<hashes>\#{0,255})"(?:(?!"(?P=hashes)).)*(?:"(?P=hashes)|\Z))
    |(?P<string>"(?:\\.|[^"\\])*(?:"|\\?\Z))
    |(?P<list>\$[a-z0-9_.]*)
    |(?P<number>-?(?:[0-9][0-9A-Fa-fxX]*|[0-9A-Fa-f]*:)[0-9A-Fa-f:./]*(?![A-Za-z_]))
    |(?P<word>[A-Za-z0-9_][A-Za-z0-9_.]*)
    |(?P<sign>&&|\|\||\^\^|[=!<>]=|[<>~&!(){}\[\],*]|.)""",
    re.VERBOSE | re.DOTALL,
)
_JOINS = frozenset({"and", "or", "xor", "&&", "||", "^^"})
_WORD = re.compile(r"[A-Za-z0-9_.]*\Z")
_REST = re.compile(r"[A-Za-z0-9_.]*")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text; `closed` is false for a string whose end is missing."""

    kind: str
    text: str
    start: int
    closed: bool = True


@dataclass(slots=True)
class OpenBracket:
    """An open bracket: `opener` is the sign, `function` the name before it, `argument` which one the cursor is in."""

    opener: str
    function: str = ""
    argument: int = 0
    mapped: bool = False
    first: Type | None = None
    outer: tuple[str, str, Type | None] = ("", "", None)
    """Subject, operator and type of the comparison that a call is the right side of."""
    after: Expected = "value"
    """The state once an index is closed."""


@dataclass(slots=True)
class CursorContext:
    """What is known at the cursor. `subject` is the left side's field (or map with its key), `type` its type."""

    start: int
    end: int
    word: str
    state: Expected = "operand"
    subject: str = ""
    type: Type | None = None
    operator: str = ""
    open_string: Token | None = None
    in_list: bool = False
    frames: list[OpenBracket] = field(default_factory=list)

    @property
    def call(self) -> OpenBracket | None:
        """The innermost call whose arguments the cursor is in."""
        return next((frame for frame in reversed(self.frames) if frame.function), None)


_SYMBOLS = {info.symbol: name for name, info in OPERATORS.items() if info.symbol and info.kind == "comparison"}


def tokens(text: str) -> list[Token]:
    """The pieces of a text, white space left out."""
    found = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind == "hashes":
            kind = "raw"
        if kind == "space":
            continue
        piece = match.group()
        closed = True
        if kind == "string":
            closed = len(piece) > 1 and re.fullmatch(r'"(?:\\.|[^"\\])*"', piece, re.DOTALL) is not None
        elif kind == "raw":
            hashes = match.group("hashes")
            closed = piece.endswith('"' + hashes) and len(piece) > len(hashes) * 2 + 2
        found.append(Token(kind, piece, match.start(), closed))
    return found


def place_at(text: str, offset: int) -> CursorContext:
    """What is known at a character offset of the text."""
    offset = max(0, min(offset, len(text)))
    before = text[:offset]
    pieces = tokens(before)
    last = pieces[-1] if pieces else None
    if last is not None and not last.closed:
        place = CursorContext(start=last.start, end=offset, word="", open_string=last)
        pieces.pop()
    elif last is not None and last.kind == "list" and last.start + len(last.text) == offset:
        rest = re.match(r"[a-z0-9_.]*", text[offset:])
        place = CursorContext(start=last.start, end=offset + (rest.end() if rest else 0), word=last.text, in_list=True)
        pieces.pop()
    else:
        word = _WORD.search(before)
        start = word.start() if word else offset
        rest = _REST.match(text, offset)
        place = CursorContext(start=start, end=rest.end() if rest else offset, word=before[start:])
        pieces = [piece for piece in pieces if piece.start < start]
    for index, piece in enumerate(pieces):
        _step(place, piece, pieces[index + 1].text if index + 1 < len(pieces) else text[place.start : place.start + 1])
    return place


def _step(place: CursorContext, token: Token, following: str) -> None:
    text = token.text
    if text in (")", "]", "}"):
        _close(place, text)
    elif place.state == "key":
        _key(place, token)
    elif place.state == "set":
        return
    elif text == "(":
        if not (place.frames and place.frames[-1].opener == "call"):
            place.frames.append(OpenBracket("("))
        else:
            place.frames[-1].opener = "("
        place.state = "operand"
    elif text in _JOINS or text in ("not", "!"):
        place.state, place.subject, place.type, place.operator = "operand", "", None, ""
    elif text == ",":
        _comma(place)
    elif text == "[" and place.state in ("value", "clause"):
        place.frames.append(OpenBracket("[", after=place.state))
        place.state = "key"
    elif place.state == "value":
        _operator(place, text)
    elif text == "{":
        place.frames.append(OpenBracket("{"))
        place.state = "set"
    else:
        _operand(place, token, following)


def _operand(place: CursorContext, token: Token, following: str) -> None:
    if token.kind == "word" and following == "(":
        place.frames.append(OpenBracket("call", token.text, outer=(place.subject, place.operator, place.type)))
        return
    if place.state == "right":
        place.state = "clause"
        return
    place.state = "value"
    if token.kind == "word":
        info = FIELDS.get(token.text)
        place.subject, place.type = token.text, info.type if info else None
        if token.text in ("true", "false"):
            place.state = "clause"
    elif token.kind in ("string", "raw"):
        place.subject, place.type = "", BYTES
    else:
        place.subject, place.type = "", IP if "." in token.text or ":" in token.text else INT


def _operator(place: CursorContext, text: str) -> None:
    if place.operator == "strict" and text == "wildcard":
        place.operator, place.state = "strict wildcard", "right"
    elif text == "strict":
        place.operator = "strict"
    else:
        place.operator = _SYMBOLS.get(text, text)
        place.state = "right"


def _key(place: CursorContext, token: Token) -> None:
    frame = place.frames[-1]
    if frame.after == "clause":
        return
    if token.text == "*":
        frame.mapped = True
    elif token.kind == "string":
        place.subject += f"[{token.text}]"
    if place.type is not None and place.type.item is not None:
        place.type = place.type.item


def _comma(place: CursorContext) -> None:
    if place.frames and place.frames[-1].function:
        frame = place.frames[-1]
        if frame.argument == 0:
            frame.first = place.type
        frame.argument += 1
    place.state, place.subject, place.type, place.operator = "operand", "", None, ""


def _close(place: CursorContext, sign: str) -> None:
    opener = {")": "(", "]": "[", "}": "{"}[sign]
    while place.frames and place.frames[-1].opener != opener:
        place.frames.pop()
    if not place.frames:
        place.state = "clause"
        return
    frame = place.frames.pop()
    if sign == "]":
        place.state = frame.after
        if frame.mapped and place.frames:
            place.frames[-1].mapped = True
    elif sign == "}" or not frame.function:
        place.state = "clause"
    else:
        _return(place, frame)


def _return(place: CursorContext, frame: OpenBracket) -> None:
    """A call is complete: it is a value of its result's type, or the right side of a comparison."""
    subject, operator, _ = frame.outer
    info = FUNCTIONS.get(frame.function)
    result = info.returns if info else None
    if info and result is None:
        result = frame.first or place.type
    if frame.mapped and result is not None and frame.function not in ("any", "all"):
        result = array(result)
    if operator and subject:
        place.state, place.subject, place.operator = "clause", subject, operator
        return
    place.state, place.subject, place.type, place.operator = "value", "", result, ""
