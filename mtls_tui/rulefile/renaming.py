"""Giving a list another name: the table and every expression that uses it change together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tomlkit

from mtls_tui.lang.ast import ListName
from mtls_tui.rulefile import blocks, expressions
from mtls_tui.rulefile.errors import Problem, RuleFileError
from mtls_tui.rulefile.places import Places

if TYPE_CHECKING:
    from mtls_tui.rulefile.model import RuleFile


def rename_list(rulefile: RuleFile, name: str, new: str) -> RuleFile:
    """See `RuleFile.with_list_renamed`."""
    if name not in rulefile.lists:
        raise KeyError(name)
    if new in rulefile.lists:
        raise RuleFileError(Problem("duplicate", f"`{new}` is already a list", cure="choose another name"))
    for index, rule in enumerate(rulefile.rules):
        if rulefile.expressions[index] is not None:
            text = _renamed(rule.expression, name, new)
            if text != rule.expression:
                rulefile = rulefile.with_rule(index, expression=text)
    return rulefile.with_text(_table_renamed(rulefile, name, new))


def _renamed(text: str, name: str, new: str) -> str:
    """An expression with `$name` replaced, and nothing else of its text."""
    spans = [
        use.right.span
        for use in expressions.list_uses(text)
        if isinstance(use.right, ListName) and use.right.name == name and use.right.span is not None
    ]
    for span in sorted(spans, key=lambda span: span.start, reverse=True):
        text = f"{text[: span.start]}${new}{text[span.end :]}"
    return text


def _table_renamed(rulefile: RuleFile, name: str, new: str) -> str:
    text = rulefile.text
    places = rulefile.places or Places(text)
    mine = blocks.of_section(blocks.cut(places), "lists", list(rulefile.lists))
    if mine is None:  # another layout: the list moves to the end of its table
        entry = rulefile.lists[name]
        return rulefile.without_list(name).with_new_list(new, entry).text
    key = tomlkit.key(new).as_string()
    headers = [header for header in places.headers if header.path[:2] == ("lists", name)]
    for header in reversed(headers):
        end = text.index("]", header.start + len(name))
        text = f"{text[: header.start]}[lists.{key}{text[end:]}"
    return text
