"""From text to `RuleFile`: TOML, then the shape of each table, then `checks`. Refuses what is not a rule file."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar, cast

import msgspec

from mtls_tui.rulefile import checks
from mtls_tui.rulefile.blocks import SECTIONS
from mtls_tui.rulefile.errors import Problem, RuleFileError, nearest
from mtls_tui.rulefile.materials import MAX_RULE_FILE, MaterialError, read_bytes
from mtls_tui.rulefile.model import RuleFile
from mtls_tui.rulefile.places import KeyPath, Places, key_name
from mtls_tui.rulefile.schema import (
    KEYS,
    ExpectEntry,
    FileEntry,
    HostEntry,
    ListEntry,
    PropertyEntry,
    ResponseEntry,
    RuleEntry,
    TableEntry,
    TestEntry,
)

E = TypeVar("E", bound=TableEntry)


def load(path: Path | str, *, strict: bool = True) -> RuleFile:
    """Read a rule file.

    Raises `RuleFileError` with every problem found. With `strict=False` a file whose text can be read as tables is
    given even when something in it is wrong (a missing PEM, a broken expression): its `problems` say what.
    """
    path = Path(path)
    try:
        data = read_bytes(path, MAX_RULE_FILE, "rule file")
    except MaterialError as error:
        raise RuleFileError(error.problem(str(path))) from None
    return from_bytes(data, path=path, strict=strict)


def loads(text: str, folder: Path | str | None = None, *, strict: bool = True) -> RuleFile:
    """Read a rule file from a text; relative paths in it are relative to `folder` (default: the working one)."""
    rulefile = _read(text, Path(folder) if folder is not None else Path.cwd(), None, None)
    return rulefile.raise_problems() if strict else rulefile


def from_bytes(data: bytes, *, path: Path | None, folder: Path | None = None, strict: bool = True) -> RuleFile:
    """Read a rule file from the bytes of a file, or of standard input (`path` None)."""
    name = str(path) if path else "<stdin>"
    if len(data) > MAX_RULE_FILE:
        raise RuleFileError(
            Problem("too-large", f"larger than {MAX_RULE_FILE} bytes", name, cure="check that this is a rule file")
        )
    try:
        text = data.decode("utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RuleFileError(
            Problem(
                "encoding",
                f"not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}",
                name,
                line=line,
                cure="save the file as UTF-8",
            )
        ) from None
    folder = folder or (path.absolute().parent if path else Path.cwd())
    rulefile = _read(text, folder, path, hashlib.sha256(data).hexdigest())
    return rulefile.raise_problems() if strict else rulefile


def reread(old: RuleFile, text: str) -> RuleFile:
    """The same file with another text, problems of meaning included in the result."""
    return _read(text, old.folder, old.path, old.read_digest)


def _read(text: str, folder: Path, path: Path | None, read_digest: str | None) -> RuleFile:
    name = str(path) if path else "<text>"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise RuleFileError(
            Problem("encoding", "not a character (half of a surrogate pair)", name, line, cure="remove it")
        ) from None
    data = _toml(text, name)
    places = Places(text)
    entry = _Shape(name, places).file(data)
    rulefile = RuleFile(
        text=text,
        folder=folder,
        path=path,
        version=entry.version,
        anchors=entry.anchors,
        intermediates=entry.intermediates,
        crls=entry.crls,
        hosts=entry.hosts,
        lists=MappingProxyType(entry.lists),
        rules=entry.rules,
        properties=entry.properties,
        tests=entry.tests,
        read_digest=read_digest,
        places=places,
    )
    return checks.checked(rulefile)


def _toml(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = re.search(r" \((?:at line (\d+), column (\d+)|at end of document)\)$", message)
        line, column = 0, 0
        if place:
            message = message[: place.start()]
            line = int(place[1]) if place[1] else max(1, len(text.splitlines()))
            column = int(place[2]) if place[2] else 0
        problem = Problem(
            "syntax", f"not TOML: {_lower(message)}", name, line=line, column=column, cure=_syntax_cure(message)
        )
        raise RuleFileError(problem) from None
    except ValueError:  # Python's bound on the digits of a number, 4,300
        problem = Problem("syntax", "a number has too many digits", name, cure="write a shorter number")
        raise RuleFileError(problem) from None
    except RecursionError:
        raise RuleFileError(Problem("syntax", "nested too deeply", name, cure="use fewer brackets")) from None


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]


def _syntax_cure(message: str) -> str:
    if "overwrite" in message or "declare" in message or "mutate" in message:
        return "the same key or table stands twice: remove one, or use [[double brackets]] for another entry"
    if "Unescaped" in message or "escape" in message:
        return "put expressions between ''' and ''': nothing needs escaping there"
    if "Expected '=' after a key" in message:
        return "a line is `key = value`, `[table]` or `# comment`"
    if "Invalid value" in message:
        return "text needs quotes; Booleans are `true` and `false`"
    return "see the line; texts stand in quotes, expressions between ''' and '''"


class _Shape:
    """Converts tables to entries and collects what is wrong with their shape, one problem per entry."""

    def __init__(self, name: str, places: Places) -> None:
        self.name = name
        self.places = places
        self.problems: list[Problem] = []

    def file(self, data: dict[str, Any]) -> FileEntry:
        hosts = self.entries(data, "hosts", HostEntry)
        rules = self.entries(data, "rules", RuleEntry)
        properties = self.entries(data, "properties", PropertyEntry)
        tests = self.entries(data, "tests", TestEntry)
        lists = self.lists(data)
        rest = {key: value for key, value in data.items() if key not in SECTIONS}
        entry = self.convert(rest, FileEntry, ())
        if self.problems or entry is None:
            raise RuleFileError(sorted(self.problems, key=lambda problem: (problem.line, problem.column)))
        return msgspec.structs.replace(entry, hosts=hosts, rules=rules, properties=properties, tests=tests, lists=lists)

    def entries(self, data: dict[str, Any], section: str, struct: type[E]) -> tuple[E, ...]:
        value = data.get(section, [])
        if not isinstance(value, list):
            self.add("type", (section,), "expected an array of tables", f"write each one as [[{section}]]")
            return ()
        found = [self.convert(item, struct, (section, index)) for index, item in enumerate(value)]
        return tuple(entry for entry in found if entry is not None)

    def lists(self, data: dict[str, Any]) -> dict[str, ListEntry]:
        value = data.get("lists", {})
        if not isinstance(value, dict):
            self.add("type", ("lists",), "expected tables", "write each one as [lists.NAME]")
            return {}
        found = {name: self.convert(item, ListEntry, ("lists", name)) for name, item in value.items()}
        return {name: entry for name, entry in found.items() if entry is not None}

    def convert(self, value: Any, struct: type[E], path: KeyPath) -> E | None:
        try:
            return msgspec.convert(value, struct)
        except msgspec.ValidationError as error:
            self.wrong(str(error), value, struct, path)
            return None

    def add(self, code: str, path: KeyPath, message: str, cure: str) -> None:
        place = self.places.values.get(path)
        line, column = self.places.position(place.key) if place else (self.places.line(path), 0)
        self.problems.append(Problem(code, message, self.name, line, column, key_name(path), cure))

    def wrong(self, text: str, value: Any, struct: type[TableEntry], path: KeyPath) -> None:
        """Say a validation error of msgspec in the words of a rule file."""
        message, _, where = text.partition(" - at `")
        inner = _inner_path(where.rstrip("`"), value)
        full = (*path, *inner)
        unknown = re.fullmatch(r"Object contains unknown field `(.*)`", message, re.DOTALL)
        missing = re.fullmatch(r"Object missing required field `(.*)`", message)
        if unknown:
            table = _struct_at(struct, inner)
            self.add("unknown-key", (*full, unknown[1]), "unknown key", nearest(unknown[1], KEYS[table]))
        elif missing:
            self.add("missing-key", full, f"the key `{missing[1]}` is missing", f"add `{missing[1]} = …`")
        else:
            self.add("type", full, _in_toml_words(message), _type_cure(message, full))


def _inner_path(where: str, value: Any) -> KeyPath:
    """The path in `$.response.status` of msgspec; it says `[...]` for a mapping, and there the path ends."""
    path: list[str | int] = []
    for name, index in re.findall(r"\.([A-Za-z0-9_]+)|\[(\d+|\.\.\.)\]", where):
        if index == "...":
            break
        path.append(int(index) if index else name)
    return tuple(path)


def _struct_at(struct: type[TableEntry], path: KeyPath) -> type[TableEntry]:
    nested = {"response": ResponseEntry, "expect": ExpectEntry}
    for part in path:
        struct = cast("type[TableEntry]", nested.get(str(part), struct))
    return struct


_WORDS = {
    "str": "text in quotes",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "an array",
    "object": "a table",
    "null": "nothing",
}


def _in_toml_words(message: str) -> str:
    if message.startswith("Invalid enum value"):
        return f"`{message.removeprefix('Invalid enum value ').strip(chr(39))}` is not one of the allowed values"

    def word(match: re.Match[str]) -> str:
        kinds = [_WORDS.get(kind.strip(), kind.strip()) for kind in match[1].split("|") if kind.strip() != "null"]
        return " or ".join(kinds)

    return _lower(re.sub(r"`([^`]*)`", word, message))


_CHOICES: dict[str, tuple[str, ...]] = {
    "action": ("block", "log", "skip", "managed_challenge", "js_challenge", "challenge"),
    "expect": ("blocked", "allowed"),
    "client": ("any", "none", "untrusted", "revoked", "trusted"),
    "expect.action": ("allow", "block", "log", "skip", "managed_challenge", "js_challenge", "challenge"),
    "kind": ("ip", "hostname", "asn"),
    "crl_policy": ("require", "soft"),
    "revocation": ("chain", "leaf"),
    "content_type": ("text/plain", "text/html", "text/xml", "application/json"),
}


def _type_cure(message: str, path: KeyPath) -> str:
    key = str(path[-1]) if path else ""
    if message.startswith("Invalid enum value"):
        choices = _CHOICES["expect.action" if path[-2:] == ("expect", "action") else key]
        return nearest(message.removeprefix("Invalid enum value ").strip("'"), choices)
    if key == "version":
        return "write `version = 1`; a newer mtls-tui may know newer versions"
    if key == "status":
        return "a block answers with a status from 400 to 499"
    if "`str`" in message and "got `int`" in message:
        return "put quotes around it"
    if "`bool`" in message:
        return "write true or false, without quotes"
    if "`array" in message:
        return "put brackets around it: [ … ]"
    if "length <= 2048" in message:
        return "a response body has at most 2,048 bytes"
    return "change the value"
