"""Is one path valid at one time? RFC 5280 section 6.1 on a path that runs from leaf to anchor.

The checks come in the order in which their answers are true statements: first signatures, from the anchor down (what is
not signed says nothing), then the certificates by themselves, then what they say about each other, then time.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from cryptography import x509

from mtls_tui.pki import certificate as c
from mtls_tui.pki import constraints, policies
from mtls_tui.pki.certificate import ParsedCertificate
from mtls_tui.pki.errors import Code, Refused
from mtls_tui.pki.keys import signed_by
from mtls_tui.pki.purpose import check_authority, check_client
from mtls_tui.pki.revocation import date_text


class Stage(IntEnum):
    """How far a path came; of several failures the farthest tells most."""

    SIGNATURES = 1
    CERTIFICATES = 2
    LENGTHS = 3
    NAMES = 4
    POLICIES = 5
    TIMES = 6
    REVOCATION = 7


MAX_SIGNATURES = 128
"""Signature checks of one verification. Go's crypto/x509 and cryptography stop at 100."""
MAX_WRONG_SIGNATURES = 16
"""Of these, such as may fail: a stranger's pile of certificates in an authority's name ends here."""


class SignatureBudget:
    """Signature checks that one verification may still do."""

    def __init__(self) -> None:
        self.left = MAX_SIGNATURES
        self.wrong = MAX_WRONG_SIGNATURES

    @property
    def spent(self) -> bool:
        """Whether nothing more may be checked."""
        return self.left <= 0 or self.wrong <= 0

    def spend(self) -> None:
        """Count one check; Refused when none is left."""
        if self.spent:
            raise Refused(Code.CERT_CHAIN_TOO_LONG, "needs too many signature checks, so the search was ended")
        self.left -= 1


class PathRefused(Exception):  # noqa: N818 - as Refused
    """A path's verdict with the stage that gave it, and, for a signature, the pair that does not fit."""

    def __init__(self, stage: Stage, refusal: Refused, pair: tuple[bytes, bytes] | None = None) -> None:
        super().__init__(refusal.message)
        self.stage = stage
        self.refusal = refusal
        self.pair = pair


def validate(path: Sequence[ParsedCertificate], now: int, budget: SignatureBudget) -> None:
    """PathRefused when the path is not valid. `now` in POSIX seconds."""
    _check_signatures(path, budget)
    stage = Stage.CERTIFICATES
    try:
        _check_certificates(path)
        stage = Stage.LENGTHS
        _check_lengths(path)
        stage = Stage.NAMES
        constraints.check_path(path)
        stage = Stage.POLICIES
        policies.check_path(path)
        stage = Stage.TIMES
        _check_times(path, now)
    except Refused as refusal:
        raise PathRefused(stage, refusal) from None


def _check_signatures(path: Sequence[ParsedCertificate], budget: SignatureBudget) -> None:
    """6.1.3 (a) (1), from the anchor down."""
    for depth in range(len(path) - 2, -1, -1):
        child, issuer = path[depth], path[depth + 1]
        if child.fits.get(issuer.spki):
            continue
        pair = (child.der, issuer.spki)
        try:
            budget.spend()
            fits = signed_by(child, issuer)
        except Refused as weak:
            raise PathRefused(Stage.SIGNATURES, weak.at_depth(depth), pair) from None
        if not fits:
            # Authorities of the store that share the child's issuer name are not a stranger's doing.
            budget.wrong -= depth > 0 or len(path) > 2
            refusal = Refused(
                Code.CERT_SIGNATURE_FAILURE,
                f"names {issuer.name} as its issuer, but the key of that authority did not sign it: it was changed, or "
                "comes from another authority of the same name",
                depth,
            )
            raise PathRefused(Stage.SIGNATURES, refusal, pair)


def _check_certificates(path: Sequence[ParsedCertificate]) -> None:
    for depth in range(len(path) - 1, 0, -1):
        authority, anchor = path[depth], depth == len(path) - 1
        if anchor not in authority.verdicts:
            authority.verdicts[anchor] = _verdict(authority, anchor=anchor)
        verdict = authority.verdicts[anchor]
        if verdict is not None:
            raise verdict.at_depth(depth)
    check_client(path[0])


def _verdict(authority: ParsedCertificate, *, anchor: bool) -> Refused | None:
    try:
        check_authority(authority, anchor=anchor)
        constraints.constraints_of(authority)
        policies.check_mappings(authority)
    except Refused as refusal:
        return refusal
    return None


def _check_lengths(path: Sequence[ParsedCertificate]) -> None:
    """pathLenConstraint: intermediates below, self-issued ones not counted (4.2.1.9, 6.1.4 l and m)."""
    below = 0
    for depth in range(1, len(path)):
        limits = path[depth].extension(c.BASIC_CONSTRAINTS, x509.BasicConstraints)
        if limits is not None and limits.path_length is not None and below > limits.path_length:
            raise Refused(
                Code.PATH_LENGTH_EXCEEDED,
                f"allows {limits.path_length} authorities below it (pathLenConstraint), and there are {below}",
                depth,
            )
        if not path[depth].self_issued:
            below += 1


def _check_times(path: Sequence[ParsedCertificate], now: int) -> None:
    """6.1.3 (a) (2), 4.1.2.5: from notBefore to notAfter, both included."""
    for depth in range(len(path) - 1, -1, -1):
        item = path[depth]
        if now < item.not_before:
            raise Refused(
                Code.CERT_NOT_YET_VALID,
                f"is not yet valid: it begins in {span(item.not_before - now)}, on {date_text(item.not_before)}",
                depth,
            )
        if now > item.not_after:
            raise Refused(
                Code.CERT_HAS_EXPIRED,
                f"expired {span(now - item.not_after)} ago, on {date_text(item.not_after)}",
                depth,
            )


def span(seconds: int) -> str:
    """A length of time in words: its largest unit."""
    for name, size in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        count = seconds // size
        if count:
            return f"{count:,} {name}{'' if count == 1 else 's'}"
    return "a moment"
