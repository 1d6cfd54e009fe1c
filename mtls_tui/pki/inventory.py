"""What an authority has issued and revoked, in SQLite. Holds no private key; safe under several processes at once.

Every change is one `BEGIN IMMEDIATE` transaction; a second writer waits up to `BUSY_SECONDS`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

BUSY_SECONDS = 10.0
SCHEMA_VERSION = 1
_HOLD = x509.ReasonFlags.certificate_hold.value
CertificateStatus: TypeAlias = Literal["valid", "expired", "not yet valid", "revoked", "on hold"]

_SCHEMA = """
CREATE TABLE certificates (
    serial TEXT PRIMARY KEY,             -- upper-case hexadecimal, no colons
    subject TEXT NOT NULL,
    not_before INTEGER NOT NULL,         -- POSIX seconds
    not_after INTEGER NOT NULL,
    fingerprint TEXT NOT NULL UNIQUE,    -- SHA-256, lower-case hexadecimal
    pem TEXT NOT NULL,
    issued_at INTEGER NOT NULL,
    revoked_at INTEGER,
    reason TEXT
) STRICT;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
INSERT INTO counters VALUES ('crl_number', 0);
"""


class InventoryError(Exception):
    """The inventory can't be used, or holds nothing of that serial; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Record:
    """One issued certificate. Times are aware (UTC)."""

    serial: str
    subject: str
    not_before: datetime
    not_after: datetime
    fingerprint: str
    pem: str
    issued_at: datetime
    revoked_at: datetime | None
    reason: str | None

    def status(self, at: datetime) -> CertificateStatus:
        """What it is worth at a time. Revocation outlives expiry."""
        if self.revoked_at is not None:
            return "on hold" if self.reason == _HOLD else "revoked"
        if at > self.not_after:
            return "expired"
        return "valid" if at >= self.not_before else "not yet valid"

    def days_left(self, at: datetime) -> float:
        """Days until it expires; negative afterwards."""
        return (self.not_after - at).total_seconds() / 86400

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate itself."""
        return x509.load_pem_x509_certificate(self.pem.encode("ascii"))


def serial_text(serial: int) -> str:
    """A serial number as `cf.tls_client_auth.cert_serial` writes it."""
    text = f"{serial:X}"
    return text if len(text) % 2 == 0 else "0" + text


class Inventory:
    """The database of one authority. Open it with `Inventory(path)`; the file is made on first use, mode 0600."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[sqlite3.Connection]:
        try:
            if not self.path.exists():
                self.path.touch(mode=0o600)
            connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise InventoryError(f"{self.path}: can't be opened: {error}") from None
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE" if write or self._version(connection) == 0 else "BEGIN")
            if self._version(connection) == 0:
                for statement in _SCHEMA.split(";\n"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            elif self._version(connection) > SCHEMA_VERSION:
                raise InventoryError(f"{self.path}: was written by a newer version; update mtls-tui")
            yield connection
            connection.execute("COMMIT")
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise InventoryError(
                f"{self.path}: {error}; is another process holding it, or is it no inventory?"
            ) from None
        finally:
            connection.close()  # without COMMIT this rolls back

    @staticmethod
    def _version(connection: sqlite3.Connection) -> int:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])

    def add(self, certificate: x509.Certificate, at: datetime) -> Record:
        """Enter an issued certificate."""
        record = Record(
            serial=serial_text(certificate.serial_number),
            subject=certificate.subject.rfc4514_string(),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
            pem=certificate.public_bytes(serialization.Encoding.PEM).decode("ascii"),
            issued_at=at,
            revoked_at=None,
            reason=None,
        )
        with self._transaction(write=True) as connection:
            connection.execute(
                "INSERT INTO certificates VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
                (
                    record.serial, record.subject, _seconds(record.not_before), _seconds(record.not_after),
                    record.fingerprint, record.pem, _seconds(at),
                ),
            )  # fmt: skip
        return record

    def all(self) -> list[Record]:
        """Every record, in the order of issue."""
        with self._transaction(write=False) as connection:
            rows = connection.execute("SELECT * FROM certificates ORDER BY issued_at, rowid").fetchall()
        return [_record(row) for row in rows]

    def find(self, serial: str) -> Record:
        """The record of a serial; colons, blanks, case, leading zeros don't matter.

        Raises InventoryError if there is none.
        """
        with self._transaction(write=False) as connection:
            return _found(connection, serial)

    def revoke(self, serial: str, reason: str, at: datetime) -> Record:
        """Mark as revoked. Raises InventoryError when it is revoked already: the first date and reason stay.

        A hold may become final, with the date of the hold; never the other way round. What stands there is read in the
        transaction that writes, so of two processes that revoke at once one wins and the other is told.
        """
        with self._transaction(write=True) as connection:
            record = _found(connection, serial)
            if record.revoked_at is not None and record.reason != _HOLD:
                raise InventoryError(f"serial {record.serial} is revoked already ({record.reason})")
            connection.execute(
                "UPDATE certificates SET revoked_at = ?, reason = ? WHERE serial = ?",
                (_seconds(record.revoked_at or at), reason, record.serial),
            )
            return _found(connection, serial)

    def restore(self, serial: str) -> Record:
        """Lift a hold. A revocation for any other reason is final (RFC 5280 5.3.1)."""
        with self._transaction(write=True) as connection:
            record = _found(connection, serial)
            if record.revoked_at is None:
                raise InventoryError(f"serial {record.serial} is not revoked")
            if record.reason != _HOLD:
                raise InventoryError(
                    f"serial {record.serial} is revoked for good ({record.reason}); only a certificateHold can be "
                    "lifted. Issue a new certificate instead"
                )
            connection.execute(
                "UPDATE certificates SET revoked_at = NULL, reason = NULL WHERE serial = ?", (record.serial,)
            )
            return _found(connection, serial)

    @contextmanager
    def next_crl(self) -> Iterator[tuple[int, list[Record]]]:
        """The number of the next CRL and its records; the number counts only if the block ends well.

        The write lock is held meanwhile, so that two processes can't write an older CRL over a newer one.
        """
        with self._transaction(write=True) as connection:
            connection.execute("UPDATE counters SET value = value + 1 WHERE name = 'crl_number'")
            row = connection.execute("SELECT value FROM counters WHERE name = 'crl_number'").fetchone()
            if row is None or not isinstance(row[0], int):
                raise InventoryError(f"{self.path}: the number of the last CRL is gone; restore the file from a copy")
            number = row[0]
            rows = connection.execute("SELECT * FROM certificates WHERE revoked_at IS NOT NULL ORDER BY revoked_at")
            yield number, [_record(row) for row in rows.fetchall()]


def _found(connection: sqlite3.Connection, serial: str) -> Record:
    row = connection.execute("SELECT * FROM certificates WHERE ltrim(serial, '0') = ?", (_normal(serial),)).fetchone()
    if row is None:
        raise InventoryError(f"no certificate with serial `{serial}` was issued here; `mtls-tui certs list` shows all")
    return _record(row)


def _normal(serial: str) -> str:
    return serial.replace(":", "").replace(" ", "").upper().removeprefix("0X").lstrip("0")


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _record(row: sqlite3.Row) -> Record:
    try:
        return Record(
            serial=row["serial"],
            subject=row["subject"],
            not_before=_moment(row["not_before"]),
            not_after=_moment(row["not_after"]),
            fingerprint=row["fingerprint"],
            pem=row["pem"],
            issued_at=_moment(row["issued_at"]),
            revoked_at=None if row["revoked_at"] is None else _moment(row["revoked_at"]),
            reason=row["reason"],
        )
    except (TypeError, ValueError, LookupError, OverflowError, OSError) as error:
        raise InventoryError(f"the inventory is damaged: {error}; restore the file from a copy") from None
