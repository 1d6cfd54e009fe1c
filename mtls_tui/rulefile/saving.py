"""Saving a rule file: never over somebody else's work, and a crash leaves the old file or the new one."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from mtls_tui import files
from mtls_tui.files import FileError
from mtls_tui.rulefile.errors import ChangedOnDiskError, Problem, RuleFileError
from mtls_tui.rulefile.materials import MAX_RULE_FILE, MaterialError, read_bytes
from mtls_tui.rulefile.model import RuleFile
from mtls_tui.rulefile.reading import reread

ANYTHING = "anything"
"""As `expected`: overwrite whatever stands there."""


def save(rulefile: RuleFile, path: Path | str | None = None, *, expected: str | None = "") -> RuleFile:
    """Write a rule file's text and give the rule file as it now stands on disk.

    `path` defaults to where it was read from. A symbolic link is followed, permissions are kept. `expected` is the
    SHA-256 (hex) of the bytes that may be replaced, None for "no file may be there", `ANYTHING` for whatever stands
    there; the default is what this rule file was read from (`read_digest`), or, when it goes to another path, no
    file. Raises `ChangedOnDiskError` when something else is there, `RuleFileError` when it can't be written; the file
    on disk is then as it was.
    """
    target = Path(path) if path is not None else rulefile.path
    if target is None:
        raise RuleFileError(Problem("path", "no path to save to", rulefile.name, cure="give one"))
    if expected == "":
        same = rulefile.path is not None and target.absolute() == rulefile.path.absolute()
        expected = rulefile.read_digest if same else None
    data = rulefile.text.encode()
    if expected != ANYTHING:
        _refuse_changed(target, expected, hashlib.sha256(data).hexdigest())
    write(target, data)
    moved = replace(rulefile, path=target, folder=target.absolute().parent)
    saved = replace(moved, read_digest=hashlib.sha256(data).hexdigest())
    # Relative paths may mean other files from the new folder.
    return saved if saved.folder == rulefile.folder else reread(saved, saved.text)


def _refuse_changed(path: Path, expected: str | None, new: str) -> None:
    try:
        found = hashlib.sha256(read_bytes(path, MAX_RULE_FILE, "rule file")).hexdigest()
    except MaterialError as error:
        if error.code == "missing":
            return  # a file that somebody removed can't lose anything
        raise RuleFileError(error.problem(str(path))) from None
    if found in (expected, new):
        return
    if expected is None:
        raise ChangedOnDiskError(
            Problem("exists", "there is a file already", str(path), cure="choose another name, or overwrite it")
        )
    raise ChangedOnDiskError(
        Problem("changed", "the file was changed by somebody else since it was read", str(path), cure="read it again")
    )


def write(path: Path, data: bytes) -> None:
    """`files.write_atomically` for a file that the user names; raises `RuleFileError`."""
    try:
        files.write_atomically(path, data)
    except FileError as error:
        raise RuleFileError(Problem(error.code, error.what, str(path), cure=error.cure)) from None
