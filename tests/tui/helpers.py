"""Driving the document without a terminal: actions by name, keys by the keymap."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from mtls_tui.rulefile import loads
from mtls_tui.tui.app.evaluate import evaluate
from mtls_tui.tui.files.actions import start
from mtls_tui.tui.registry import keymap, register
from mtls_tui.tui.registry.effects import Effect
from mtls_tui.tui.registry.register import Refusal
from mtls_tui.tui.simulator.secrets import Secrets
from mtls_tui.tui.state.content import with_edits_written
from mtls_tui.tui.state.document import Document

register.load()
KEYS = keymap.build()

RULES = """\
# kept
version = 1

[[hosts]]
name = "api.example.com"
mtls = true

[[hosts]]
name = "pay.example.com"
mtls = true

[lists.office]
kind = "ip"
items = ["192.0.2.0/24"]

[[rules]]
ref = "mtls-api"
description = "Only clients with a valid certificate"
expression = '''(http.host in {"api.example.com"  "b.example.com"} and \
(not cf.tls_client_auth.cert_verified or cf.tls_client_auth.cert_revoked) \
and not starts_with(http.request.uri.path, "/hook/"))'''
action = "block"

[[rules]]
ref = "debug"
expression = '''any(lower(http.request.headers.names[*])[*] == "x-debug")'''
action = "log"
"""


def document_of(text: str = RULES, folder: Path | None = None) -> Document:
    """A document of a rule file's text, as if it stood on disk."""
    file = loads(text, folder or Path.cwd(), strict=False)
    return start(replace(file, path=(folder or Path.cwd()) / "t.rules.toml"))


def with_expression(expression: str, **more: str) -> Document:
    """A document with one rule."""
    host = '[[hosts]]\nname = "api.example.com"\n'
    extra = "".join(f"{key} = {value}\n" for key, value in more.items())
    return document_of(f"version = 1\n{host}[[rules]]\nref = \"r\"\n{extra}expression = '''{expression}'''\n")


class Driver:
    """Runs actions and keys on a document; what an action asks of the world is collected in `effects`."""

    def __init__(self, document: Document | None = None) -> None:
        self.document = document or document_of()
        self.effects: list[Effect] = []
        self.refused = ""

    def do(self, action: str, **arguments: Any) -> Driver:
        self.refused = ""
        result = register.run(self.document, action, arguments)
        if isinstance(result, Refusal):
            self.refused = result.reason
            return self
        self.document = result.document
        self.effects += result.effects
        return self

    def press(self, *keys: str) -> Driver:
        for key in keys:
            character = key if len(key) == 1 else " " if key == "space" else None
            found = keymap.resolve(self.document, key, character, KEYS)
            if found is not None:
                self.do(found[0], **found[1])
        return self

    def type(self, text: str) -> Driver:
        return self.press(*("space" if c == " " else c for c in text))

    def at(self, text: str) -> Driver:
        """The cursor on the first row whose text holds `text`."""
        for index, row in enumerate(self.document.rows):
            if row.kind != "close" and text in row.text:
                return self.do("row.go", index=index, part=0)
        raise AssertionError(f"no row {text!r} in {[row.text for row in self.document.rows]}")

    def part(self, sort: str, text: str = "") -> Driver:
        row = self.document.row
        assert row is not None
        for place, part in enumerate(row.editable):
            if part.sort == sort and text in part.text:
                self.document = self.document.with_view(part=place)
                return self
        raise AssertionError(f"no part {sort} {text!r} in {row.parts}")

    @property
    def text(self) -> str:
        """What the selected rule says."""
        edited = self.document.edited_rule
        return edited.text if edited is not None else ""

    @property
    def overlay(self) -> str:
        return type(self.document.overlay).__name__

    @property
    def file(self) -> str:
        """The rule file as it would be saved."""
        return with_edits_written(self.document.content).file.text

    def evaluate(self) -> Driver:
        document = self.document
        results = evaluate(document.content, document.view.rule, document.saved, Secrets())
        self.document = replace(document, results=results)
        return self
