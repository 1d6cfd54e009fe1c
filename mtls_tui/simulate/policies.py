"""From the file a user names, rule file or bundle, to the policy that decides; and from other files to requests."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from mtls_tui.engine.bundle import MAX_BYTES, Bundle, BundleError
from mtls_tui.engine.policy import Policy, PolicyError
from mtls_tui.files import FileError, read_bounded
from mtls_tui.pki import LoadError, load_certificates
from mtls_tui.rulefile import RuleFile, RuleFileError, from_bytes, load
from mtls_tui.rulefile import bundle as bundle_of
from mtls_tui.rulefile.materials import MAX_MATERIAL, MAX_RULE_FILE
from mtls_tui.simulate.errors import RequestError


@dataclass(frozen=True)
class Loaded:
    """A policy, the bundle that it was made from, and the rule file where there was one."""

    policy: Policy
    bundle: Bundle
    rulefile: RuleFile | None = None


def load_policy(path: str | Path) -> Loaded:
    """The policy of a rule file or bundle (`-`: standard input), told apart by content.

    Raises RequestError with file, place and cure.
    """
    try:
        standard = str(path) == "-"
        if standard:
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            data = read_bounded(Path(path), MAX_BYTES, "rule file or bundle")
        if data[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            bundle = Bundle.decode(data)
            return Loaded(Policy.from_bundle(bundle), bundle)
        return policy_of(from_bytes(data, path=None if standard else Path(path)))
    except FileError as error:
        raise RequestError(str(error)) from None
    except OSError as error:  # standard input
        raise RequestError(f"{path}: {error.strerror or error}") from None
    except RuleFileError as error:
        raise RequestError(str(error)) from None
    except (BundleError, PolicyError) as error:
        raise RequestError(f"{path}: {error}") from None


def read_rules(path: str | Path, data: bytes | None = None) -> RuleFile:
    """A rule file (`-`: standard input, unless `data` has been read from it).

    Raises RuleFileError if it has problems.
    """
    if str(path) != "-":
        return load(path)
    return from_bytes(sys.stdin.buffer.read(MAX_RULE_FILE + 1) if data is None else data, path=None)


def policy_of(rulefile: RuleFile) -> Loaded:
    """The policy of a rule file as it stands. Raises RuleFileError or PolicyError if it has problems."""
    bundle = bundle_of(rulefile)
    return Loaded(Policy.from_bundle(bundle), bundle, rulefile)


def load_chain(path: str | Path, passphrase: bytes | None = None) -> tuple[x509.Certificate, ...]:
    """What a client with this file (PEM, DER, PKCS#7, PKCS#12) would present, leaf first.

    Raises RequestError if the file can't be used.
    """
    try:
        return tuple(load_certificates(read_bounded(Path(path).expanduser(), MAX_MATERIAL, pipes=True), passphrase))
    except FileError as error:
        raise RequestError(str(error)) from None
    except LoadError as error:
        raise RequestError(f"{path}: {error}") from None


def moment_of(value: object) -> datetime:
    """A time from TOML, RFC 3339 text or POSIX seconds; without a zone it is UTC.

    Raises RequestError for anything else.
    """
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        text = str(value).strip()
        if text.replace(".", "", 1).isdigit() and len(text.partition(".")[0]) > 8:
            return datetime.fromtimestamp(float(text), UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise RequestError(
            f"`{value}` is not a time; write it as 2026-11-24T09:00:00Z, 2026-11-24, or POSIX seconds"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
