"""The way back: every bundle that was exported, kept by target, oldest first to go. Losing it loses no work."""

from __future__ import annotations

import contextlib
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_state_path

from mtls_tui.engine.bundle import Bundle
from mtls_tui.files import write_atomically

KEPT = 100
"""Exports of one target that are kept."""

_NAME = re.compile(r"(\d{6})-(\d{8}T\d{6}Z)-([0-9a-f]{12})\.bundle\.json")


@dataclass(frozen=True, slots=True)
class Kept:
    """One export: its number (1 is the first of its target), creation time (UTC), start of its digest, the file."""

    number: int
    created: str
    digest: str
    path: Path


def folder_of(target: Path) -> Path:
    """Where the exports to `target` are kept: one folder per absolute path, below the user's state folder."""
    absolute = target.absolute()
    mark = hashlib.sha256(str(absolute).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    word = re.sub(r"[^A-Za-z0-9._-]+", "-", absolute.name)[:60]
    return user_state_path("mtls-tui", appauthor=False) / "history" / f"{word}-{mark}"


def exports(target: Path | str) -> tuple[Kept, ...]:
    """The kept exports to a target, newest first."""
    folder = folder_of(Path(target))
    found = []
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            match = _NAME.fullmatch(path.name)
            if match:
                found.append(Kept(int(match[1]), match[2], match[3], path))
    return tuple(sorted(found, key=lambda kept: kept.number, reverse=True))


def keep(target: Path, data: bytes, bundle: Bundle) -> Path | None:
    """Keep the bytes of an export; None when that is not possible, which must not fail a deploy."""
    folder = folder_of(target)
    known = exports(target)
    number = known[0].number + 1 if known else 1
    stamp = bundle.created.replace("-", "").replace(":", "")
    path = folder / f"{number:06d}-{stamp}-{bundle.digest.removeprefix('sha256:')[:12]}.bundle.json"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(path, data, mode=0o600)
    except OSError:
        return None
    for old in known[KEPT - 1 :]:
        with contextlib.suppress(OSError):
            old.path.unlink()
    return path
