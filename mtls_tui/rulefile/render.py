"""Values of entries as TOML items, in the form that reads best: expressions as literal strings, tables in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any

import msgspec
import tomlkit
from tomlkit.items import InlineTable, Item, Table

from mtls_tui import lang
from mtls_tui.lang.ast import Expression
from mtls_tui.rulefile.errors import Problem, RuleFileError
from mtls_tui.rulefile.expressions import parse

EXPRESSIONS = frozenset({"expression", "when", "unless"})
"""Keys whose texts are in the Rules language."""
WIDE = 100
"""Arrays that take more characters go on several lines."""


def plain(value: Any) -> Any:
    """An entry, response, AST or tuple as the plain data that stands in a file."""
    if isinstance(value, Expression):
        # Its own text where that still says the same: a tree made by hand may carry the text it came from.
        return value.text if value.text and parse(value.text)[0] == value else lang.format(value)
    if isinstance(value, msgspec.Struct):
        return {
            key: plain(item)
            for key, item in msgspec.structs.asdict(value).items()
            if item is not None and (item != default_of(type(value), key))
        }
    if is_dataclass(value) and not isinstance(value, type):
        return plain({key: item for key, item in asdict(value).items() if item is not None})
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value


def default_of(struct: type[msgspec.Struct], key: str) -> Any:
    """What a key is worth when it is left out; `msgspec.NODEFAULT` when it can't be."""
    for field in msgspec.structs.fields(struct):
        if field.name == key:
            return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    raise KeyError(key)


def item(key: str, value: Any) -> Item:
    """A value as a TOML item; `value` is plain data."""
    if isinstance(value, str):
        return _expression(value) if key in EXPRESSIONS else _string(value)
    if isinstance(value, Mapping):
        return _inline(value)
    if isinstance(value, Sequence):
        array = tomlkit.array()
        for element in value:
            array.append(item("", element))
        if len(array.as_string()) > WIDE:
            array.multiline(True)
        return array
    try:
        made: Item = tomlkit.item(value)
        return made
    except (ValueError, TypeError):
        raise RuleFileError(Problem("value", f"`{value!r}` can't stand in a rule file", key=key)) from None


def table(values: Mapping[str, Any]) -> Table:
    """A table with these keys, in their order."""
    made = tomlkit.table()
    for key, value in values.items():
        made.append(key, item(key, value))
    return made


def _inline(values: Mapping[str, Any]) -> InlineTable:
    pairs = (f"{tomlkit.key(key).as_string()} = {item('', value).as_string()}" for key, value in values.items())
    inside = ", ".join(pairs)
    made = tomlkit.value(f"{{ {inside} }}" if inside else "{}")
    assert isinstance(made, InlineTable)
    return made


def _expression(text: str) -> Item:
    """A literal multi-line string, in which nothing is escaped, unless the text has what that can't hold."""
    if "'''" in text or text.endswith("'") or not _literal(text.replace("\n", "")):
        return _string(text)
    if "\n" in text:
        # A line break right after the quotes is not part of the value (TOML 1.0), so the first line stands flush;
        # `tomlkit.string` would make it part of the value.
        return tomlkit.value(f"'''\n{text}'''")
    return tomlkit.string(text, literal=True, multiline=True)


def _string(text: str) -> Item:
    if ('"' in text or "\\" in text) and "'" not in text and _literal(text):
        return tomlkit.string(text, literal=True)
    return tomlkit.string(text)


def _literal(text: str) -> bool:
    """Whether a literal string can hold a text: no control characters but tab."""
    return all(character == "\t" or (character >= " " and character != "\x7f") for character in text)
