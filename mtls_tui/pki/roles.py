"""Certificates by role for tests and demonstrations: good, expired, revoked, foreign, … minted on the spot.

A role's material holds the client's chain and key. The authority, and its CRL with the revoked one, are what a
host has to trust for the roles to mean what their names say.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal, TypeAlias, get_args

from cryptography import x509

from mtls_tui.pki import issue
from mtls_tui.pki.issue import DAY, Issuer, KeyKind, PrivateKey, RevokedEntry

Role: TypeAlias = Literal[
    "none", "good", "expired", "not_yet_valid", "revoked", "foreign", "self_signed", "server_purpose"
]
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Material:
    """What a client of this role presents: its chain (leaf first; empty for `none`) and the leaf's key."""

    role: Role
    chain: tuple[x509.Certificate, ...] = ()
    key: PrivateKey | None = None


class RoleSet:
    """All roles around one moment in time: minted on first use, the same objects afterwards.

    `at` is the time at which the roles mean what they say (aware). The authority is valid from ten years before to
    ten years after; `good` for 30 days around it; `expired` ended 3 days before; `not_yet_valid` begins 3 days after.
    """

    def __init__(self, at: datetime, *, authority: Issuer | None = None, key_kind: KeyKind = "ecdsa-p256") -> None:
        self.at = issue.whole_seconds(at)
        self._given = authority
        self._kind = key_kind
        self._minted: dict[Role, Material] = {"none": Material("none")}

    @cached_property
    def authority(self) -> Issuer:
        """The authority that a host trusts for these roles."""
        return self._given or self._root("Role authority")

    @cached_property
    def foreign_authority(self) -> Issuer:
        """Another authority, which no host trusts."""
        return self._root("Foreign authority")

    @cached_property
    def crl(self) -> x509.CertificateRevocationList:
        """The authority's CRL: it holds the revoked role's serial."""
        return issue.revocation_list(
            self.authority,
            [RevokedEntry(self.mint("revoked").chain[0].serial_number, self.at - DAY, x509.ReasonFlags.key_compromise)],
            number=1,
            this_update=self.at - timedelta(hours=1),
            next_update=self.at + 30 * DAY,
        )

    def mint(self, role: Role) -> Material:
        """The material of a role. Raises KeyError if there is no such role."""
        if role not in ROLES:
            raise KeyError(role)
        if role not in self._minted:
            self._minted[role] = self._make(role)
        return self._minted[role]

    def _make(self, role: Role) -> Material:
        key = issue.generate_key(self._kind)
        begin, end = self.at - 15 * DAY, self.at + 15 * DAY
        if role == "expired":
            begin, end = self.at - 33 * DAY, self.at - 3 * DAY
        elif role == "not_yet_valid":
            begin, end = self.at + 3 * DAY, self.at + 33 * DAY
        subject = issue.common_name(f"{role.replace('_', '-')}-client")
        issuer = self.authority
        if role == "foreign":
            issuer = self.foreign_authority
        elif role == "self_signed":
            # Its own key signs, under its own name: depth zero self-signed (OpenSSL's error 18).
            name_only = issue.self_signed_authority(subject, key, not_before=begin, not_after=end)
            issuer = Issuer(name_only, key)
        certificate = issue.end_entity(
            issuer,
            subject,
            key.public_key(),
            not_before=begin,
            not_after=end,
            purpose="server" if role == "server_purpose" else "client",
        )
        return Material(role, (certificate,), key)

    def _root(self, name: str) -> Issuer:
        key = issue.generate_key(self._kind)
        certificate = issue.self_signed_authority(
            issue.common_name(name), key, not_before=self.at - 3652 * DAY, not_after=self.at + 3652 * DAY
        )
        return Issuer(certificate, key)
