"""Writing files so that a crash at any moment leaves the old content or the new, never a mixture or nothing."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
from dataclasses import replace
from pathlib import Path

from mtls_tui.rulefile.errors import ChangedOnDiskError, Problem, RuleFileError
from mtls_tui.rulefile.materials import MAX_RULE_FILE, MaterialError, read_bytes, reason
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
    write_atomically(target, data)
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


def write_atomically(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace a file's content: a new file beside it, synced, then renamed over it, then the folder synced.

    Follows a symbolic link to the file it names. An existing file keeps its permissions; a new one gets `mode` less
    the umask. Raises `RuleFileError`; the old file is then untouched and no temporary file is left.
    """
    try:
        real = path.resolve(strict=False)
    except (OSError, RuntimeError) as error:  # a loop of links
        raise _failed(path, error) from None
    if real.is_dir():
        raise RuleFileError(Problem("directory", "is a directory", str(path), cure="name a file inside it"))
    temporary = real.with_name(f".{real.name[:100]}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    made = False
    try:
        try:
            old = real.stat()
        except FileNotFoundError:
            old = None
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        made = True
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if old is not None:
                _keep_owner(descriptor, old)
            os.fsync(descriptor)
        temporary.replace(real)
        made = False
        _sync_folder(real.parent)
    except OSError as error:
        raise _failed(path, error) from None
    finally:
        if made:
            with contextlib.suppress(OSError):
                temporary.unlink()


def _keep_owner(descriptor: int, old: os.stat_result) -> None:
    """Permissions as before; owner and group too when this user may give files away."""
    with contextlib.suppress(OSError):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _sync_folder(folder: Path) -> None:
    """Without this the rename itself may be lost in a crash; some file systems can't, and lose nothing by it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _failed(path: Path, error: OSError | RuntimeError) -> RuleFileError:
    match error:
        case PermissionError():
            cure = f"make {path.parent} writable, or save elsewhere"
        case FileNotFoundError():
            cure = f"make the folder {path.parent} first"
        case NotADirectoryError():
            cure = f"{path.parent} is a file: choose another path"
        case _:
            cure = "free some space, or save elsewhere"
    return RuleFileError(Problem("unwritable", f"can't be written: {reason(error)}", str(path), cure=cure))
