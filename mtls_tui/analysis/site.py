"""What decides about requests besides the rules: the hosts, which of them ask for certificates, and whom they trust.

Plain data that two versions of a policy can be compared by. Looks into no certificate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

from mtls_tui.engine import hostnames
from mtls_tui.engine.bundle import Bundle, BundleHost
from mtls_tui.engine.from_bundle import lists_of, rules_of
from mtls_tui.engine.ruleset import Ruleset


@dataclass(frozen=True, slots=True)
class Trust:
    """By what a host judges certificates: PEM texts, order and repetition aside, and how revocation is asked."""

    anchors: frozenset[str] = frozenset()
    intermediates: frozenset[str] = frozenset()
    crls: frozenset[str] = frozenset()
    crl_policy: str = "soft"
    revocation: str = "chain"
    crl_files: frozenset[str] = frozenset()
    """Names, without their folders, of the files that newer revocation lists come from."""

    def changes(self, after: Trust) -> str:
        """In words, what another trust has otherwise; "" when it judges alike."""
        return ", ".join(
            [
                *_counted(self.anchors, after.anchors, "trust anchor"),
                *_counted(self.intermediates, after.intermediates, "intermediate"),
                *_counted(self.crls, after.crls, "revocation list"),
                *_counted(self.crl_files, after.crl_files, "file of revocation lists", "files of revocation lists"),
                *_changed(self.crl_policy, after.crl_policy, "crl_policy"),
                *_changed(self.revocation, after.revocation, "revocation"),
            ]
        )


@dataclass(frozen=True, slots=True)
class HostSettings:
    """One host: whether it asks clients for a certificate, and by what it judges one."""

    mtls: bool = True
    trust: Trust = field(default_factory=Trust)


@dataclass(frozen=True, slots=True)
class Site:
    """Rules and the hosts that they stand before. Names are in comparable form (`hostnames.configured`)."""

    ruleset: Ruleset
    hosts: Mapping[str, HostSettings]

    @classmethod
    def of(cls, bundle: Bundle) -> Site:
        """The site of a bundle. Raises ValueError for rules or lists that no ruleset can be made of."""
        hosts = {hostnames.configured(host.name): _settings(bundle, host) for host in bundle.hosts}
        return cls(Ruleset(rules_of(bundle), lists_of(bundle)), hosts)

    def serving(self, name: str) -> HostSettings | None:
        """The settings for requests to a name, or to the names of a wildcard that no other host has; None: refused."""
        return hostnames.serving(name, self.hosts)


def _settings(bundle: Bundle, host: BundleHost) -> HostSettings:
    crls = frozenset((*bundle.crls, *host.crls))
    trust = Trust(
        frozenset((*bundle.anchors, *host.anchors)),
        frozenset((*bundle.intermediates, *host.intermediates)),
        crls,
        host.crl_policy or ("require" if crls else "soft"),
        host.revocation or "chain",
        frozenset(PurePath(path).name for path in (*bundle.crl_files, *host.crl_files)),
    )
    return HostSettings(host.mtls, trust)


def _counted(before: frozenset[str], after: frozenset[str], noun: str, several: str = "") -> Iterator[str]:
    for count, verb in ((len(after - before), "added"), (len(before - after), "removed")):
        if count:
            yield f"{count} {noun if count == 1 else several or noun + 's'} {verb}"


def _changed(before: str, after: str, name: str) -> Iterator[str]:
    if before != after:
        yield f"{name} was {before} and is {after}"
