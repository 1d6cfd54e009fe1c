"""The one verification: presented, verified, revoked, and why. Simulator, tests, replay and gateway all call it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TypeAlias

from cryptography import x509

from mtls_tui.pki.certificate import ParsedCertificate, view
from mtls_tui.pki.errors import Code, LoadError, Refused, VerifyError
from mtls_tui.pki.explain import no_issuer, sentence
from mtls_tui.pki.load import presented_certificates
from mtls_tui.pki.paths import MAX_POOL, PathSearch
from mtls_tui.pki.revocation import Revocation, check_revocation, date_text
from mtls_tui.pki.store import TrustStore
from mtls_tui.pki.validate import PathRefused, SignatureBudget, Stage, validate

Presented: TypeAlias = x509.Certificate | bytes

MAX_PATHS = 64
"""Paths with right signatures that are checked in full in one verification."""
MAX_ITEMS = 400
"""Presented items that are looked at, doubles included."""
MAX_ITEM_BYTES = 1 << 20
"""A presented item larger than this is not read (OpenSSL takes 100 KiB for a whole chain by default)."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What is known of the certificate that a client presented.

    `verified` says that a valid path leads to an anchor; a revoked certificate is verified *and* revoked, one that is
    not verified is never revoked. `error` is None when all is well, number 23 when revoked. `chain` is the path used,
    leaf first and anchor last, and empty unless verified. The answer stays the same while the time is within
    `valid_from` and `valid_until` (POSIX seconds, both included) and the store is the same.
    """

    presented: bool
    verified: bool
    revoked: bool
    error: VerifyError | None
    chain: tuple[x509.Certificate, ...] = ()
    valid_from: int = 0
    valid_until: int = 0


def verify_at(items: Sequence[Presented], store: TrustStore, now: int) -> Verification:
    """What `pki.verify` does when it remembers nothing; `now` in whole POSIX seconds."""
    try:
        return _verify(items, store, now)
    except Exception as error:  # fail closed: whatever a client sent to cause this, it is not verified
        unforeseen = f"the certificate can't be judged: unforeseen {type(error).__name__} in verification"
        return Verification(True, False, False, Refused(Code.UNSPECIFIED, unforeseen).as_error(), (), now, now)


def _verify(items: Sequence[Presented], store: TrustStore, now: int) -> Verification:
    low, high = store.window(now)
    if not items:
        return Verification(False, False, False, None, (), low, high)
    leaf, pool, damage = _read(items, store)
    if leaf is None:
        why = damage.removeprefix("a certificate that can't be read: ")
        unreadable = Refused(Code.UNSPECIFIED, f"the certificate can't be read: {why}").as_error()
        return Verification(True, False, False, unreadable, (), -(1 << 62), 1 << 62)
    for item in (leaf, *pool):
        for boundary in (item.not_before, item.not_after + 1):
            if boundary <= now:
                low = max(low, boundary)
            else:
                high = min(high, boundary - 1)
    path, revocation, error = _decide(leaf, pool, store, now)
    if error is not None:
        return Verification(True, False, False, error, (), low, high)
    certificates = tuple(item.certificate for item in path)
    if revocation is not None:
        return Verification(True, True, True, _revoked(revocation, path), certificates, low, high)
    return Verification(True, True, False, None, certificates, low, high)


def epoch_seconds(at: datetime) -> int:
    """POSIX seconds, fractions cut off downwards; a naive time is read as UTC."""
    return math.floor((at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp())


def _read(
    items: Sequence[Presented], store: TrustStore
) -> tuple[ParsedCertificate | None, list[ParsedCertificate], str]:
    """(leaf, others without doubles, why the leaf can't be read). Other damaged certificates count as not sent."""
    views: dict[bytes, ParsedCertificate] = {}
    leaf: ParsedCertificate | None = None
    for number, item in enumerate(islice(items, MAX_ITEMS)):
        if len(views) >= MAX_POOL:
            break
        if leaf is not None and isinstance(item, bytes) and (item in views or item == leaf.der):
            continue
        try:
            for found in _views(item, store):
                if leaf is None:
                    leaf = found
                elif found.der != leaf.der and len(views) < MAX_POOL:
                    views.setdefault(found.der, found)
        except LoadError as error:
            if number == 0 and leaf is None:
                return None, [], str(error)
    if leaf is None:
        return None, [], "it is empty"
    return leaf, list(views.values()), ""


def _views(item: Presented, store: TrustStore) -> list[ParsedCertificate]:
    if isinstance(item, x509.Certificate):
        return [view(item)]
    if not isinstance(item, bytes):
        raise LoadError(f"it is a {type(item).__name__}, neither a certificate nor bytes")
    if len(item) > MAX_ITEM_BYTES:
        raise LoadError(f"it has more than {MAX_ITEM_BYTES:,} bytes")
    if item[:1] == b"\x30":
        return [store.known(item) or view(item)]
    return [view(certificate) for certificate in presented_certificates(item)]


def _decide(
    leaf: ParsedCertificate, pool: list[ParsedCertificate], store: TrustStore, now: int
) -> tuple[Sequence[ParsedCertificate], Revocation | None, VerifyError | None]:
    """(path, revocation, error): a path without a revoked certificate wins, then a revoked one; else an error alone.

    A certificate that is revoked on one path is revoked on all: whoever cross-signs its issuer's name can give it
    another path, and must not be able to take its revocation back.
    """
    search = PathSearch(leaf, pool, store)
    budget = SignatureBudget()
    good: list[tuple[ParsedCertificate, ...]] = []
    revoked: dict[bytes, tuple[Sequence[ParsedCertificate], Revocation]] = {}
    failure: tuple[Sequence[ParsedCertificate], PathRefused] | None = None
    tried = 0
    for path in search:
        try:
            validate(path, now, budget)
            _remember(path, store)
            revocation = _revocation(path, store, now)
        except PathRefused as refused:
            if refused.pair is not None:
                search.rejected.add(refused.pair)
            else:
                tried += 1
            if failure is None or refused.stage > failure[1].stage:
                failure = (path, refused)
        else:
            if revocation is not None:
                revoked.setdefault(path[revocation.depth].der, (path, revocation))
            elif not store.crls:  # nothing could revoke it
                return path, None, None
            else:
                good.append(path)
            tried += 1
        if tried >= MAX_PATHS or budget.spent:
            break
    for path in good:
        if revoked.keys().isdisjoint(item.der for item in path[:-1]):
            return path, None, None
    if revoked:
        return (*next(iter(revoked.values())), None)
    if failure is not None and not (failure[1].stage is Stage.SIGNATURES and _unrelated(leaf, failure)):
        return (), None, sentence(failure[1].refusal, failure[0])
    return (), None, no_issuer(search, store)


def _revocation(path: Sequence[ParsedCertificate], store: TrustStore, now: int) -> Revocation | None:
    try:
        return check_revocation(path, store, now)
    except Refused as refusal:
        raise PathRefused(Stage.REVOCATION, refusal) from None


def _unrelated(leaf: ParsedCertificate, failure: tuple[Sequence[ParsedCertificate], PathRefused]) -> bool:
    """Whether a signature that does not fit only means that the true issuer, of the same name, is not here.

    That is so when the certificate itself says so by its authority key identifier, or when it signed itself.
    """
    path, refused = failure
    if refused.refusal.code is not Code.CERT_SIGNATURE_FAILURE:
        return False
    child, issuer = path[refused.refusal.depth], path[refused.refusal.depth + 1]
    if child is leaf and leaf.self_issued:
        return True
    wanted, have = child.issuer_key_identifier, issuer.key_identifier
    return wanted is not None and have is not None and wanted != have


def _remember(path: Sequence[ParsedCertificate], store: TrustStore) -> None:
    """Keep the authorities of a path whose signatures fit: the next client of the same authority comes cheaper."""
    for authority in path[1:-1]:
        if store.known(authority.der) is None:
            store.remember(authority)


def _revoked(revocation: Revocation, path: Sequence[ParsedCertificate]) -> VerifyError:
    subject = path[revocation.depth]
    who = "it was" if revocation.depth == 0 else f"its authority {subject.name} was"
    message = f"{who} revoked on {date_text(revocation.entry.at)}"
    if revocation.entry.reason != "unspecified":
        message += f", reason {revocation.entry.reason}"
    message += f", by {path[revocation.depth + 1].name}"
    return Refused(Code.CERT_REVOKED, message, revocation.depth).as_error()
