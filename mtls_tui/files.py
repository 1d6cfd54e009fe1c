"""Reading and writing whole files with care: the ground floor, on which every package stands.

Reading never waits for a FIFO that nobody writes to, and never takes more than a bound. Writing leaves the old content
or the new at any moment, never a mixture or nothing, also after a power cut.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import stat
from collections.abc import Collection
from pathlib import Path


class FileError(OSError):
    """A file that can't be read or written.

    `what` (also `strerror`) says what is wrong, without the path; `code` is `missing`, `unreadable`, `directory`
    (anything that is not a regular file), `too-large` or `unwritable`.
    """

    def __init__(self, path: Path, what: str, cure: str, code: str) -> None:
        super().__init__(None, what, str(path))
        self.path, self.what, self.cure, self.code = path, what, cure, code

    def __str__(self) -> str:
        return f"{self.path}: {self.what}; {self.cure}"


def read_bounded(path: Path, limit: int, what: str = "file", *, pipes: bool = False) -> bytes:
    """The whole of a regular file of at most `limit` bytes; `what` names it in the cure.

    With `pipes` also of a pipe that somebody writes to, such as a shell's `<(command)`. Raises `FileError` for
    anything else: absent, a directory, a device, unreadable, too large. A large file is refused by its size, without
    being read.
    """
    descriptor = _open(path)
    try:
        status = os.fstat(descriptor)
        if not (stat.S_ISREG(status.st_mode) or (pipes and stat.S_ISFIFO(status.st_mode))):
            raise _irregular(path, status, what)
        if status.st_size > limit:
            sizes = f"{status.st_size / 1e6:.1f} MB, at most {limit / 1e6:.1f} MB are read"
            raise FileError(path, f"too large ({sizes})", f"check that this is the right {what}", "too-large")
        data = _read(descriptor, limit + 1)
    except FileError:
        raise
    except OSError as error:
        raise FileError(path, f"can't be read: {reason(error)}", "check the disk", "unreadable") from None
    finally:
        os.close(descriptor)
    if len(data) > limit:
        sizes = f"at most {limit / 1e6:.1f} MB are read"
        raise FileError(path, f"too large ({sizes})", f"check that this is the right {what}", "too-large")
    if not data and stat.S_ISFIFO(status.st_mode):
        raise FileError(path, "a pipe that nobody writes to", f"name a regular {what}", "directory")
    return data


def _open(path: Path) -> int:
    try:
        # Without O_NONBLOCK, opening a FIFO would wait for a writer forever.
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise FileError(path, "no such file", "check the path and the spelling", "missing") from None
    except PermissionError:
        cure = f"give this user the right to read it (chmod u+r {path})"
        raise FileError(path, "not readable", cure, "unreadable") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        raise FileError(path, f"can't be opened: {reason(error)}", "check the path", "unreadable") from None


def _irregular(path: Path, status: os.stat_result, what: str) -> FileError:
    if stat.S_ISDIR(status.st_mode):
        return FileError(path, "is a directory", f"name the {what} inside it", "directory")
    return FileError(path, "not a regular file", f"name a regular {what}", "directory")


def _read(descriptor: int, most: int) -> bytes:
    data = bytearray()
    while len(data) < most:
        try:
            piece = os.read(descriptor, min(most - len(data), 1 << 20))
        except BlockingIOError:  # a pipe whose writer has nothing ready
            select.select([descriptor], [], [])
            continue
        if not piece:
            break
        data += piece
    return bytes(data)


def write_atomically(path: Path, data: bytes, *, mode: int = 0o644, forced: bool = False, follow: bool = True) -> None:
    """Replace a file's content: a new file beside it, synced, then renamed over it, then the folder synced.

    An existing file keeps its permissions, and its owner where this user may give files away; a new one gets `mode`
    less the umask. With `forced` the file has exactly `mode` and belongs to this user, whatever stood there. A
    symbolic link is followed to the file it names; without `follow` it is replaced, as is right for a secret.
    Raises `FileError`; the old file is then untouched and no temporary file is left.
    """
    try:
        real = path.resolve(strict=False) if follow else path
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links; a null byte
        raise _unwritable(path, error) from None
    if real.is_dir():
        raise FileError(path, "is a directory", "name a file inside it", "directory")
    temporary = real.with_name(f".{real.name[:100]}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    made = False
    try:
        old = None if forced else _status(real)
        descriptor = os.open(temporary, _NEW, mode)
        made = True
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if forced:
                os.fchmod(descriptor, mode)
            elif old is not None:
                _keep_owner(descriptor, old)
            os.fsync(descriptor)
        temporary.replace(real)
        made = False
        _sync_folder(real.parent)
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None
    finally:
        if made:
            with contextlib.suppress(OSError):
                temporary.unlink()


def write_new(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write a file that must not exist yet, with its mode (less the umask) from the first moment on; synced.

    Raises `FileError` when there is one, and when it can't be written.
    """
    try:
        with os.fdopen(os.open(path, _NEW, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from None


def reason(error: Exception) -> str:
    """The system's words for an error, without Python's decoration."""
    return (getattr(error, "strerror", None) or str(error)).lower()


_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _keep_owner(descriptor: int, old: os.stat_result) -> None:
    """Permissions as before; owner and group too when this user may give files away."""
    with contextlib.suppress(OSError):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _sync_folder(folder: Path) -> None:
    """Without this the rename itself may be lost in a crash; some file systems can't, and lose nothing by it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _unwritable(path: Path, error: Exception) -> FileError:
    match error:
        case PermissionError():
            cure = f"make {path.parent} writable, or save elsewhere"
        case FileNotFoundError():
            cure = f"make the folder {path.parent} first"
        case NotADirectoryError():
            cure = f"{path.parent} is a file: choose another path"
        case FileExistsError():
            cure = "choose another path: nothing is overwritten"
        case _:
            cure = "free some space, or save elsewhere"
    return FileError(path, f"can't be written: {reason(error)}", cure, "unwritable")


def near(folder: Path, endings: Collection[str]) -> list[Path]:
    """What has one of these endings in a folder and one level below, sorted; the first 5,000 at most."""
    try:
        found = (path for path in (*folder.glob("*"), *folder.glob("*/*")) if path.suffix.lower() in endings)
        return sorted(found)[:5000]
    except OSError:
        return []
