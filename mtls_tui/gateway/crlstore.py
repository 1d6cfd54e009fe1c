"""The newest revocation lists that were in force, kept over restarts: a restart takes no revocation back.

One file per list file of a bundle, in a folder that only its owner may write. What is kept is signed by its authority
like any list; the digest finds damage. A file here that can't be trusted or read is an error at a start: a newer list
may have been in force, and going on without it could let a revoked certificate in.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from mtls_tui.files import read_bounded, write_atomically
from mtls_tui.gateway.settings import GatewayError

LARGEST = 512 * 1024 * 1024


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    path: str
    """The list file, as the bundle names it."""
    digest: str
    """SHA-256 of `lists`, hex."""
    lists: str
    """The lists, in PEM."""
    version: Literal[1] = 1


def default_folder() -> Path:
    """The service's state directory where systemd made one, else the user's."""
    from platformdirs import user_state_path

    given = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return Path(given) if given else user_state_path("mtls-tui") / "gateway"


class CrlStore:
    """What is in force of each list file: in memory, and in a folder when one is given.

    Gateways that share a folder only ever put newer lists there. Two that write at the same moment may overwrite each
    other; both watch the list file, so the older one is replaced as soon as its writer has read that file.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder.absolute() / "crls" if folder is not None else None
        self.problem = ""
        """Why the newest lists can't be kept; empty while they are."""
        self._known: dict[str, bytes] = {}
        self._looked: set[str] = set()
        self._written: dict[str, bytes] = {}

    def recall(self, paths: Iterable[str]) -> dict[str, bytes]:
        """What was last in force of some list files. Raises GatewayError, with the cure, if it can't be trusted."""
        for path in paths:
            if self.folder is not None and path not in self._looked and path not in self._known:
                data = self._load(self.folder, path)
                if data is not None:
                    self._known[path] = self._written[path] = data
            self._looked.add(path)
        return {path: self._known[path] for path in paths if path in self._known}

    def remember(self, lists: Mapping[str, bytes]) -> None:
        """Note what is in force now; `keep` writes it."""
        self._known.update(lists)

    def keep(self, lists: Mapping[str, bytes]) -> None:
        """Remember what is in force now, and write it. What can't be written stops nothing: `problem` says so."""
        self.remember(lists)
        self.problem = self._write(self.folder) if self.folder is not None else ""

    def _write(self, folder: Path) -> str:
        for path, data in self._known.items():
            if self._written.get(path) == data:
                continue
            kept = _Kept(path=path, digest=hashlib.sha256(data).hexdigest(), lists=data.decode("ascii"))
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                _check(folder, stat.S_ISDIR)
                write_atomically(_file(folder, path), msgspec.json.encode(kept), mode=0o600, forced=True, follow=False)
            except OSError as error:
                return (
                    f"{folder}: the newest revocation lists can't be kept there ({error.strerror}), so a restart may "
                    "go back to older ones; choose another folder with --state-dir"
                )
            except GatewayError as error:
                return str(error)
            self._written[path] = data
        return ""

    def _load(self, folder: Path, path: str) -> bytes | None:
        file = _file(folder, path)
        try:
            _check(folder, stat.S_ISDIR)
            _check(file, stat.S_ISREG)
            kept = msgspec.json.decode(read_bounded(file, LARGEST), type=_Kept)
            data = kept.lists.encode("ascii")
            if kept.path != path or hashlib.sha256(data).hexdigest() != kept.digest:
                raise ValueError("path or digest is wrong")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _broken(file, path, str(error.strerror)) from None
        except ValueError as error:  # msgspec's errors are of this kind
            raise _broken(file, path, f"it is damaged ({error})") from None
        return data


def _file(folder: Path, path: str) -> Path:
    return folder / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:32]}.json"


def _broken(file: Path, path: str, why: str) -> GatewayError:
    return GatewayError(
        f"{file}: the newest revocation list of {path} that was in force can't be read back: {why}; restore that file, "
        "or make sure that the newest list is in place and remove it"
    )


def _check(path: Path, is_kind: Callable[[int], bool]) -> None:
    """Raises GatewayError if it is a link, belongs to another user, or can be written by others."""
    found = path.lstat()
    if not is_kind(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise GatewayError(
            f"{path}: belongs to another user, can be written by others or is a link, so the revocation lists kept "
            f"there can't be trusted; cure: chown and chmod go-w {path}, or another folder with --state-dir"
        )
