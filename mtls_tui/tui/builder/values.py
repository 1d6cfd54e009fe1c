"""Conversion between what is typed for a value and literals of the language. Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal, TypeAlias

from mtls_tui.lang import edit
from mtls_tui.lang.ast import Address, Expression, Integer, Network, Pattern, Range, Set, String
from mtls_tui.lang.formatter import format_node, quote, raw_quote
from mtls_tui.lang.tree import Node, Path, node_at
from mtls_tui.tui.state.rows import literal_text

Kind: TypeAlias = Literal["string", "regex", "wildcard", "integer", "address", "source"]

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)|0x[0-9a-fA-F]+|0[0-7]+")
_LITERAL = re.compile(r'\s*(r#*"|")')


@dataclass(frozen=True, slots=True)
class Wrong:
    """A text that is not a value, and why, in words for the user."""

    reason: str


def _raw(text: str) -> str:
    """The text as a raw literal; "" when it can't be written that way."""
    try:
        return raw_quote(text.encode())
    except ValueError:
        return ""


def string_literal(text: str, raw: bool = False) -> str:
    """A string literal that denotes this text, raw when asked for and possible."""
    return (_raw(text) if raw else "") or quote(text.encode())


def regex_literal(text: str, raw: bool = True) -> str:
    """The right side of `matches` for this pattern: raw, unless it was written with quotes."""
    return (_raw(text) if raw else "") or '"' + re.sub(r'(?<!\\)((?:\\\\)*)"', r'\1\\"', text) + '"'


def item_literal(text: str, kind: Literal["string", "integer", "address"]) -> str | Wrong:
    """One item of a set: a string, an integer or a range `1..9`, an address, a network or a range of addresses."""
    text = text.strip()
    if kind == "string":
        return text if _LITERAL.match(text) and text.endswith(('"', "#")) else string_literal(text)
    first, dots, last = text.partition("..")
    parts = [first.strip(), last.strip()] if dots else [first]
    if kind == "integer":
        wrong = [integer_wrong(part) for part in parts]
    else:
        wrong = [address_wrong(part, network=not dots) for part in parts]
    return next((Wrong(words) for words in wrong if words), "..".join(parts))


def integer_wrong(text: str) -> str:
    """The reason why a text is not an integer of the language; "" if it is one."""
    if not _INTEGER.fullmatch(text):
        return f"{text or 'nothing'} is not a whole number"
    value = int(text, 16) if text.lower().startswith("0x") else int(text, 8) if _octal(text) else int(text)
    return "" if -(2**63) <= value < 2**63 else f"{text} doesn't fit in 64 bits"


def _octal(text: str) -> bool:
    return len(text) > 1 and text.startswith("0")


def address_wrong(text: str, *, network: bool) -> str:
    """The reason why a text is not an address (or, in a set, a network); "" if it is one."""
    if "/" in text:
        if not network:
            return f"{text} is a network: write it as the only thing in its line of a set (is in)"
        try:
            ipaddress.ip_network(text)
        except ValueError:
            try:
                good = ipaddress.ip_network(text, strict=False)
            except ValueError:
                return f"{text} is not a network: write it like 192.0.2.0/24 or 2001:db8::/32"
            return f"{text} has bits behind its prefix: the network is {good}"
        return ""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return f"{text or 'nothing'} is not an address: write it like 192.0.2.1 or 2001:db8::1"
    return ""


def single_literal(text: str, kind: Kind, raw: bool) -> str | Wrong:
    """The literal of a single value."""
    match kind:
        case "string" | "wildcard":
            return string_literal(text, raw)
        case "regex":
            return regex_literal(text, raw)
        case "integer":
            wrong = integer_wrong(text.strip())
            return Wrong(wrong) if wrong else text.strip()
        case "address":
            wrong = address_wrong(text.strip(), network=False)
            return Wrong(wrong) if wrong else text.strip()
        case "source":
            return text.strip() or Wrong("nothing is written here")


def is_raw(node: Node) -> bool:
    """Whether a literal is written raw."""
    return isinstance(node, String | Pattern) and node.text.startswith("r")


def plain_text(node: Node) -> str | None:
    """What stands in the editor for a single literal: its meaning, not its notation.

    None when it has no plain text (bytes that don't print): then it is edited as source.
    """
    match node:
        case String(value=value) | Pattern(value=value):
            try:
                text = value.decode()
            except UnicodeDecodeError:
                return None
            return text if text.isprintable() else None
        case Integer() | Address():
            return node.text or format_node(node)
        case _:
            return None


def item_text(item: Node) -> str:
    """One item of a set in its line."""
    match item:
        case String(value=value, text=text):
            try:
                plain = value.decode()
            except UnicodeDecodeError:
                return text
            good = plain.isprintable() and plain.strip() == plain and plain and not plain.startswith(('"', 'r"', "r#"))
            return plain if good else text
        case Range(first=first, last=last):
            return f"{literal_text(first)}..{literal_text(last)}"
        case _:
            return getattr(item, "text", "") or format_node(item)


def set_kind(node: Set, fallback: str) -> Literal["string", "integer", "address"]:
    """What the items of a set are; an empty one goes by its field's sort."""
    for item in node.items:
        inner = item.first if isinstance(item, Range) else item
        if isinstance(inner, Integer):
            return "integer"
        if isinstance(inner, Address | Network):
            return "address"
        return "string"
    return {"integer": "integer", "ip": "address"}.get(fallback, "string")  # type: ignore[return-value]


def edit_set(expression: Expression, path: Path, lines: list[str], kind: str) -> edit.EditResult:
    """The set at `path` with these items, one a line; items that were there stay exactly as they were written."""
    node = node_at(expression, path)
    assert isinstance(node, Set)
    wanted: list[str] = []
    for line in lines:
        if not line.strip():
            continue
        literal = item_literal(line, kind)  # type: ignore[arg-type]
        if isinstance(literal, Wrong):
            return edit.Refusal(literal.reason)
        wanted.append(literal)
    known = [item_text(item) for item in node.items]
    shown = [line.strip() for line in lines if line.strip()]
    result: edit.EditResult = edit.Edit(expression, path)
    # From the end, so that an index stays right while items before it are still to change.
    for tag, i1, i2, j1, j2 in reversed(SequenceMatcher(None, known, shown, autojunk=False).get_opcodes()):
        if tag == "equal":
            continue
        for index in range(i2 - 1, i1 - 1, -1):
            result = edit.remove_item(_expression(result), (*path, index))
            if isinstance(result, edit.Refusal):
                return result
        for offset, literal in enumerate(wanted[j1:j2]):
            result = edit.add_item(_expression(result), path, literal, i1 + offset)
            if isinstance(result, edit.Refusal):
                return result
    return edit.Edit(_expression(result), path)


def _expression(result: edit.EditResult) -> Expression:
    assert isinstance(result, edit.Edit)
    return result.expression
