"""What the certificate authority's board has done: everything through `pki.Authority`. Slow; runs beside the screen.

Each job gives a sentence for the user, and raises one of `ERRORS` with place and cure. No message holds key material.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui.files import FileError, read_bounded
from mtls_tui.pki import LoadError, facts, load_certificates, load_crls
from mtls_tui.pki.authority import (
    LARGEST,
    LARGEST_CRL,
    Authority,
    AuthorityError,
    Issued,
    bundle_pkcs12,
    default_folder,
    fingerprint,
    key_pem,
    load_key,
    write_issued,
)
from mtls_tui.pki.inventory import InventoryError, Record, serial_text
from mtls_tui.pki.issue import IssueError
from mtls_tui.rulefile import RuleFile
from mtls_tui.simulate.certificate_facts import span
from mtls_tui.tui.authority.state import CertificateRow, Store
from mtls_tui.tui.certificates.by_fingerprint import files_near, stores_of
from mtls_tui.tui.certificates.lines import CRL_SOON, common_name

ERRORS = (AuthorityError, InventoryError, OSError, ValueError, OverflowError)
"""All that a job may end with: nothing else may get out, since a traceback would show what was typed."""
NOT_OF_A_FILE = ("cert_presented", "cert_verified", "cert_revoked")
"""Answers about a connection to a host, not facts of a certificate."""


def store_for(file: RuleFile) -> Path:
    """The authority to open: the one that the file's hosts trust, else the user's own."""
    found = stores_of(file)
    return found[0] if found else default_folder()


def environment_passphrase() -> bytes | None:
    """The passphrase from the environment, as the command line takes it."""
    text = os.environ.get("MTLS_TUI_CA_PASSPHRASE")
    return text.encode() if text else None


# --- reading --------------------------------------------------------------------------------------------------------


def read(folder: Path, file: RuleFile, now: datetime) -> Store:
    """Everything about the authority of a folder."""
    if not (folder / "ca.pem").exists():
        there = "holds no authority" if folder.is_dir() else "is not there yet"
        return Store(folder, problem=f"{folder} {there}", missing=True)
    try:
        authority = Authority(folder)
        records = authority.inventory.all() if authority.inventory.path.exists() else []
    except ERRORS as error:
        return Store(folder, problem=str(error))
    files = files_near(file.folder)
    rows = [_own(authority.certificate, now)]
    rows += [_issued(record, now, files) for record in records]
    rows += _foreign(folder / "foreign", now)
    words, state = _crl(folder / "ca.crl", now)
    return Store(folder, tuple(rows), encrypted=is_encrypted(folder), crl=words, crl_state=state)  # type: ignore[arg-type]


def is_encrypted(folder: Path) -> bool:
    """Whether the authority's key has a passphrase."""
    try:
        return b"ENCRYPTED" in read_bounded(folder / "ca.key", LARGEST)[:200]
    except OSError:
        return False


def _own(certificate: x509.Certificate, now: datetime) -> CertificateRow:
    return _authority_row("own", "", certificate, now)


def _authority_row(kind: Any, key: str, certificate: x509.Certificate, now: datetime) -> CertificateRow:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return CertificateRow(
        kind,
        common_name(certificate),
        certificate.subject.rfc4514_string(),
        serial_text(certificate.serial_number),
        "expired" if now > end else "valid" if now >= begin else "not yet valid",
        ends=f"{end:%Y-%m-%d %H:%M}Z",
        days_left=(end - now).total_seconds() / 86400,
        fingerprint=fingerprint(certificate),
        key=key,
    )


def _issued(record: Record, now: datetime, files: Mapping[str, str]) -> CertificateRow:
    try:
        certificate = record.certificate
        name, names = common_name(certificate), ", ".join(_names(certificate))
    except ValueError:
        name, names = record.subject, ""
    return CertificateRow(
        "issued",
        name,
        record.subject,
        record.serial,
        record.status(now),
        record.reason or "",
        f"{record.not_after:%Y-%m-%d %H:%M}Z",
        record.days_left(now),
        record.fingerprint,
        names,
        files.get(record.fingerprint, ""),
    )


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [str(getattr(one, "value", one)) for one in list(names)[:8]]


def _foreign(folder: Path, now: datetime) -> list[CertificateRow]:
    rows = []
    for path in sorted(folder.glob("*.pem"))[:200]:
        try:
            certificate = load_certificates(read_bounded(path, LARGEST))[0]
        except (OSError, LoadError, IndexError) as error:
            rows.append(
                CertificateRow("foreign", path.stem, f"{path.name}: {error}", status="can't be read", key=path.stem)
            )
            continue
        rows.append(_authority_row("foreign", path.stem, certificate, now))
    return rows


def _crl(path: Path, now: datetime) -> tuple[str, str]:
    try:
        crl = load_crls(read_bounded(path, LARGEST_CRL))[0]
    except (OSError, LoadError, IndexError) as error:
        if isinstance(error, FileError) and error.code == "missing":
            return "no CRL yet: c writes it", "warn"
        return f"ca.crl: {error}", "bad"
    until = crl.next_update_utc
    words = f"CRL of {crl.last_update_utc:%Y-%m-%d}, {sum(1 for _ in crl)} revoked"
    if until is None:
        return words, "good"
    if until < now:
        return f"{words}, STALE for {span(now - until)}: c writes a new one", "bad"
    return f"{words}, {span(until - now)} left" + (" !" if until - now < CRL_SOON else ""), (
        "warn" if until - now < CRL_SOON else "good"
    )


def pem_of(folder: Path, row: CertificateRow) -> bytes:
    """The certificate of a row as PEM."""
    if row.kind == "own":
        return read_bounded(folder / "ca.pem", LARGEST)
    if row.kind == "foreign":
        return read_bounded(folder / "foreign" / f"{row.key}.pem", LARGEST)
    return Authority(folder).inventory.find(row.serial).pem.encode()


def facts_of(folder: Path, row: CertificateRow) -> list[tuple[str, str]]:
    """Every fact of a row's certificate, as the rules see it."""
    try:
        shown = facts(load_certificates(pem_of(folder, row))[0])
    except LoadError as error:
        raise AuthorityError(f"{row.name}: {error}") from None
    found = []
    for name, value in shown.items():
        if name.rpartition(".")[2] in NOT_OF_A_FILE:
            continue
        text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
        found.append((name, str(text).lower() if isinstance(text, bool) else str(text)))
    return found


def unlock(folder: Path, passphrase: bytes | None) -> None:
    """Try the passphrase of the key. Raises AuthorityError if it is wrong."""
    load_key(folder / "ca.key", passphrase)


# --- jobs -----------------------------------------------------------------------------------------------------------


def now_utc() -> datetime:
    """The time of a job."""
    return datetime.now(UTC)


def init(folder: Path, passphrase: bytes | None, *, cn: str, organization: str, days: int, key: str) -> str:
    """Make an authority."""
    made = Authority.init(
        folder, cn=cn, organization=organization or None, days=days, key_kind=key, at=now_utc(), passphrase=passphrase,  # type: ignore[arg-type]
    )  # fmt: skip
    return f"made {made.certificate.subject.rfc4514_string()} in {folder}; a lets a host trust it"


def issue(
    folder: Path, passphrase: bytes | None, *, cn: str, days: int, sans: tuple[str, ...], csr: str, key: str,
    output: Path, p12: str,
) -> str:  # fmt: skip
    """Issue a client certificate, by a new key or for a signing request, and write its files. Overwrites nothing."""
    request = _read(Path(csr).expanduser()) if csr else None
    targets = [_with_ending(output, ".pem")]
    targets += [_with_ending(output, ".key")] if request is None else []
    targets += [_with_ending(output, ".p12")] if p12 else []
    for path in targets:  # before anything is issued: nothing is half done
        if path.exists():
            raise IssueError(f"{path} exists already; choose another name")
        if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
            raise IssueError(f"{path.parent}: not a writable folder")
    authority = Authority(folder, passphrase=passphrase)
    made = authority.issue(cn=cn or None, at=now_utc(), days=days, sans=sans, csr=request, key_kind=key)  # type: ignore[arg-type]
    _write(made, authority, output, p12)
    return (
        f"issued {made.record.subject} for {days} days: {', '.join(path.name for path in targets)} in {output.parent}"
    )


def _with_ending(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _write(made: Issued, authority: Authority, output: Path, p12: str) -> None:
    if made.key is not None:
        write_issued(_with_ending(output, ".key"), key_pem(made.key), secret=True)
        if p12:
            data = bundle_pkcs12(made, authority.certificate, p12.encode())
            write_issued(_with_ending(output, ".p12"), data, secret=True)
    write_issued(_with_ending(output, ".pem"), made.certificate.public_bytes(Encoding.PEM), secret=False)


def revoke(folder: Path, passphrase: bytes | None, *, serial: str, reason: str) -> str:
    """Revoke, and write the CRL."""
    done = Authority(folder, passphrase=passphrase).revoke(serial, reason=reason, at=now_utc())
    return f"revoked {done.subject} ({reason}); ca.crl is written"


def restore(folder: Path, passphrase: bytes | None, *, serial: str) -> str:
    """Lift a hold, and write the CRL."""
    done = Authority(folder, passphrase=passphrase).restore(serial, at=now_utc())
    return f"restored {done.subject}; ca.crl is written"


def crl(folder: Path, passphrase: bytes | None, *, path: str) -> str:
    """Write a new CRL."""
    target = Path(path).expanduser() if path else None
    written = Authority(folder, passphrase=passphrase).write_crl(now_utc(), path=target)
    return f"wrote {written}, good for 30 days"


def import_foreign(folder: Path, passphrase: bytes | None, *, path: str, name: str) -> str:
    """Keep another authority's certificate."""
    given = Path(path).expanduser()
    kept = Authority(folder).import_foreign(_read(given), name or given.stem)
    return f"kept as {kept.name}; a lets a host trust it"


JOBS = {"init": init, "issue": issue, "revoke": revoke, "restore": restore, "crl": crl, "import": import_foreign}
"""What the board can have done, by name."""


def _read(path: Path) -> bytes:
    try:
        return read_bounded(path, LARGEST, "certificate or request")
    except FileError as error:
        raise AuthorityError(str(error)) from None
