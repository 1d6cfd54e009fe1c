"""Whether the trust material of each host works together: said with the file that doesn't, before it is embedded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

from cryptography import x509

from mtls_tui import pki
from mtls_tui.rulefile import materials
from mtls_tui.rulefile.errors import Problem
from mtls_tui.rulefile.model import RuleFile
from mtls_tui.rulefile.places import KeyPath, key_name
from mtls_tui.rulefile.schema import HostEntry


def trust_problems(rulefile: RuleFile) -> tuple[Problem, ...]:
    """What stops trust stores from being made of a rule file without other problems.

    A CRL that can never be used, an authority with a weak key, and so on; each with the host and the file.
    """
    found: dict[str, Problem] = {}
    seen = set()
    for index, host in enumerate(rulefile.hosts):
        settings = (host.anchors, host.intermediates, host.crls, host.crl_policy, host.revocation)
        if not host.mtls or settings in seen:
            continue
        seen.add(settings)
        try:
            _store(rulefile, host)
        except pki.StoreError as error:
            message, _, cure = str(error).rpartition("; ")
            problem = Problem(
                "trust",
                message or str(error),
                rulefile.name,
                rulefile.line_of("hosts", index, "name"),
                key=f"hosts[{index}]",
                cure=cure if message else "give another file",
            )
            found.setdefault(str(error), problem)  # a file is told once, for the first host that names it
        except materials.MaterialError as error:
            found.setdefault(str(error), error.problem(rulefile.name, key=f"hosts[{index}]"))
    return tuple(found.values())


def out_of_date(rulefile: RuleFile, now: datetime) -> tuple[Problem, ...]:
    """Authorities that are no longer (or not yet) valid and revocation lists that are stale, each at its place.

    No errors: they can be renewed after an export, and decisions judge them by the time of the request.
    """
    found = []
    for path, file in _named(rulefile):
        line = rulefile.line_of(*path)
        read = materials.crls if "crls" in path else materials.certificates
        for pem in read(rulefile.resolve(file)):
            trouble = _crl_trouble(pem, now) if read is materials.crls else _certificate_trouble(pem, now)
            if trouble:
                code = "crl-stale" if read is materials.crls else "anchor-out-of-date"
                cure = "write a new one" if read is materials.crls else "name a current one"
                found.append(Problem(code, f"{file}: {trouble}", rulefile.name, line, key=key_name(path), cure=cure))
    return tuple(found)


def _named(rulefile: RuleFile) -> Iterator[tuple[KeyPath, str]]:
    """The anchors, intermediates and CRLs that are named, each file once, with its place."""
    seen = set()
    owners: list[tuple[KeyPath, RuleFile | HostEntry]] = [((), rulefile)]
    owners += [(("hosts", index), host) for index, host in enumerate(rulefile.hosts)]
    for path, owner in owners:
        for key in ("anchors", "intermediates", "crls"):
            for index, file in enumerate(getattr(owner, key)):
                if (key, file) not in seen:
                    seen.add((key, file))
                    yield (*path, key, index), file


def _certificate_trouble(pem: str, now: datetime) -> str:
    certificate = x509.load_pem_x509_certificate(pem.encode())
    if certificate.not_valid_after_utc < now:
        return f"expired on {certificate.not_valid_after_utc:%Y-%m-%d}: no certificate below it can be verified"
    if certificate.not_valid_before_utc > now:
        return f"is not valid before {certificate.not_valid_before_utc:%Y-%m-%d}"
    return ""


def _crl_trouble(pem: str, now: datetime) -> str:
    crl = x509.load_pem_x509_crl(pem.encode())
    if crl.next_update_utc is not None and crl.next_update_utc < now:
        return f"stale since {crl.next_update_utc:%Y-%m-%d %H:%M} UTC: while it is required, nothing is verified"
    if crl.last_update_utc > now:
        return f"is not valid before {crl.last_update_utc:%Y-%m-%d %H:%M} UTC"
    return ""


def _store(rulefile: RuleFile, host: HostEntry) -> pki.TrustStore:
    return pki.TrustStore(
        anchors=_sources(rulefile, (*rulefile.anchors, *host.anchors), materials.certificates),
        intermediates=_sources(rulefile, (*rulefile.intermediates, *host.intermediates), materials.certificates),
        crls=_sources(rulefile, (*rulefile.crls, *host.crls), materials.crls),
        crl_policy=host.crl_policy,
        revocation=host.revocation or "chain",
    )


def _sources(rulefile: RuleFile, paths: Iterable[str], read: Callable[[Path], tuple[str, ...]]) -> list[pki.Source]:
    return [pki.Source(pem.encode(), path) for path in paths for pem in read(rulefile.resolve(path))]
