"""The certificate files that a rule file names, as a value that is equal while settings and files stay."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from mtls_tui.rulefile import HostEntry, RuleFile

Stamps = tuple[tuple[str, int, int], ...]
"""Name, time of change in nanoseconds, and size in bytes of each file; the size is -1 where there is none."""


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that the trust stores of the hosts depend on."""

    hosts: tuple[HostEntry, ...]
    anchors: tuple[str, ...]
    intermediates: tuple[str, ...]
    crls: tuple[str, ...]
    folder: Path
    stamps: Stamps
    file: RuleFile = field(compare=False, repr=False)
    """A rule file with these settings."""

    @classmethod
    def of(cls, file: RuleFile) -> Material:
        """The material of a rule file, with the files as they are now."""
        return cls(file.hosts, file.anchors, file.intermediates, file.crls, file.folder, _stamps(file), file)


def _stamps(file: RuleFile) -> Stamps:
    names = {*file.anchors, *file.intermediates, *file.crls}
    for host in file.hosts:
        names.update((*host.anchors, *host.intermediates, *host.crls))
        if host.upstream_ca:
            names.add(host.upstream_ca)
    found = []
    for name in sorted(names):
        try:
            status = file.resolve(name).stat()
            found.append((name, status.st_mtime_ns, status.st_size))
        except OSError:
            found.append((name, 0, -1))
    return tuple(found)
