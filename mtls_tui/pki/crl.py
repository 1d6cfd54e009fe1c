"""One certificate revocation list (RFC 5280 section 5), checked once at loading, asked for serials ever after.

A list that can never be used is refused here, with reason and cure. What depends on time, or on which authority's key
signed it, is judged by `revocation`. Entries are indexed by a sorted array of (hash, place): a million of them take
8 MB beside the list's own bytes, and a look-up reads only the entry it finds.
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias
from weakref import WeakValueDictionary

from cryptography import x509

from mtls_tui.pki.certificate import EPOCH
from mtls_tui.pki.der import (
    BIT_STRING,
    ENUMERATED,
    GENERALIZED_TIME,
    INTEGER,
    SEQUENCE,
    UTC_TIME,
    DerError,
    children,
    expect,
    header,
)  # fmt: skip
from mtls_tui.pki.dn import display
from mtls_tui.pki.errors import LoadError, Refused, StoreError
from mtls_tui.pki.keys import check_algorithm
from mtls_tui.pki.load import parse_crl
from mtls_tui.pki.names import CanonicalName, FlawedNameError, canonical
from mtls_tui.pki.raw import extension_list, read_extension

CrlScope: TypeAlias = Literal["all", "user", "authority"]

REASONS = {
    0: "unspecified",
    1: "keyCompromise",
    2: "cACompromise",
    3: "affiliationChanged",
    4: "superseded",
    5: "cessationOfOperation",
    6: "certificateHold",
    9: "privilegeWithdrawn",
    10: "aACompromise",
}
"""CRLReason (5.3.1) of a complete list; 8, removeFromCRL, belongs to delta lists only."""

MAX_NUMBER_BITS = 160
_NUMBER = "2.5.29.20"
_DELTA = "2.5.29.27"
_DISTRIBUTION_POINT = "2.5.29.28"
_AUTHORITY_KEY_IDENTIFIER = "2.5.29.35"
_REASON = "2.5.29.21"
_CERTIFICATE_ISSUER = "2.5.29.29"


class Revoked(NamedTuple):
    """One entry: when (POSIX seconds) and why."""

    at: int
    reason: str


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class RevocationList:
    """A complete list, ready to be asked. `this_update` and `next_update` are POSIX seconds."""

    digest: bytes
    issuer_raw: bytes
    issuer: CanonicalName
    this_update: int
    next_update: int
    number: int
    scope: CrlScope
    authority_key_identifier: bytes | None
    algorithm: bytes
    signature: bytes
    tbs: bytes
    index: array[int]
    reasons: dict[bytes, str]
    """What the extensions of an entry say, by their bytes: most lists have a handful of different ones."""

    def __len__(self) -> int:
        return len(self.index)

    @property
    def issuer_name(self) -> str:
        """The issuer for messages."""
        return display(self.issuer_raw)

    def find(self, serial: bytes) -> Revoked | None:
        """The entry of a serial number (content octets of its DER INTEGER), None when it is not listed."""
        key = (hash(serial) & 0xFFFFFFFF) << 32
        index = self.index
        position = bisect_left(index, key)
        while position < len(index):
            item = index[position]
            if item ^ key > 0xFFFFFFFF:
                return None
            entry = self._entry(item & 0xFFFFFFFF, serial)
            if entry is not None:
                return entry
            position += 1
        return None

    def _entry(self, position: int, serial: bytes) -> Revoked | None:
        """The entry at a place, None when it is another serial's (two hashes may begin alike)."""
        tbs = self.tbs
        _, content, after = header(tbs, position, len(tbs))
        number = content + 2  # loading has seen an INTEGER of fewer than 128 octets here
        if tbs[content + 1] != len(serial) or not tbs.startswith(serial, number):
            return None
        tag, when, when_end = header(tbs, number + len(serial), after)
        reason = "unspecified"
        if when_end != after:
            extensions = tbs[when_end:after]
            reason = self.reasons.get(extensions) or _check_entry(extensions, "CRL", serial)
        return Revoked(_time(tbs[when:when_end], tag), reason)


_known: WeakValueDictionary[bytes, RevocationList] = WeakValueDictionary()
"""Every list in use, by its digest. A list never changes, so trust stores and reloads share it."""
_held: ContextVar[list[RevocationList] | None] = ContextVar("_held", default=None)


@contextmanager
def reading_lists_once() -> Iterator[None]:
    """Read each list at most once in this block, also if nothing else holds on to it in between.

    A list of a million entries takes seconds to read, and a reload meets it several times: in its file, beside those
    that the bundle embeds, in the trust store of each host.
    """
    token = _held.set([])
    try:
        yield
    finally:
        _held.reset(token)


def read_crl(der: bytes, label: str) -> RevocationList:
    """A list from DER. Raises StoreError, beginning with `label`, if it can't be read or can never be used.

    A list that is in use already (the same bytes) is not read again.
    """
    digest = _sha256(der)
    found = _known.get(digest)
    if found is None:
        found = _known[digest] = _checked(der, digest, label)
    held = _held.get()
    if held is not None:
        held.append(found)
    return found


def _checked(der: bytes, digest: bytes, label: str) -> RevocationList:
    try:
        return _read(der, digest, parse_crl(der), label)
    except LoadError as error:
        raise StoreError(f"{label}: {error}; have its authority write it again, and load that") from None
    except FlawedNameError as flaw:
        raise _never(label, f"has {flaw}", "have the authority issued with a plain name") from None
    except (DerError, OverflowError, IndexError) as error:
        raise StoreError(
            f"{label}: a CRL that can't be read: {error}; have its authority write it again, and load that"
        ) from None


def _read(der: bytes, digest: bytes, parsed: x509.CertificateRevocationList, label: str) -> RevocationList:
    start, end = expect(der, 0, len(der), SEQUENCE)
    _, body_end = expect(der, start, end, SEQUENCE)
    _, algorithm_end = expect(der, body_end, end, SEQUENCE)
    bits, bits_end = expect(der, algorithm_end, end, BIT_STRING)
    if bits_end != end or bits == bits_end or der[bits] != 0:
        raise DerError("its signature is not a whole number of octets")
    algorithm, signature, tbs = der[body_end:algorithm_end], der[bits + 1 : bits_end], der[start:body_end]

    position, stop = expect(tbs, 0, len(tbs), SEQUENCE)
    tag, _, after = header(tbs, position, stop)
    if tag != INTEGER:
        raise _never(label, "is of version 1 and can't carry a CRL number", "have the authority write version 2 lists")
    position = after
    _, after = expect(tbs, position, stop, SEQUENCE)
    if tbs[position:after] != algorithm:  # 5.1.1.2
        raise _never(label, "names two different signature algorithms", "write it again")
    try:
        check_algorithm(algorithm)
    except Refused as refusal:
        cure = "set default_md = sha256 (or longer) in the authority's configuration and write it again"
        raise _never(label, refusal.message, cure) from None
    _, issuer_end = expect(tbs, after, stop, SEQUENCE)
    issuer_raw = tbs[after:issuer_end]

    next_update = parsed.next_update_utc
    if next_update is None:  # 5.1.2.5
        raise _never(
            label, "has no nextUpdate, so nobody can tell when it is stale", "set default_crl_days and write it again"
        )
    number, scope, identifier = _extensions(tbs, parsed, label)
    index, reasons = _index(tbs, *_entries_of(tbs, issuer_end, stop), label)
    return RevocationList(
        digest=digest,
        issuer_raw=issuer_raw,
        issuer=canonical(issuer_raw),
        this_update=int((parsed.last_update_utc - EPOCH).total_seconds()),
        next_update=int((next_update - EPOCH).total_seconds()),
        number=number,
        scope=scope,
        authority_key_identifier=identifier,
        algorithm=algorithm,
        signature=signature,
        tbs=tbs,
        index=index,
        reasons=reasons,
    )


def _never(label: str, what: str, cure: str) -> StoreError:
    return StoreError(f"{label}: this CRL can never be used: it {what}; {cure}")


# --- extensions of the list (5.2) ----------------------------------------------------------------------------------


def _extensions(tbs: bytes, parsed: x509.CertificateRevocationList, label: str) -> tuple[int, CrlScope, bytes | None]:
    entries = extension_list(tbs, tag=0xA0)
    names = [dotted for dotted, _, _, _ in entries]
    for dotted in names:
        if names.count(dotted) > 1:
            raise _never(label, f"has the extension {dotted} twice", "write it again")
    if _DELTA in names:  # 5.2.4
        raise _never(label, "is a delta, which only tells changes", "load the complete list instead")
    for dotted, critical, _, _ in entries:
        if dotted == _NUMBER and critical:  # 5.2.3
            raise _never(label, "has a critical CRL number, which has to be non-critical", "write it again")
        if critical and dotted not in (_DISTRIBUTION_POINT, _AUTHORITY_KEY_IDENTIFIER):  # 5.2
            raise _never(label, f"has the critical extension {dotted}, which is not understood", "write it without")
    if _NUMBER not in names:  # 5.2.3
        cure = "set `crlnumber` in the authority's configuration (and crl_extensions) and write it again"
        raise _never(label, "has no CRL number", cure)
    try:
        extensions = parsed.extensions
        number = extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        identifier = None
        if _AUTHORITY_KEY_IDENTIFIER in names:
            identifier = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
        scope: CrlScope = "all"
        if _DISTRIBUTION_POINT in names:
            scope = _scope(extensions.get_extension_for_class(x509.IssuingDistributionPoint).value, label)
    except StoreError:
        raise
    except (ValueError, TypeError, x509.UnsupportedGeneralNameType) as error:
        raise _never(label, f"has an extension that can't be read ({str(error)[:160]})", "write it again") from None
    if number < 0:
        raise _never(label, "has a negative CRL number", "write it again")
    if number.bit_length() > MAX_NUMBER_BITS:  # 5.2.3
        raise _never(label, "has a CRL number of more than 20 octets", "write it again with a shorter one")
    return number, scope, identifier


def _scope(point: x509.IssuingDistributionPoint, label: str) -> CrlScope:
    """5.2.5. Lists split by kind of certificate are used within their half; split any other way, never."""
    complete = "load the authority's complete list instead"
    if point.indirect_crl:
        raise _never(label, "is indirect (one authority speaks for others)", complete)
    if point.only_some_reasons is not None:
        raise _never(label, "holds only some reasons of revocation", complete)
    if point.full_name is not None or point.relative_name is not None:
        raise _never(label, "is one part of a list that is split over distribution points", complete)
    if point.only_contains_attribute_certs:
        raise _never(label, "is about attribute certificates only", complete)
    if point.only_contains_user_certs and point.only_contains_ca_certs:
        raise _never(label, "is limited to users and to authorities at once", complete)
    if point.only_contains_user_certs:
        return "user"
    return "authority" if point.only_contains_ca_certs else "all"


# --- entries (5.1.2.6, 5.3) ----------------------------------------------------------------------------------------


def _entries_of(tbs: bytes, position: int, end: int) -> tuple[int, int]:
    """Where revokedCertificates begins and ends; an empty range when there is none."""
    for tag, _, content, stop in children(tbs, position, end):
        if tag == SEQUENCE:
            return content, stop
        if tag not in (UTC_TIME, GENERALIZED_TIME):
            break
    return end, end


def _index(tbs: bytes, position: int, end: int, label: str) -> tuple[array[int], dict[bytes, str]]:
    """(hash of the serial, place of the entry) of every entry, sorted; and the kinds of entry extensions, read once."""
    if len(tbs) > 0xFFFFFFFF:
        raise _never(label, "is larger than 4 GiB", "split it or drop expired certificates from it")
    found: list[int] = []
    append = found.append
    known: dict[bytes, str] = {}
    while position < end:
        # The common shape, short lengths and UTCTime, without a call; everything else by the careful road.
        size = tbs[position + 1]
        octets = tbs[position + 3]
        serial_end = position + 4 + octets
        after = position + 2 + size
        if tbs[position] == 0x30 and size < 0x80 and tbs[position + 2] == 0x02 and octets < 0x80 and after <= end:
            time_end = serial_end + 15
            if tbs[serial_end] != 0x17 or tbs[serial_end + 1] != 13 or time_end > after:
                time_end = _time_end(tbs, serial_end, after)
            serial = tbs[position + 4 : serial_end]
        else:
            content, after = expect(tbs, position, end, SEQUENCE)
            number, number_end = expect(tbs, content, after, INTEGER)
            if number_end - number > 0x7F:
                raise DerError("a serial number of more than 127 octets")
            serial = tbs[number:number_end]
            time_end = _time_end(tbs, number_end, after)
        if time_end != after:
            extensions = tbs[time_end:after]
            if extensions not in known:
                reason = _check_entry(extensions, label, serial)
                if len(known) < 4096:  # invalidity dates make nearly every one different: keep no million of them
                    known[extensions] = reason
        append((hash(serial) & 0xFFFFFFFF) << 32 | position)
        position = after
    found.sort()
    return array("Q", found), known


def _time_end(tbs: bytes, position: int, end: int) -> int:
    tag, _, stop = header(tbs, position, end)
    if tag not in (UTC_TIME, GENERALIZED_TIME):
        raise DerError("an entry without a date")
    return stop


def _check_entry(raw: bytes, label: str, serial: bytes) -> str:
    """The reason that an entry's extensions give. Raises StoreError if they make the list unusable."""
    reason = "unspecified"
    where = f"in the entry of serial {serial.hex().upper()}"
    start, end = expect(raw, 0, len(raw), SEQUENCE)
    if end != len(raw):
        raise DerError(f"trailing bytes {where}")
    for tag, _, entry, stop in children(raw, start, end):
        if tag != SEQUENCE:
            raise DerError(f"no extension {where}")
        dotted, critical, value, value_end = read_extension(raw, entry, stop)
        if dotted == _CERTIFICATE_ISSUER:  # 5.3.3
            raise _never(
                label, f"is indirect: {where} it names another issuer", "load the authority's own list instead"
            )
        if dotted == _REASON:
            reason = _reason_name(raw, value, value_end, label)
        elif critical:  # 5.3
            raise _never(
                label, f"has the critical extension {dotted} {where}, which is not understood", "write it without"
            )
    return reason


def _reason_name(data: bytes, start: int, end: int, label: str) -> str:
    content, stop = expect(data, start, end, ENUMERATED)
    code = int.from_bytes(data[content:stop], "big")
    if code == 8:
        raise _never(label, "has removeFromCRL in an entry, which only a delta may", "write the complete list again")
    if code not in REASONS:
        raise _never(label, f"has the reason code {code}, which does not exist", "write it again")
    return REASONS[code]


_DATE_PARTS = ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14))


@lru_cache(4096)
def _time(text: bytes, tag: int) -> int:
    """POSIX seconds of a UTCTime or GeneralizedTime (4.1.2.5); 0 for an invalid date: its entry still counts."""
    if tag == UTC_TIME:
        text = (b"19" if text[:1] >= b"5" else b"20") + text
    if len(text) != 15 or text[14:] != b"Z" or not text[:14].isdigit():
        return 0
    year, month, day, hour, minute, second = (int(text[a:b]) for a, b in _DATE_PARTS)
    try:
        return int((datetime(year, month, day, hour, minute, second, tzinfo=UTC) - EPOCH).total_seconds())
    except ValueError:
        return 0


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
