"""Certificates by role for tests: minted around the time of the test, trusted by the host for that test only.

A test with a role runs under the policy as it is, plus one authority on every host with mTLS: the one that issued the
role's certificate, with its revocation list. So `good` is verified and `revoked` revoked whatever the host trusts
otherwise, and `foreign` comes from an authority that is not added. A rule that pins an issuer, a serial or another
fact of a certificate sees the minted one's; a test that needs another value sets it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec.structs import replace

from mtls_tui.engine.bundle import Bundle, BundleHost
from mtls_tui.engine.policy import Policy
from mtls_tui.pki import roles
from mtls_tui.pki.roles import RoleSet

ROLES: Final = roles.ROLES
ROLE_OF_CLIENT: Final[Mapping[str, str]] = {
    "untrusted": "self_signed",
    "revoked": "revoked",
    "valid": "good",
    "with a certificate that is not valid": "self_signed",
    "with a revoked certificate": "revoked",
    "with a valid certificate": "good",
}
"""The role of what a client comes with, as the answers of proofs and comparisons name it; none for no certificate."""
DAY_SECONDS: Final = 86_400


def role_set(at: datetime) -> RoleSet:
    """The roles that hold at a time. One set serves a whole UTC day: `expired` ended days before, and so on."""
    return _role_set(int(at.timestamp()) // DAY_SECONDS)


@lru_cache(maxsize=64)
def _role_set(day: int) -> RoleSet:
    return RoleSet(datetime.fromtimestamp(day * DAY_SECONDS, UTC))


def chain_of(role: str, at: datetime) -> tuple[x509.Certificate, ...]:
    """What a client of this role presents. Raises KeyError if there is no such role."""
    if role not in ROLES:
        raise KeyError(role)
    return role_set(at).mint(role).chain


def with_roles(bundle: Bundle, at: datetime) -> Policy:
    """The policy of a bundle in which every host with mTLS also trusts the authority of the roles."""
    minted = role_set(at)
    anchor = minted.authority.certificate.public_bytes(Encoding.PEM).decode("ascii")
    crl = minted.crl.public_bytes(Encoding.PEM).decode("ascii")
    return Policy.from_bundle(
        replace(bundle, hosts=tuple(_trusting(bundle, host, anchor, crl) for host in bundle.hosts))
    )


def _trusting(bundle: Bundle, host: BundleHost, anchor: str, crl: str) -> BundleHost:
    if not host.mtls:
        return host
    # A host without any CRL doesn't require one; our CRL must not change that for the host's own authorities.
    policy = host.crl_policy or ("require" if host.crls or bundle.crls else "soft")
    return replace(host, anchors=(*host.anchors, anchor), crls=(*host.crls, crl), crl_policy=policy)
