"""Client certificates that end soon, for the list of hosts: those that the authority of a host has issued.

Looked up in the authority's inventory, which stands beside its certificate; an anchor from elsewhere has none.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from mtls_tui.pki.inventory import Inventory, InventoryError, Record
from mtls_tui.rulefile import RuleFile
from mtls_tui.simulate.certificate_facts import span
from mtls_tui.tui.state.results import CertificateLine

SOON = timedelta(days=30)
LARGEST = 64 * 1024 * 1024
"""Most bytes of an inventory that is searched on every change of the rules."""


def inventory_of(anchor: Path) -> Path | None:
    """The inventory beside an authority's certificate; None if this program does not manage the authority."""
    path = anchor.with_name("inventory.db")
    return path if anchor.name == "ca.pem" and path.is_file() else None


def stamps(file: RuleFile) -> tuple[tuple[str, int], ...]:
    """Time of change of the inventories of all anchors: what was found holds as long as these stay."""
    names = {*file.anchors, *(anchor for host in file.hosts for anchor in host.anchors)}
    found = []
    for name in sorted(names):
        try:
            path = inventory_of(file.resolve(name))
            if path is not None:
                found.append((name, path.stat().st_mtime_ns))
        except OSError:
            continue
    return tuple(found)


def clients(anchor: Path, now: datetime) -> list[CertificateLine]:
    """A line when certificates that this authority issued end soon."""
    try:
        path = inventory_of(anchor)
        if path is None or not 0 < path.stat().st_size <= LARGEST:
            return []
        words = soon_words(Inventory(path).all(), now)
    except (OSError, InventoryError):
        return []  # the authority's board tells what is wrong with it
    return [CertificateLine(words, "warn")] if words else []


def soon_words(records: list[Record], now: datetime) -> str:
    """Which clients' certificates end soon, in words; "" if none does."""
    soon = [one for one in records if one.status(now) == "valid" and one.not_after - now <= SOON]
    if not soon:
        return ""
    first = min(soon, key=lambda one: one.not_after)
    left = span(first.not_after - now)
    name = first.subject.removeprefix("CN=")
    return f"↳ {name} · {left} left !" if len(soon) == 1 else f"↳ {len(soon)} clients · {left} !"
