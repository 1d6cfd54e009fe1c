"""Work that is not in the file yet, kept on disk so that a crash, a dropped link or kill -9 loses nothing.

One draft per rule file, in the XDG state folder (0700), itself 0600. It holds the rule file's text, muted clauses
and the simulator's requests; never a key, a passphrase or a file's content.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from mtls_tui.files import read_bounded, write_atomically
from mtls_tui.lang.diagnostics import ParseError
from mtls_tui.rulefile import RuleFile, RuleFileError, loads
from mtls_tui.tui.state.content import Content, Probe, with_edits_written
from mtls_tui.tui.state.edited_rule import EditedRule, normal

VERSION = 1
LARGEST = 64 * 1024 * 1024


_UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, RuleFileError,
               msgspec.ValidationError)  # fmt: skip


def folder() -> Path:
    """The folder of the drafts."""
    from platformdirs import user_state_path

    return user_state_path("mtls-tui", appauthor=False) / "drafts"


def path_for(file: Path | None, where: Path | None = None) -> Path:
    """The draft of a rule file; all files without a name share one."""
    name = str(file.absolute()) if file is not None else ""
    mark = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    word = re.sub(r"[^A-Za-z0-9._-]+", "-", file.name)[:60] if file is not None else "new"
    return (where or folder()) / f"{word}-{mark}.json"


def encode(content: Content) -> bytes:
    """A draft as bytes. The file's text and the edited expressions stand apart: putting them together takes time."""
    file = content.file
    edited = {
        ref: {
            "text": edited.text,
            "full": edited.full.text if edited.full is not None and edited.muted else None,
            "muted": sorted(list(path) for path in edited.muted),
        }
        for ref, edited in content.edits.items()
    }
    data = {
        "version": VERSION,
        "file": str(file.path) if file.path else None,
        "read_digest": file.read_digest,
        "text": file.text,
        "work": edited,
        "probe": asdict(content.probe),
        "probes": [asdict(probe) for probe in content.probes],
    }
    return json.dumps(data, ensure_ascii=False).encode("utf-8", "surrogateescape")


def write(content: Content, where: Path | None = None) -> None:
    """Keep a draft. Raises OSError; the caller reports it, and editing goes on."""
    path = path_for(content.file.path, where)
    if not path.parent.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.parent.chmod(0o700)
    write_atomically(path, encode(content), mode=0o600)


def discard(file: Path | None, where: Path | None = None) -> None:
    """Delete a draft."""
    path_for(file, where).unlink(missing_ok=True)


def read(file: RuleFile, where: Path | None = None) -> tuple[Content, str] | None:
    """The draft of a rule file with its date; None if there is none with anything new."""
    path = path_for(file.path, where)
    try:
        data = json.loads(read_bounded(path, LARGEST, "draft"))
        when = datetime.fromtimestamp(path.stat().st_mtime).astimezone().strftime("%Y-%m-%d %H:%M")
        content = decode(data, file)
    except _UNREADABLE:
        # A draft that can't be read must not keep the program from starting; it stays for a human to look at.
        return None
    return (content, when) if content is not None else None


def decode(data: dict[str, Any], file: RuleFile) -> Content | None:
    """The content of a draft; None if it equals the file."""
    if data["version"] != VERSION:
        return None
    probes = tuple(_probe(one) for one in data.get("probes", ()))
    draft = loads(data["text"], file.folder, strict=False)
    draft = replace(draft, path=file.path, folder=file.folder, read_digest=data.get("read_digest"))
    edited: dict[str, EditedRule] = {}
    for ref, one in data["work"].items():
        found = _work(one)
        if found is not None and any(rule.ref == ref for rule in draft.rules):
            edited[ref] = found
    content = with_edits_written(Content(draft, MappingProxyType(edited), _probe(data["probe"]), probes))
    if content.file.text == file.text and not content.edits and not probes:
        return None
    return content


def _work(data: dict[str, Any]) -> EditedRule:
    from mtls_tui import lang

    try:
        expression = lang.parse(data["full"] or data["text"], max_length=None, check=False)
        return EditedRule(expression, normal(expression, frozenset(tuple(path) for path in data["muted"])))
    except (ParseError, LookupError) as error:
        return EditedRule(None, broken=data["text"], error=error.diagnostic if isinstance(error, ParseError) else None)


def _probe(data: dict[str, Any]) -> Probe:
    return msgspec.convert(data, Probe)
