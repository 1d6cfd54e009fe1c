"""Revocation lists that are renewed on disk: reading the files that a bundle names, and the policy with what they hold.

A file that is gone leaves what was taken from it before, or what the bundle embeds, in force; a file that is there and
holds no list is an error, as at a start so at a reload.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mtls_tui.engine.bundle import Bundle, BundleError
from mtls_tui.engine.fresh_crls import crl_files, merged, with_files
from mtls_tui.engine.policy import Policy
from mtls_tui.engine.signing import load_verify_key
from mtls_tui.gateway.settings import GatewayError

LARGEST_FILE = 256 * 1024 * 1024


def read(bundle: Bundle, last: Mapping[str, bytes]) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """What the bundle's files hold, by path, and what is to be said. `last` is what was read before.

    GatewayError for a file that can't be read or holds no list.
    """
    contents: dict[str, bytes] = {}
    notes: list[str] = []
    for path in crl_files(bundle):
        try:
            if Path(path).exists() and not Path(path).is_file():  # opening a pipe would wait for its writer
                raise GatewayError(f"{path}: is no regular file, so no revocation list")
            with Path(path).open("rb") as file:
                data = file.read(LARGEST_FILE + 1)
        except FileNotFoundError:
            if path in last:
                contents[path] = last[path]
                notes.append(f"{path}: is gone; the list that was taken from it stays in force")
            continue
        except OSError as error:
            raise GatewayError(
                f"{path}: the revocation list can't be read: {error.strerror}; make it readable"
            ) from None
        if len(data) > LARGEST_FILE:
            raise GatewayError(f"{path}: is larger than {LARGEST_FILE} bytes: that is no revocation list")
        try:
            contents[path], older = merged(path, last.get(path), data)
        except BundleError as error:
            raise GatewayError(str(error)) from None
        notes += older
    return contents, tuple(notes)


def policy_of(data: bytes, verify_key: bytes | None, contents: Mapping[str, bytes]) -> Policy:
    """The policy of a bundle's bytes with the lists of its files; raises as `Policy.from_bundle_bytes` does."""
    key = load_verify_key(verify_key) if verify_key is not None else None
    bundle, _ = with_files(Bundle.decode(data, key), contents)
    return Policy.from_bundle(bundle)
