"""Which revocation lists are in force, how old they are and where they came from: for the status and the metrics."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from mtls_tui.engine.policy import Policy
from mtls_tui.pki.crl import RevocationList
from mtls_tui.pki.load import crl_ders
from mtls_tui.pki.store import TrustStore


class CrlReport:
    """Works out the report of a policy once."""

    def __init__(self) -> None:
        self._policy: Policy | None = None
        self._report: list[dict[str, Any]] = []

    def of(self, policy: Policy, lists: Mapping[str, bytes]) -> list[dict[str, Any]]:
        """One entry per list, by issuer. `lists` is what is in force of each list file; times are POSIX seconds."""
        if policy is not self._policy:
            self._policy, self._report = policy, _report(policy, lists)
        return self._report


def _report(policy: Policy, lists: Mapping[str, bytes]) -> list[dict[str, Any]]:
    files = {hashlib.sha256(der).digest(): path for path, data in lists.items() if data for der in crl_ders(data)}
    found: dict[bytes, dict[str, Any]] = {}
    for host in policy.hosts.values():
        if host.store is None:
            continue
        for crl in host.store.crls:
            if crl.digest not in found:
                found[crl.digest] = _entry(crl, host.store, files.get(crl.digest, "bundle"))
            found[crl.digest]["hosts"].append(host.name)
    return sorted(found.values(), key=lambda one: (one["issuer"], one["key"], one["scope"], -one["number"]))


def _entry(crl: RevocationList, store: TrustStore, source: str) -> dict[str, Any]:
    named = (*store.anchors_by_subject.get(crl.issuer, ()), *store.intermediates_by_subject.get(crl.issuer, ()))
    return {
        "issuer": crl.issuer_name,
        "key": (crl.authority_key_identifier or b"").hex(),
        "scope": crl.scope,
        "number": crl.number,
        "this_update": crl.this_update,
        "next_update": crl.next_update,
        "entries": len(crl),
        # One in the name of an authority that only clients send: nobody can tell before one does.
        "checked": any(store.signed_crl(crl, authority) for authority in named),
        "from": source,
        "hosts": [],
    }
