"""Edits of a rule file: free functions, as `lang.edit` has them for expressions. Pure: each gives a new `RuleFile`.

The new rule file is made from an edited text in which comments, order and untouched lines are as before; so undo is
a stack of rule files. Problems of meaning (a PEM that isn't there, an expression that doesn't parse) don't stop an
edit: they stand in `problems` until they are cured. A key that no such table has, or a value of the wrong type,
raises `RuleFileError`; a place that isn't there IndexError. Another text for the whole file is `reading.reread`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mtls_tui.engine import hostnames
from mtls_tui.rulefile.model import RuleFile
from mtls_tui.rulefile.reading import reread
from mtls_tui.rulefile.schema import HostEntry, PropertyEntry, RuleEntry, TestEntry


def update_rule(rulefile: RuleFile, index: int, **changes: Any) -> RuleFile:
    """Rule `index` with some keys changed; None takes a key out.

    The keys are those of `RuleEntry`; `expression` is text or an `Expression`, `response` a `ResponseEntry`,
    `Response` or mapping.
    """
    return _edited(rulefile, "update", "rules", index, changes)


def insert_rule(rulefile: RuleFile, rule: RuleEntry | Mapping[str, Any], at: int | None = None) -> RuleFile:
    """With a rule inserted before position `at` (None: after the last)."""
    return _edited(rulefile, "insert", "rules", at, rule)


def remove_rule(rulefile: RuleFile, index: int) -> RuleFile:
    """Without rule `index` and the comment that stands on it."""
    return _edited(rulefile, "remove", "rules", index)


def move_rule(rulefile: RuleFile, index: int, to: int) -> RuleFile:
    """With rule `index` at position `to` of the new order; the comment on it moves along."""
    return _edited(rulefile, "move", "rules", index, to)


def copy_rule(rulefile: RuleFile, index: int) -> RuleFile:
    """With a copy of rule `index` right after it, under a fresh ref."""
    ref = fresh_name(rulefile.rules[index].ref, {rule.ref for rule in rulefile.rules})
    return _edited(rulefile, "copy", "rules", index, {"ref": ref})


def update_host(rulefile: RuleFile, index: int, **changes: Any) -> RuleFile:
    """Host `index` with some keys changed; None takes a key out. Properties follow a host to its new name."""
    edited = _edited(rulefile, "update", "hosts", index, changes)
    old, new = rulefile.hosts[index].name, edited.hosts[index].name
    for place, entry in enumerate(edited.properties if new != old else ()):
        hosts = tuple(new if hostnames.normalise(name) == hostnames.normalise(old) else name for name in entry.hosts)
        if hosts != entry.hosts:
            edited = update_property(edited, place, hosts=hosts)
    return edited


def insert_host(rulefile: RuleFile, host: HostEntry | Mapping[str, Any], at: int | None = None) -> RuleFile:
    """With a host inserted before position `at` (None: after the last)."""
    return _edited(rulefile, "insert", "hosts", at, host)


def remove_host(rulefile: RuleFile, index: int) -> RuleFile:
    """Without host `index`."""
    return _edited(rulefile, "remove", "hosts", index)


def move_host(rulefile: RuleFile, index: int, to: int) -> RuleFile:
    """With host `index` at position `to`."""
    return _edited(rulefile, "move", "hosts", index, to)


def copy_host(rulefile: RuleFile, index: int, name: str) -> RuleFile:
    """With a copy of host `index` right after it, under another name."""
    return _edited(rulefile, "copy", "hosts", index, {"name": name})


def update_property(rulefile: RuleFile, index: int, **changes: Any) -> RuleFile:
    """Property `index` with some keys changed; None takes a key out. `when` and `unless` are texts or expressions."""
    return _edited(rulefile, "update", "properties", index, changes)


def insert_property(rulefile: RuleFile, entry: PropertyEntry | Mapping[str, Any], at: int | None = None) -> RuleFile:
    """With a property inserted before position `at` (None: after the last)."""
    return _edited(rulefile, "insert", "properties", at, entry)


def remove_property(rulefile: RuleFile, index: int) -> RuleFile:
    """Without property `index` and the comment that stands on it."""
    return _edited(rulefile, "remove", "properties", index)


def move_property(rulefile: RuleFile, index: int, to: int) -> RuleFile:
    """With property `index` at position `to`; the comment on it moves along."""
    return _edited(rulefile, "move", "properties", index, to)


def insert_test(rulefile: RuleFile, test: TestEntry | Mapping[str, Any], at: int | None = None) -> RuleFile:
    """With a test inserted before position `at` (None: after the last)."""
    return _edited(rulefile, "insert", "tests", at, test)


def remove_test(rulefile: RuleFile, index: int) -> RuleFile:
    """Without test `index`."""
    return _edited(rulefile, "remove", "tests", index)


def fresh_name(name: str, taken: set[str], separator: str = "-") -> str:
    """`name` with the lowest number that makes it new: `mtls-api-2`."""
    number = 2
    while f"{name}{separator}{number}" in taken:
        number += 1
    return f"{name}{separator}{number}"


def _edited(rulefile: RuleFile, verb: str, section: str, where: int | None, what: Any = None) -> RuleFile:
    from mtls_tui.rulefile import text_edits  # tomlkit is loaded by the first edit only

    return reread(rulefile, text_edits.apply(rulefile, verb, section, where, what))
