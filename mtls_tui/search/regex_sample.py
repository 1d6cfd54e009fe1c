"""A text that a regular expression matches, made from its tree. A guess: the caller has to try it.

Of alternatives the first that is not empty is taken, of repetitions the fewest, of a class what it names first.
"""

from __future__ import annotations

from mtls_tui.lang.regex import sets
from mtls_tui.lang.regex.reader import read_regex
from mtls_tui.lang.regex.sets import Ranges
from mtls_tui.lang.regex.tree import (
    Alternation,
    Assertion,
    Char,
    CharRange,
    Class,
    ClassItem,
    Concat,
    Dot,
    Flags,
    Group,
    Named,
    Node,
    Operation,
    Perl,
    Repeat,
    Union,
)

_ORDINARY = b"xa0-/._ %"
"""What is taken of a class that names nothing itself, if it has any of these."""
_MAX_LENGTH = 4096


def sample(pattern: bytes) -> bytes | None:
    """A text that the pattern probably matches; None for one that is refused, or whose text is not found here."""
    try:
        return _text(read_regex(pattern.decode()))
    except (ValueError, RecursionError):
        return None


def _text(node: Node) -> bytes:
    match node:
        case Concat(items=items):
            texts, length = [], 0
            for item in items:
                texts.append(_text(item))
                length += len(texts[-1])
                if length > _MAX_LENGTH:
                    raise ValueError("too long")
            return b"".join(texts)
        case Alternation(items=items):
            return next((text for text in map(_text, items) if text), b"")
        case Repeat(item=item, first=first):
            text = _text(item)
            if len(text) * first > _MAX_LENGTH:
                raise ValueError("too long")
            return text * first
        case Group(item=item):
            return _text(item)
        case Dot():
            return b"x"
        case Assertion() | Flags():
            return b""
        case Char(value=value, byte=byte):
            return value.encode() if byte is None else bytes((byte,))
    return bytes((_first(node),))


def _first(node: ClassItem) -> int:
    """A byte of a class: the first that it names, else an ordinary one."""
    match node:
        case Char():
            return _code(node)
        case CharRange(first=first):
            return _code(first)
        case Class(negated=False, content=content):
            return _first(content)
        case Union(items=items) if items:
            return _first(items[0])
    members = _members(node)
    if not members:
        raise ValueError("nothing is in it")
    return next((byte for byte in _ORDINARY if any(low <= byte <= high for low, high in members)), members[0][0])


def _members(node: ClassItem) -> Ranges:
    match node:
        case Char():
            return ((_code(node), _code(node)),)
        case CharRange(first=first, last=last):
            return ((_code(first), _code(last)),)
        case Perl(kind=kind, negated=negated):
            return sets.complement(sets.ASCII_PERL[kind], sets.BYTES) if negated else sets.ASCII_PERL[kind]
        case Named(name=name, negated=negated):
            return sets.complement(sets.ASCII_CLASSES[name], sets.BYTES) if negated else sets.ASCII_CLASSES[name]
        case Union(items=items):
            return sets.united(part for item in items for part in _members(item))
        case Operation(operator=operator, left=left, right=right):
            return sets.operated(operator, _members(left), _members(right), sets.BYTES)
        case Class(negated=negated, content=content):
            return sets.complement(_members(content), sets.BYTES) if negated else _members(content)
    raise ValueError("a property of Unicode")


def _code(node: Char) -> int:
    code = ord(node.value) if node.byte is None else node.byte
    if code > 0x7F and node.byte is None:
        raise ValueError("not a byte")
    return code
