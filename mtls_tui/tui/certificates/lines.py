"""One line about each certificate in use: authorities and revocation lists of the hosts, the client's own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from cryptography import x509
from cryptography.x509.oid import NameOID

from mtls_tui.files import read_bounded
from mtls_tui.pki import LoadError, load_certificates, load_crls
from mtls_tui.rulefile import RuleFile
from mtls_tui.rulefile.materials import MAX_MATERIAL
from mtls_tui.simulate.certificate_facts import span
from mtls_tui.tui.certificates import expiring
from mtls_tui.tui.certificates.material import Material
from mtls_tui.tui.state.results import CertificateLine

if TYPE_CHECKING:
    from pathlib import Path

    from mtls_tui.simulate.simulation import Simulation

SOON = timedelta(days=30)
CRL_SOON = timedelta(days=2)


def of_hosts(file: RuleFile) -> Mapping[str, tuple[CertificateLine, ...]]:
    """Lines about authorities and revocation lists by host name. Cached for up to a minute."""
    return _of_hosts(Material.of(file), expiring.stamps(file), datetime.now(UTC).replace(second=0, microsecond=0))


@lru_cache(maxsize=1)
def _of_hosts(
    material: Material, _inventories: tuple[tuple[str, int], ...], _minute: datetime
) -> Mapping[str, tuple[CertificateLine, ...]]:
    file, now = material.file, datetime.now(UTC)
    return MappingProxyType(
        {host.name: _of_host(file, host.anchors, host.crls, now) for host in file.hosts if host.mtls}
    )


def _of_host(
    file: RuleFile, anchors: tuple[str, ...], crls: tuple[str, ...], now: datetime
) -> tuple[CertificateLine, ...]:
    lines: list[CertificateLine] = []
    for name in (*file.anchors, *anchors):
        lines += _authorities(file.resolve(name), name, now)
        lines += expiring.clients(file.resolve(name), now)
    for name in (*file.crls, *crls):
        lines += _lists(file.resolve(name), name, now)
    return tuple(lines) or (CertificateLine("no authority: nobody verifies", "warn"),)


def _authorities(path: Path, name: str, now: datetime) -> list[CertificateLine]:
    try:
        certificates = load_certificates(read_bounded(path, MAX_MATERIAL))
    except (OSError, LoadError) as error:
        return [CertificateLine(f"{name}: {getattr(error, 'strerror', None) or error}", "bad")]
    lines = []
    for certificate in certificates:
        words, state = _validity(certificate, now)
        lines.append(CertificateLine(f"CA {common_name(certificate)}" + (f" · {words}" if words else ""), state))
    return lines


def _lists(path: Path, name: str, now: datetime) -> list[CertificateLine]:
    try:
        lists = load_crls(read_bounded(path, MAX_MATERIAL))
    except (OSError, LoadError) as error:
        return [CertificateLine(f"{name}: {getattr(error, 'strerror', None) or error}", "bad")]
    lines = []
    for crl in lists:
        until = crl.next_update_utc
        count = sum(1 for _ in crl)
        words = f"CRL {count} revoked"
        if until is None:
            lines.append(CertificateLine(f"{words} · no end", "warn"))
        elif until < now:
            lines.append(CertificateLine(f"{words} · STALE {span(now - until)}", "bad"))
        else:
            soon = until - now < CRL_SOON
            left = f"{span(until - now)} left !" if soon else span(until - now)
            lines.append(CertificateLine(f"{words} · {left}", "warn" if soon else "none"))
    return lines


def _validity(certificate: x509.Certificate, now: datetime) -> tuple[str, Literal["bad", "warn", "none"]]:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > end:
        return f"EXPIRED {span(now - end)} ago", "bad"
    if now < begin:
        return f"begins in {span(begin - now)}", "bad"
    if end - now < SOON:
        return f"{span(end - now)} left !", "warn"
    return "", "none"


def common_name(certificate: x509.Certificate) -> str:
    """The common name, or the whole subject when there is none."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string() or "(no name)"


def of_client(simulation: Simulation) -> CertificateLine:
    """The client's certificate in one line: name, issuer, and what it is worth on this host."""
    chain = simulation.scenario.chain
    if not chain:
        return CertificateLine("")
    leaf = chain[0]
    if not isinstance(leaf, x509.Certificate):
        return CertificateLine("can't be read", "bad")
    issuer = leaf.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    text = f"CN={common_name(leaf)}" + (f", {issuer[0].value!s}" if issuer else "")
    verification = simulation.verification
    if verification is None or not simulation.mtls:
        return CertificateLine(f"{text} · not asked for", "none")
    if verification.revoked:
        return CertificateLine(f"{text} · revoked", "bad")
    return CertificateLine(text, "good" if verification.verified else "bad")
