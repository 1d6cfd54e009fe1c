"""Whether the trust material of each host works together: said with the file that doesn't, before it is embedded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from mtls_tui import pki
from mtls_tui.rulefile import materials
from mtls_tui.rulefile.errors import Problem
from mtls_tui.rulefile.model import RuleFile
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
