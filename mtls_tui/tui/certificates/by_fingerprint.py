"""Certificates that can be told by their fingerprint: files near the rule file, the authority's, saved requests'.

Reads files, so it runs beside the screen. Only certificates are looked at; keys are left alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from mtls_tui.files import near, read_bounded
from mtls_tui.pki import LoadError, facts, load_certificates
from mtls_tui.pki.authority import fingerprint
from mtls_tui.pki.inventory import Inventory, InventoryError
from mtls_tui.rulefile import RuleFile
from mtls_tui.tui.certificates.lines import common_name
from mtls_tui.tui.state.content import Probe

ENDINGS = (".pem", ".crt", ".cer", ".der", ".p7b")
LARGEST = 256 * 1024
"""Most bytes of a file that is looked at."""
MOST = 500


@dataclass(frozen=True, slots=True)
class NamedCertificate:
    """A certificate with its name; where it lies, relative to the rule file, or its PEM when it is in no file near."""

    name: str
    file: str = ""
    pem: str = ""
    facts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Fields as the rules see them, for a certificate that is in no file."""


def is_store(folder: Path) -> bool:
    """True if a folder holds one of our authorities."""
    return all((folder / name).is_file() for name in ("ca.pem", "inventory.db"))


def stores_of(file: RuleFile) -> tuple[Path, ...]:
    """The folders of our authorities that the file's hosts trust, in the order of the hosts."""
    names = (*file.anchors, *(anchor for host in file.hosts for anchor in host.anchors))
    folders = dict.fromkeys(file.resolve(name).parent for name in names if Path(name).name == "ca.pem")
    return tuple(folder for folder in folders if is_store(folder))


def files_near(folder: Path) -> Mapping[str, str]:
    """File by fingerprint of its first certificate: in a folder and one level below it."""
    found: dict[str, str] = {}
    looked = 0
    for path in near(folder, ENDINGS):
        if "key" in path.stem.lower() or looked >= MOST:
            continue
        try:
            data = read_bounded(path, LARGEST)
            looked += 1
            leaf = load_certificates(data)[0]
        except (OSError, LoadError, ValueError, IndexError):
            continue
        found.setdefault(fingerprint(leaf), os.path.relpath(path, folder))
    return found


def known(file: RuleFile, stores: Iterable[Path], probes: Iterable[Probe] = ()) -> dict[str, NamedCertificate]:
    """Every known certificate by fingerprint. Never raises: unreadable files are left out."""
    found: dict[str, NamedCertificate] = {}
    for folder in dict.fromkeys(stores):
        try:
            records = Inventory(folder / "inventory.db").all() if is_store(folder) else []
        except InventoryError:
            continue
        for record in records:
            found[record.fingerprint] = NamedCertificate(record.subject.removeprefix("CN="), pem=record.pem)
    for mark, path in files_near(file.folder).items():
        found[mark] = NamedCertificate(_name(file, path, found.get(mark)), path)
    for probe in probes:
        if probe.pem:
            mark, one = _pasted(probe.pem)
            if one is not None:
                found.setdefault(mark, one)
        elif "/" in probe.certificate or "." in probe.certificate:
            mark, name = _first(file.resolve(probe.certificate))
            if mark and not found.get(mark, NamedCertificate("")).file:
                found[mark] = NamedCertificate(name, probe.certificate)
    return found


def with_facts(one: NamedCertificate) -> NamedCertificate:
    """The same, with the certificate's fields if it is in no file."""
    if not one.pem or one.file:
        return one
    try:
        shown = facts(load_certificates(one.pem.encode())[0])
    except (LoadError, IndexError):
        return one
    texts = {name: _plain(value) for name, value in shown.items()}
    return NamedCertificate(one.name, one.file, one.pem, MappingProxyType(texts))


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _name(file: RuleFile, path: str, before: NamedCertificate | None) -> str:
    return before.name if before is not None else _first(file.folder / path)[1]


def _first(path: Path) -> tuple[str, str]:
    """Fingerprint and name of the first certificate of a file; empty when there is none."""
    try:
        leaf = load_certificates(read_bounded(path, LARGEST))[0]
        return fingerprint(leaf), common_name(leaf)
    except (OSError, LoadError, ValueError, IndexError):
        return "", ""


def _pasted(pem: str) -> tuple[str, NamedCertificate | None]:
    try:
        leaf = load_certificates(pem.encode())[0]
    except (LoadError, ValueError, IndexError):
        return "", None
    return fingerprint(leaf), NamedCertificate(common_name(leaf), pem=pem)
