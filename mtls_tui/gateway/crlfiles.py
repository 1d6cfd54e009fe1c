"""Revocation lists that are renewed on disk: reading the files that a bundle names, each for itself.

A file that is gone, can't be read or holds no list leaves in force what was taken from it before, or what the bundle
embeds; it stops no other file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from mtls_tui.engine.bundle import Bundle, BundleError
from mtls_tui.engine.fresh_crls import crl_files, merged, with_files
from mtls_tui.engine.policy import Policy
from mtls_tui.engine.signing import load_verify_key
from mtls_tui.files import FileError, read_bounded
from mtls_tui.gateway.settings import GatewayError
from mtls_tui.pki.crl import reading_lists_once

LARGEST_FILE = 256 * 1024 * 1024


class Read(NamedTuple):
    """What the files of a bundle hold."""

    lists: dict[str, bytes]
    """By path, what is in force of the file (PEM); a path is missing where that is what the bundle embeds."""
    notes: tuple[str, ...]
    """What an operator should know."""
    refused: dict[str, tuple[str, ...]]
    """By path, what stands there and is not in force, and why."""


def read(bundle: Bundle, last: Mapping[str, bytes]) -> Read:
    """What the bundle's files hold now. `last` is what was in force of them before."""
    lists: dict[str, bytes] = {}
    notes: list[str] = []
    refused: dict[str, tuple[str, ...]] = {}
    for path in crl_files(bundle):
        if path in last:
            lists[path] = last[path]
        try:
            data = _bytes(Path(path))
            if data is None:
                what = "list that was taken from it" if path in last else "list that the bundle embeds"
                notes.append(f"{path}: is gone; the {what} stays in force")
                continue
            found = merged(bundle, path, last.get(path), data)
        except (GatewayError, BundleError) as error:
            refused[path] = (str(error),)
            continue
        except Exception as error:  # whatever is wrong with one file stops no other
            refused[path] = (f"{path}: {type(error).__name__}: {error}",)
            continue
        if found.lists:
            lists[path] = found.lists
        notes += found.notes
        if found.refused:
            refused[path] = found.refused
    return Read(lists, tuple(notes), refused)


def _bytes(path: Path) -> bytes | None:
    """A file's bytes, None when it is not there. Raises GatewayError if it can't be read."""
    try:
        return read_bounded(path, LARGEST_FILE, "revocation list")
    except FileError as error:
        if error.code == "missing":
            return None
        raise GatewayError(f"{path}: the revocation list can't be read: {error.what}; {error.cure}") from None


@reading_lists_once()
def policy_of(data: bytes, verify_key: bytes | None, contents: Mapping[str, bytes]) -> Policy:
    """The policy of a bundle's bytes with the lists of its files; raises as `Policy.from_bundle_bytes` does."""
    key = load_verify_key(verify_key) if verify_key is not None else None
    bundle, _ = with_files(Bundle.decode(data, key), contents)
    return Policy.from_bundle(bundle)
