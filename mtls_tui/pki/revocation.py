"""Is a certificate of a verified path revoked? RFC 5280 6.3 with complete CRLs that the store already holds.

Three questions, one after the other: which lists speak for an issuer (`_lists`), what those say about a serial number
(`_listed`), and whether the policy is content with what there is (`check_revocation`). Evidence of revocation is never
thrown away: a list signed by the key that issued a certificate counts against it whatever else is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from mtls_tui.pki.certificate import ParsedCertificate
from mtls_tui.pki.crl import RevocationList, Revoked
from mtls_tui.pki.errors import Code, Refused
from mtls_tui.pki.keys import may_use, signed_by
from mtls_tui.pki.purpose import check_crl_signer
from mtls_tui.pki.store import TrustStore, may_sign_certificates, may_sign_crls


class Revocation(NamedTuple):
    """What the CRLs say about a path: the first revoked certificate from the leaf up, or None."""

    depth: int
    entry: Revoked
    crl: RevocationList


class _Signed(NamedTuple):
    """A list with the key that signed it, and whether its silence about a certificate means anything."""

    crl: RevocationList
    key: bytes
    answers: bool


def check_revocation(path: Sequence[ParsedCertificate], store: TrustStore, now: int) -> Revocation | None:
    """The revocation of a path that verifies otherwise (leaf first, anchor last).

    Under "require" Refused when an authority on the path has no usable current CRL. The anchor itself is not asked
    about: nobody above it is trusted. Under both policies a certificate that any of its issuer's CRLs lists is revoked.
    """
    if store.crl_policy is None:
        return None
    last = 1 if store.revocation == "leaf" else len(path) - 1
    revoked: Revocation | None = None
    for depth in range(min(last, len(path) - 1)):
        found = _status(path[depth], path[depth + 1 :], store, now, depth)
        revoked = revoked or found
    return revoked


def _status(
    subject: ParsedCertificate,
    above: Sequence[ParsedCertificate],
    store: TrustStore,
    now: int,
    depth: int,
    *,
    other_keys: bool = True,
) -> Revocation | None:
    """One certificate by the store's policy; `above` runs from its issuer to the anchor."""
    lists = list(_lists(subject, above, store, now, other_keys=other_keys))
    if store.crl_policy == "require" and not any(item.answers and _current(item.crl, now) for item in lists):
        raise _missing(above[0], [item.crl for item in lists if item.answers], store, now, depth)
    return _listed(lists, subject.serial, now, depth)


def _listed(lists: Sequence[_Signed], serial: bytes, now: int, depth: int) -> Revocation | None:
    """The entry of a serial number in any list that is in force."""
    for item in lists:
        entry = item.crl.find(serial)
        if entry is not None and not any(_supersedes(other, item, now) for other in lists):
            return Revocation(depth, entry, item.crl)
    return None


def _supersedes(newer: _Signed, older: _Signed, now: int) -> bool:
    """5.2.3: a current list supersedes those of lower numbers, by the same key and of the same scope, from before it.

    Numbers are counted per scope, and keys may be of installations that count apart. Where number and thisUpdate
    contradict each other neither list is superseded.
    """
    one, other = newer.crl, older.crl
    return (
        (newer.key, one.scope) == (older.key, other.scope)
        and _current(one, now)
        and (one.number, one.this_update) > (other.number, other.this_update)
        and one.this_update >= other.this_update
    )


def _current(crl: RevocationList, now: int) -> bool:
    return crl.this_update <= now <= crl.next_update


def _lists(
    subject: ParsedCertificate, above: Sequence[ParsedCertificate], store: TrustStore, now: int, *, other_keys: bool
) -> Iterator[_Signed]:
    """The lists about this kind of certificate in its issuer's name, by every key that speaks for the issuer (6.3.3 f).

    A list by the very key that issued the certificate is evidence even where this certificate of the key lacks cRLSign:
    whoever cross-signs a key must not silence the lists it signed. Its silence, then, is not an answer.
    """
    issuer = above[0]
    speaks: dict[bytes, bool] = {}
    for crl in store.crls_of(issuer.subject):
        if not _covers(crl, subject):
            continue
        if store.signed_crl(crl, issuer):
            yield _Signed(crl, issuer.spki, may_sign_crls(issuer) and may_use(issuer, crl.algorithm))
            continue
        for signer in _other_keys(issuer, above, store) if other_keys else ():
            if store.signed_crl(crl, signer) and may_use(signer, crl.algorithm):
                if signer.der not in speaks:
                    speaks[signer.der] = _speaks_for(signer, above, store, now)
                if speaks[signer.der]:
                    yield _Signed(crl, signer.spki, True)
                    break


def _other_keys(
    issuer: ParsedCertificate, above: Sequence[ParsedCertificate], store: TrustStore
) -> Iterator[ParsedCertificate]:
    """Certificates for another key of the same name: CRLs may have a key of their own, and keys change."""
    for other in (*above, *store.intermediates_by_subject.get(issuer.subject, ())):
        if other.spki != issuer.spki and other.subject == issuer.subject:
            yield other


def _speaks_for(signer: ParsedCertificate, above: Sequence[ParsedCertificate], store: TrustStore, now: int) -> bool:
    """6.3.3 (f): whether a path to the same anchor leads to this signer, and it may sign CRLs.

    That path is the client's own from some authority on: the issuer itself or one above it issued the signer. From
    above it may only be a key for CRLs: one that issues certificates could as well be a namesake. On the path itself it
    is the same authority only when it issued the issuer's certificate to itself (key rollover).
    """
    for position, authority in enumerate(above):
        if signer is authority:  # judged with the path it is on
            return may_sign_crls(signer) and all(item.self_issued for item in above[:position])
    if not signer.not_before <= now <= signer.not_after:
        return False
    try:
        check_crl_signer(signer)
        for position, authority in enumerate(above):
            if signer.issuer == authority.subject and signed_by(signer, authority):
                # A signer that the issuer itself made stands or falls with it; one from above is asked about there.
                if position == 0:
                    return True
                if may_sign_certificates(signer):
                    return False  # another authority that only has the same name
                if store.revocation == "leaf":
                    return True
                return _status(signer, above[position:], store, now, 0, other_keys=False) is None
    except Refused:
        return False
    return False


def _covers(crl: RevocationList, subject: ParsedCertificate) -> bool:
    """5.2.5: a list limited to users or to authorities says nothing about the others."""
    return crl.scope == "all" or (crl.scope == "authority") == subject.is_authority


def _missing(
    issuer: ParsedCertificate, candidates: Sequence[RevocationList], store: TrustStore, now: int, depth: int
) -> Refused:
    if not candidates:
        named = store.crls_of(issuer.subject)
        if any(not (store.signed_crl(crl, issuer) and may_use(issuer, crl.algorithm)) for crl in named):
            what = f"the CRL in the name of {issuer.name} is not signed by its key"
            return Refused(Code.CRL_SIGNATURE_FAILURE, f"{what}; load the one that this authority signs", depth)
        if named and not may_sign_crls(issuer):
            what = f"{issuer.name} may not sign CRLs: its key usage lacks cRLSign"
            return Refused(Code.KEYUSAGE_NO_CRL_SIGN, what, depth)
        if named:
            what = f"the CRL of {issuer.name} does not cover this kind of certificate; load its complete list"
            return Refused(Code.DIFFERENT_CRL_SCOPE, what, depth)
        what = f"there is no CRL of {issuer.name}, and crl_policy `require` asks for one; load it or choose `soft`"
        return Refused(Code.UNABLE_TO_GET_CRL, what, depth)
    stale = [crl for crl in candidates if crl.next_update < now]
    if stale:
        end = max(crl.next_update for crl in stale)
        what = f"the CRL of {issuer.name} is stale since {date_text(end)}; fetch a newer one"
        return Refused(Code.CRL_HAS_EXPIRED, what, depth)
    begin = min(crl.this_update for crl in candidates)
    what = f"the CRL of {issuer.name} is valid from {date_text(begin)} only; is the clock right?"
    return Refused(Code.CRL_NOT_YET_VALID, what, depth)


def date_text(seconds: int) -> str:
    """A time for messages, UTC, to the minute."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError, OSError):
        return f"second {seconds}"
