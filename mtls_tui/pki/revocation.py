"""Is a certificate of a verified path revoked? RFC 5280 6.3 with complete CRLs that the store already holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from mtls_tui.pki.certificate import View
from mtls_tui.pki.crl import RevocationList, Revoked
from mtls_tui.pki.errors import Code, Refused
from mtls_tui.pki.keys import signed_by
from mtls_tui.pki.purpose import check_crl_signer
from mtls_tui.pki.store import TrustStore, may_sign_certificates, may_sign_crls


class Revocation(NamedTuple):
    """What the CRLs say about a path: the first revoked certificate from the leaf up, or None."""

    depth: int
    entry: Revoked
    crl: RevocationList


def check_revocation(path: Sequence[View], store: TrustStore, now: int) -> Revocation | None:
    """The revocation of a path that verifies otherwise (leaf first, anchor last).

    Under "require" Refused when an authority on the path has no usable current CRL. The anchor itself is not asked
    about: nobody above it is trusted. Under both policies a certificate that any of its issuer's CRLs lists is revoked.
    """
    if store.crl_policy is None:
        return None
    last = 1 if store.revocation == "leaf" else len(path) - 1
    revoked: Revocation | None = None
    for depth in range(min(last, len(path) - 1)):
        found = _check_one(path[depth], path[depth + 1 :], store, now, depth)
        revoked = revoked or found
    return revoked


def _check_one(
    subject: View, above: Sequence[View], store: TrustStore, now: int, depth: int, *, rollover: bool = True
) -> Revocation | None:
    """One certificate; `above` runs from its issuer to the anchor."""
    issuer = above[0]
    named = [crl for crl in store.crls_of(issuer.subject) if _covers(crl, subject)]
    candidates = [crl for crl in named if store.signed_crl(crl, issuer)] if may_sign_crls(issuer) else []
    if named and not candidates and rollover:
        signers = [signer for signer in _other_keys(issuer, above, store) if _speaks_for(signer, above, store, now)]
        candidates = [crl for crl in named if any(store.signed_crl(crl, signer) for signer in signers)]
    current = [crl for crl in candidates if crl.this_update <= now <= crl.next_update]
    if current:
        newest = max(current, key=lambda crl: (crl.number, crl.this_update))
        # A later one that is stale by now still knows of later revocations.
        later = [crl for crl in candidates if crl.number > newest.number and crl.next_update < now]
        for crl in (newest, *later):
            entry = crl.find(subject.serial)
            if entry is not None:
                return Revocation(depth, entry, crl)
        return None
    if store.crl_policy == "require":
        raise _missing(issuer, candidates, store, now, depth)
    # Soft: a list that is stale, or early by this clock, still counts for the certificates that it names.
    for crl in candidates:
        entry = crl.find(subject.serial)
        if entry is not None:
            return Revocation(depth, entry, crl)
    return None


def _other_keys(issuer: View, above: Sequence[View], store: TrustStore) -> list[View]:
    """Certificates for another key of the same authority: CRLs may have a key of their own, and keys change."""
    named = [
        *store.intermediates_by_subject.get(issuer.subject, ()),
        *(a for a in above if a.subject == issuer.subject),
    ]
    return list({other.spki: other for other in named if other.spki != issuer.spki}.values())


def _speaks_for(signer: View, above: Sequence[View], store: TrustStore, now: int) -> bool:
    """6.3.3 (f): whether a path to the same anchor leads to this signer, and it may sign CRLs.

    That path is the client's own from some authority on: the issuer itself or one above it issued the signer. From
    above it may only be a key for CRLs: one that issues certificates could as well be a namesake.
    """
    if any(signer is authority for authority in above):  # judged with the path it is on
        return may_sign_crls(signer)
    if not signer.not_before <= now <= signer.not_after:
        return False
    try:
        check_crl_signer(signer)
        for position, authority in enumerate(above):
            if signer.issuer == authority.subject and _signed(signer, authority):
                # A signer that the issuer itself made stands or falls with it; one from above is asked about there.
                if position == 0:
                    return True
                if not signer.self_issued and may_sign_certificates(signer):
                    return False  # another authority that only has the same name
                if store.revocation == "leaf":
                    return True
                return _check_one(signer, above[position:], store, now, 0, rollover=False) is None
    except Refused:
        return False
    return False


def _signed(signer: View, authority: View) -> bool:
    verdicts: dict[bytes, bool] = signer.__dict__.setdefault("_issuers", {})
    if authority.spki not in verdicts:
        verdicts[authority.spki] = signed_by(signer, authority)
    return verdicts[authority.spki]


def _covers(crl: RevocationList, subject: View) -> bool:
    """5.2.5: a list limited to users or to authorities says nothing about the others."""
    return crl.scope == "all" or (crl.scope == "authority") == subject.is_authority


def _missing(issuer: View, candidates: Sequence[RevocationList], store: TrustStore, now: int, depth: int) -> Refused:
    if not candidates:
        named = store.crls_of(issuer.subject)
        if any(not store.signed_crl(crl, issuer) for crl in named):
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
