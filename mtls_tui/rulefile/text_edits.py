"""Edits of a rule file's text: update, insert, remove, move and copy entries; comments and untouched lines stay.

Where every entry of a section is a table of its own, which is how rule files are written, an edit touches that
block alone, so its cost doesn't grow with the file's number of entries. Other layouts (`rules = [{…}]`, dotted keys)
are edited through a `tomlkit` document of the whole file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import tomlkit
from tomlkit.items import AoT, Table

from mtls_tui.rulefile import blocks, render
from mtls_tui.rulefile.errors import Problem, RuleFileError, nearest
from mtls_tui.rulefile.places import Places
from mtls_tui.rulefile.schema import KEYS, HostEntry, PropertyEntry, RuleEntry, TableEntry, TestEntry

if TYPE_CHECKING:
    from mtls_tui.rulefile.model import RuleFile

ENTRIES: dict[str, type[TableEntry]] = {
    "hosts": HostEntry,
    "rules": RuleEntry,
    "properties": PropertyEntry,
    "tests": TestEntry,
}


def apply(rulefile: RuleFile, verb: str, section: str, where: Any, what: Any = None) -> str:
    """The text after an edit. IndexError for a place that isn't there."""
    text = rulefile.text
    newline = "\r\n" if "\r\n" in text else "\n"
    editor = _Editor(text, rulefile.places or Places(text), section, len(getattr(rulefile, section)))
    match verb:
        case "update":
            edited = editor.update(where, _plain(what, ENTRIES[section]))
        case "insert":
            edited = editor.insert(where, _plain(what, ENTRIES[section]))
        case "remove":
            edited = editor.remove(where)
        case "move":
            edited = editor.move(where, what)
        case "copy":
            edited = editor.copy(where, _plain(what, ENTRIES[section]))
        case _:
            raise ValueError(verb)
    return edited if newline == "\n" else edited.replace("\r\n", "\n").replace("\n", "\r\n")


def _plain(values: Any, struct: type[TableEntry]) -> dict[str, Any]:
    """Changes as plain data, None kept; a key that no such table has is an error."""
    if isinstance(values, TableEntry):
        found = render.plain(values)
        assert isinstance(found, dict)
        return found
    for key in values:
        if key not in KEYS[struct]:
            raise RuleFileError(Problem("unknown-key", "unknown key", key=key, cure=nearest(key, KEYS[struct])))
    return {key: None if value is None else render.plain(value) for key, value in values.items()}


class _Editor:
    """Edits of one section of one text."""

    def __init__(self, text: str, places: Places, section: str, count: int) -> None:
        self.text, self.section, self.count = text, section, count
        self.all = blocks.cut(places)
        self.mine = blocks.of_section(self.all, section, count)

    def update(self, index: int, changes: Mapping[str, Any]) -> str:
        self._must_be_there(index)
        if self.mine is None:
            document = tomlkit.parse(self.text)
            _change(document[self.section][index], changes)
            return tomlkit.dumps(document)
        block = self.mine[index]
        return blocks.replaced(self.text, block, self._changed(block, changes))

    def insert(self, at: int | None, values: Mapping[str, Any]) -> str:
        values = {key: value for key, value in values.items() if value is not None}
        if at is not None and not 0 <= at <= self.count:
            raise IndexError(at)
        if self.mine is None or (not self.count and self.section in tomlkit.parse(self.text)):
            return self._insert_in_document(at, values)
        before = self.mine[at] if at is not None and at < self.count else None
        return blocks.inserted(self.text, self.all, self.section, self._new(values), before)

    def remove(self, index: int) -> str:
        self._must_be_there(index)
        if self.mine is None:
            document = tomlkit.parse(self.text)
            del document[self.section][index]
            return tomlkit.dumps(document)
        return blocks.removed(self.text, self.mine[index])

    def move(self, index: int, to: int) -> str:
        self._must_be_there(index)
        self._must_be_there(to)
        order = [other for other in range(self.count) if other != index]
        order.insert(to, index)
        if self.mine is None:
            document = tomlkit.parse(self.text)
            values = [entry.unwrap() for entry in document[self.section]]
            self._fill(document, [values[index] for index in order])
            return tomlkit.dumps(document)
        return blocks.reordered(self.text, self.mine, order)

    def copy(self, index: int, changes: Mapping[str, Any]) -> str:
        self._must_be_there(index)
        if self.mine is None:
            entry = tomlkit.parse(self.text)[self.section][index].unwrap()
            return self.insert(index + 1, {**entry, **changes})
        before = self.mine[index + 1] if index + 1 < self.count else None
        new = self._changed(self.mine[index], changes, comment=False)
        return blocks.inserted(self.text, self.all, self.section, new, before)

    def _must_be_there(self, index: int) -> None:
        if not 0 <= index < self.count:
            raise IndexError(index)

    def _changed(self, block: blocks.Block, changes: Mapping[str, Any], *, comment: bool = True) -> str:
        text = self.text[block.start : block.end]
        start = 0 if comment or text.startswith("[") else text.index("\n[") + 1
        document = tomlkit.parse(text[start:])
        _change(document[self.section][0], changes)
        new = tomlkit.dumps(document)
        return new if new.endswith("\n") else new + "\n"

    def _new(self, values: Mapping[str, Any]) -> str:
        array = tomlkit.aot()
        array.append(render.table(values))
        return tomlkit.dumps({self.section: array})

    def _insert_in_document(self, at: int | None, values: Mapping[str, Any]) -> str:
        document = tomlkit.parse(self.text)
        entries = [entry.unwrap() for entry in document[self.section]]
        if not entries:
            # `rules = []`: the empty array makes room for tables.
            document.remove(self.section)
            text = tomlkit.dumps(document)
            return _Editor(text, Places(text), self.section, 0).insert(None, values)
        array = document[self.section]
        index = len(entries) if at is None else at
        if isinstance(array, AoT):
            array.insert(index, render.table(values))
        else:
            array.insert(index, render.item("", values))
        return tomlkit.dumps(document)

    def _fill(self, document: tomlkit.TOMLDocument, values: list[Any]) -> None:
        holder = document[self.section]
        for index, value in enumerate(values):
            made = render.table(value) if isinstance(holder, AoT) else render.item("", value)
            holder[index] = made


def _change(table: Any, changes: Mapping[str, Any]) -> None:
    """Change keys of a tomlkit table; a value that is already there is left as it is written."""
    for key, value in changes.items():
        if value is None:
            if key in table:
                table.remove(key)
            continue
        if key in table:
            old = table[key]
            plain = old.unwrap() if hasattr(old, "unwrap") else old  # tomlkit hands out Booleans bare
            if plain == value and type(plain) is type(value):
                continue
            if isinstance(table[key], Table):
                table.remove(key)  # a sub-table makes room for an inline one
        table[key] = render.item(key, value)
