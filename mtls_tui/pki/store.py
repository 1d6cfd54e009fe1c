"""What a host trusts: anchors, extra intermediates, CRLs and how strictly revocation is asked. Immutable once made."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui.pki.certificate import KEY_USAGE, ParsedCertificate, view
from mtls_tui.pki.crl import RevocationList, read_crl
from mtls_tui.pki.errors import LoadError, Refused, StoreError
from mtls_tui.pki.keys import may_use, verify_signature
from mtls_tui.pki.load import crl_ders, load_certificates
from mtls_tui.pki.names import CanonicalName

CrlPolicy: TypeAlias = Literal["require", "soft"]
RevocationScope: TypeAlias = Literal["chain", "leaf"]

_KNOWN_AUTHORITIES = 1024
"""Presented authorities that verified are remembered, so many at most."""
_KNOWN_BYTES = 8192
"""Octets of a certificate that is remembered, at most."""


@dataclass(frozen=True, slots=True)
class Source:
    """Bytes (or an object) with the name that errors call it by, a file's path for instance."""

    data: x509.Certificate | x509.CertificateRevocationList | bytes
    name: str


CertificateSource: TypeAlias = x509.Certificate | bytes | Source
CrlSource: TypeAlias = x509.CertificateRevocationList | bytes | Source


class TrustStore:
    """Anchors and what belongs to them.

    `anchors` and `intermediates`: Certificates, or PEM (one or many) or DER bytes, or a `Source` of these; an anchor
    may be an intermediate authority, or one client's own certificate. `crls`: CRLs, PEM or DER. With `crl_policy`
    "require" (the default once a CRL is given) an authority without a usable, current CRL makes its certificates not
    verified; with "soft" its certificates pass unless a CRL lists them. `revocation` "chain" asks for every certificate
    below the anchor, "leaf" for the client's own alone. A store without anchors verifies nothing.

    Raises StoreError if something can't be read, can never be used, or if a setting does not exist.
    """

    __slots__ = (
        "_boundaries",
        "_crls",
        "_known",
        "_memory",
        "_names",
        "_signers",
        "anchor_set",
        "anchors",
        "anchors_by_subject",
        "crl_policy",
        "crls",
        "digest",
        "intermediates",
        "intermediates_by_subject",
        "revocation",
    )

    anchors: tuple[ParsedCertificate, ...]
    intermediates: tuple[ParsedCertificate, ...]
    crls: tuple[RevocationList, ...]
    crl_policy: CrlPolicy | None
    revocation: RevocationScope
    digest: bytes
    """SHA-256 over everything that decides; equal stores have equal digests."""
    anchor_set: frozenset[bytes]
    """The DER of each anchor."""
    anchors_by_subject: Mapping[CanonicalName, tuple[ParsedCertificate, ...]]
    intermediates_by_subject: Mapping[CanonicalName, tuple[ParsedCertificate, ...]]
    _crls: Mapping[CanonicalName, tuple[RevocationList, ...]]
    _signers: dict[tuple[bytes, bytes], bool]
    _known: dict[bytes, ParsedCertificate]
    _boundaries: list[int]
    _names: dict[bytes, CanonicalName]
    _memory: object | None

    def __init__(
        self,
        anchors: Iterable[CertificateSource],
        intermediates: Iterable[CertificateSource] = (),
        crls: Iterable[CrlSource] = (),
        crl_policy: CrlPolicy | None = None,
        revocation: RevocationScope = "chain",
    ) -> None:
        if crl_policy is not None and crl_policy not in get_args(CrlPolicy):
            raise StoreError(f"crl_policy is `{crl_policy}`; use require or soft")
        if revocation not in get_args(RevocationScope):
            raise StoreError(f"revocation is `{revocation}`; use chain or leaf")
        put = object.__setattr__
        put(self, "anchors", _distinct(_views(anchors, "anchor")))
        put(self, "intermediates", _distinct(_views(intermediates, "intermediate")))
        labelled = tuple(_lists(crls))
        put(self, "crls", tuple(crl for crl, _ in labelled))
        put(self, "crl_policy", crl_policy or ("require" if self.crls else None))
        put(self, "revocation", revocation)
        put(self, "anchor_set", frozenset(anchor.der for anchor in self.anchors))
        put(self, "anchors_by_subject", _by_subject(self.anchors))
        put(self, "intermediates_by_subject", _by_subject(self.intermediates))
        put(self, "_crls", _by_issuer(self.crls))
        put(self, "_signers", {})
        put(self, "_known", {})
        put(self, "_memory", None)
        put(self, "_names", {item.subject_raw: item.subject for item in (*self.anchors, *self.intermediates)})
        put(self, "_boundaries", _boundaries(self.anchors, self.intermediates, self.crls))
        put(self, "digest", self._digest())
        for crl, label in labelled:
            self._check_signer(crl, label)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a TrustStore is immutable; make a new one to change {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a TrustStore is immutable; make a new one to drop {name}")

    @property
    def memory(self) -> object | None:
        """What `pki.verify` remembers for this store; nothing that decides."""
        return self._memory

    def keep_memory(self, memory: object) -> None:
        """Set `memory`, once."""
        if self._memory is None:
            object.__setattr__(self, "_memory", memory)

    def issuer_of(self, child: ParsedCertificate) -> CanonicalName:
        """The comparable name of a certificate's issuer; without work when an authority here writes it alike."""
        return self._names.get(child.issuer_raw) or child.issuer

    def crls_of(self, issuer: CanonicalName) -> Sequence[RevocationList]:
        """The CRLs in this issuer's name, newest first."""
        return self._crls.get(issuer, ())

    def signed_crl(self, crl: RevocationList, issuer: ParsedCertificate) -> bool:
        """Whether this authority's key signed the CRL, be it restricted or not; worked out once per pair."""
        known = self._signers
        pair = (crl.digest, issuer.spki)
        if pair not in known:
            if len(known) >= _KNOWN_AUTHORITIES:
                known.clear()
            known[pair] = verify_signature(crl.algorithm, crl.signature, crl.tbs, issuer.public_key)
        return known[pair]

    def known(self, der: bytes) -> ParsedCertificate | None:
        """An authority's certificate seen before on a path that verified, taken apart already."""
        return self._known.get(der)

    def remember(self, authority: ParsedCertificate) -> None:
        """Keep a presented authority whose signature leads to an anchor (others never: a flood must not fill this)."""
        if len(authority.der) > _KNOWN_BYTES:
            return
        views = self._known
        if len(views) >= _KNOWN_AUTHORITIES:
            views.clear()
        views[authority.der] = authority

    def window(self, now: int) -> tuple[int, int]:
        """The seconds around `now`, both included, in which no certificate or CRL of this store begins or ends."""
        boundaries = self._boundaries
        position = bisect_right(boundaries, now)
        low = boundaries[position - 1] if position else -(1 << 62)
        high = boundaries[position] - 1 if position < len(boundaries) else 1 << 62
        return low, high

    def _digest(self) -> bytes:
        digest = hashlib.sha256()
        parts = [(b"anchor", v.der) for v in self.anchors] + [(b"intermediate", v.der) for v in self.intermediates]
        for kind, item in [*parts, *((b"crl", crl.digest) for crl in self.crls)]:
            digest.update(kind + b"\0" + hashlib.sha256(item).digest())
        digest.update(f"{self.crl_policy} {self.revocation}".encode())
        return digest.digest()

    def _check_signer(self, crl: RevocationList, label: str) -> None:
        """A CRL in the name of an authority of this store has to be signed by it; others wait for their authority."""
        named = [
            *self.anchors_by_subject.get(crl.issuer, ()),
            *self.intermediates_by_subject.get(crl.issuer, ()),
        ]
        if not named:
            return
        signers = [one for one in named if self.signed_crl(crl, one) and may_use(one, crl.algorithm)]
        if not signers:
            raise StoreError(
                f"{label}: this CRL can never be used: its signature is not by the key of {crl.issuer_name}, "
                "whose name it bears; load the CRL of the very authority that is trusted here"
            )
        if not any(may_sign_crls(authority) for authority in signers):
            raise StoreError(
                f"{label}: this CRL can never be used: {crl.issuer_name} may not sign CRLs, its key usage lacks "
                "cRLSign; add cRLSign to the authority's keyUsage and reissue it"
            )


def may_sign_crls(authority: ParsedCertificate) -> bool:
    """RFC 5280 6.3.3 (f): where there is a key usage, it has to have cRLSign."""
    try:
        usage = authority.extension(KEY_USAGE, x509.KeyUsage)
    except Refused:
        return False
    return usage is None or usage.crl_sign


def may_sign_certificates(authority: ParsedCertificate) -> bool:
    """RFC 5280 4.2.1.3, 4.2.1.9: CA:TRUE and no key usage that forbids it."""
    try:
        usage = authority.extension(KEY_USAGE, x509.KeyUsage)
    except Refused:
        return False
    return authority.is_authority and (usage is None or usage.key_cert_sign)


def _views(sources: Iterable[CertificateSource], kind: str) -> list[ParsedCertificate]:
    if isinstance(sources, bytes | x509.Certificate | Source):
        sources = (sources,)
    found: list[ParsedCertificate] = []
    for number, source in enumerate(sources, 1):
        item, label = (source.data, source.name) if isinstance(source, Source) else (source, f"{kind} {number}")
        try:
            if isinstance(item, x509.Certificate):
                found.append(view(item))
            elif isinstance(item, bytes | bytearray):
                found.extend(view(certificate) for certificate in load_certificates(bytes(item)))
            else:
                raise StoreError(f"{label}: is a {type(item).__name__}; give a certificate, PEM or DER bytes")
        except LoadError as error:
            raise StoreError(f"{label}: {error}") from None
    return found


def _lists(sources: Iterable[CrlSource]) -> Iterable[tuple[RevocationList, str]]:
    """The lists, each with the name that errors call it by."""
    if isinstance(sources, bytes | x509.CertificateRevocationList | Source):
        sources = (sources,)
    for number, source in enumerate(sources, 1):
        item, label = (source.data, source.name) if isinstance(source, Source) else (source, f"CRL {number}")
        if isinstance(item, x509.CertificateRevocationList):
            yield read_crl(item.public_bytes(Encoding.DER), label), label
        elif isinstance(item, bytes | bytearray):
            try:
                ders = crl_ders(bytes(item))
            except LoadError as error:
                raise StoreError(f"{label}: {error}") from None
            for der in ders:
                yield read_crl(der, label), label
        else:
            raise StoreError(f"{label}: is a {type(item).__name__}; give a CRL, PEM or DER bytes")


def _distinct(views: Iterable[ParsedCertificate]) -> tuple[ParsedCertificate, ...]:
    return tuple({v.der: v for v in views}.values())


def _by_subject(views: Iterable[ParsedCertificate]) -> Mapping[CanonicalName, tuple[ParsedCertificate, ...]]:
    found: dict[CanonicalName, list[ParsedCertificate]] = {}
    for item in views:
        found.setdefault(item.subject, []).append(item)
    return MappingProxyType({name: tuple(items) for name, items in found.items()})


def _by_issuer(crls: Iterable[RevocationList]) -> Mapping[CanonicalName, tuple[RevocationList, ...]]:
    found: dict[CanonicalName, list[RevocationList]] = {}
    for crl in crls:
        found.setdefault(crl.issuer, []).append(crl)
    newest = {
        name: tuple(sorted(items, key=lambda crl: (crl.this_update, crl.number), reverse=True))
        for name, items in found.items()
    }
    return MappingProxyType(newest)


def _boundaries(
    anchors: Iterable[ParsedCertificate], intermediates: Iterable[ParsedCertificate], crls: Iterable[RevocationList]
) -> list[int]:
    times: set[int] = set()
    for item in (*anchors, *intermediates):
        times |= {item.not_before, item.not_after + 1}
    for crl in crls:
        times |= {crl.this_update, crl.next_update + 1}
    return sorted(times)
