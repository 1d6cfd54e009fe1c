"""A policy: the hosts, trust stores and rules of a bundle, ready to decide. One road for simulator, tests and gateway.

It fails closed: a request to a host that the policy doesn't have, one that can't be understood, and any error while
deciding are blocks. It reads no files and knows no sockets; the time is given, or is now.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from mtls_tui import pki
from mtls_tui.engine import hostnames
from mtls_tui.engine.bundle import Bundle, BundleError, BundleHost
from mtls_tui.engine.fields import EXTRACTORS, Extractor, RequestView, compute
from mtls_tui.engine.fields_of import canonical_field
from mtls_tui.engine.from_bundle import lists_of, rules_of
from mtls_tui.engine.model import BLOCKED_BY_ERROR, Decision, HttpRequest, Request
from mtls_tui.engine.ruleset import Ruleset
from mtls_tui.engine.signing import load_verify_key
from mtls_tui.lang.catalogue import parts_of
from mtls_tui.lang.types import FieldValue

Chain: TypeAlias = Sequence[x509.Certificate | bytes]
When: TypeAlias = "datetime | float | None"

FACTS_BYTES = 32 * 1024 * 1024
"""What the fields of verified chains may take in one process; of one client's certificate one chain is remembered."""
FACTS_MAX_BYTES = 32 * 1024
"""The fields of a longer chain are worked out again each time."""
CERTIFICATE_FIELDS = "cf.tls_client_auth."


class PolicyError(ValueError):
    """A bundle from which no policy can be made: what is wrong, and `cure`, what to do."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(f"{message}; {cure}" if cure else message)
        self.message, self.cure = message, cure


@dataclass(frozen=True, slots=True, eq=False)
class Host:
    """One host of a policy. `name` is the comparable form; `store` is None when no certificate is asked for."""

    name: str
    mtls: bool
    store: pki.TrustStore | None
    settings: BundleHost
    _owner: object = field(default_factory=object, repr=False)
    """Stands for the host in what is remembered, which so keeps no host of an old policy alive."""


@dataclass(frozen=True, slots=True)
class _Known:
    """The fields of a chain as they follow from one verification."""

    verification: pki.Verification
    needed: Mapping[str, FieldValue]


_FACTS: pki.Memory[_Known] = pki.Memory(FACTS_BYTES)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request.

    `host` is None when the policy has no such host; `verification` is None when none took place (no such host, a host
    that asks for no certificate, an error). `request` has the fields that the decision was made on.
    """

    decision: Decision
    request: Request
    verification: pki.Verification | None = None
    host: Host | None = None

    @property
    def blocked(self) -> bool:
        """Whether the request goes no further."""
        return self.decision.blocked


_NOBODY = Decision("block", reason="no such host in this policy")
_AMBIGUOUS = Decision("block", reason="the path is ambiguous: normalised again, it means another path")
_EMPTY = Request({})


class Policy:
    """Hosts, trust and rules. Immutable; safe to share between threads."""

    def __init__(self, hosts: Sequence[Host], ruleset: Ruleset, *, digest: str = "") -> None:
        self.hosts: Mapping[str, Host] = {host.name: host for host in hosts}
        self.ruleset = ruleset
        self.digest = digest
        """The digest of the bundle that it was made from."""
        self.needs: frozenset[str] = ruleset.fields_read
        """Canonical names of the fields that some enabled rule reads."""
        self._facts_needed = tuple(sorted(name for name in self.needs if name.startswith(CERTIFICATE_FIELDS)))
        self._extractors: tuple[tuple[str, Extractor], ...] = tuple(
            (name, EXTRACTORS[name]) for name in sorted(self.needs) if name in EXTRACTORS
        )
        reads_paths = any("path" in parts_of(name) for name in self.needs)
        self.paths_matter = frozenset(
            host.name
            for host in hosts
            if reads_paths and (host.name.startswith("*.") or ruleset.may_match_host(host.name))
        )
        """The hosts where an ambiguous path is refused. Where no rule can look at a path, none can be fooled by it (and
        the gateway may not even ask)."""
        absent = pki.facts_absent()
        self._absent: dict[str, FieldValue] = {name: absent[name] for name in self._facts_needed if name in absent}

    # --- making --------------------------------------------------------------------------------------------------

    @classmethod
    def from_bundle_bytes(cls, data: bytes, verify_key: Ed25519PublicKey | bytes | None = None) -> Policy:
        """The policy in a bundle file's bytes; with a key (an object, or PEM), only if it signed the bundle.

        Raises `BundleError` or `PolicyError`.
        """
        key = load_verify_key(verify_key) if isinstance(verify_key, bytes) else verify_key
        return cls.from_bundle(Bundle.decode(data, key))

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> Policy:
        """The policy of a bundle. Raises `PolicyError` for what can't be enforced."""
        stores: dict[tuple[object, ...], pki.TrustStore] = {}
        hosts: dict[str, Host] = {}
        for settings in bundle.hosts:
            try:
                name = hostnames.configured(settings.name)
            except hostnames.HostnameError as error:
                raise PolicyError(f"host `{settings.name}`: no host name: {error}", "correct the name") from None
            if name in hosts:
                raise PolicyError(f"host `{name}` stands twice", "merge the two")
            store = _store(bundle, settings, stores) if settings.mtls else None
            hosts[name] = Host(name, settings.mtls, store, settings)
        try:
            ruleset = Ruleset(rules_of(bundle), lists_of(bundle))
        except BundleError as error:
            raise PolicyError(error.message, error.cure) from None
        except ValueError as error:
            raise PolicyError(str(error), "correct the rule or list") from None
        return cls(tuple(hosts.values()), ruleset, digest=bundle.digest)

    # --- deciding ------------------------------------------------------------------------------------------------

    def host(self, name: str) -> Host | None:
        """The host for a name as it stands in a Host header or SNI; the most specific wildcard wins."""
        found = self.hosts.get(name)
        if found is not None and not name.startswith("*"):
            return found
        return hostnames.most_specific(hostnames.normalise(name), self.hosts)

    def verify(self, host: Host, chain: Chain, at: When = None) -> pki.Verification | None:
        """What a host makes of a chain, leaf first as presented; None on a host that asks for no certificate."""
        if host.store is None:
            return None
        return pki.verify(tuple(chain), host.store, _seconds(at))

    def request(
        self, http: HttpRequest, chain: Chain = (), at: When = None, *, everything: bool = False
    ) -> tuple[Request, pki.Verification | None]:
        """The values of the fields of a request, and the verification of its certificate.

        Computes what the rules read, with `everything` all that can be known. Values in `http.overrides` win.
        Raises ValueError if a part of the request that is asked for makes no sense.
        """
        now = _now(http, at)
        host = self.host(http.host)
        fields, verification = self._certificate_fields(host, chain, now, everything)
        extractors = EXTRACTORS.items() if everything else self._extractors
        fields.update(compute(RequestView(http, now), extractors))
        if http.overrides:
            fields.update((canonical_field(name), value) for name, value in http.overrides.items())
        return Request(fields), verification

    def decide(self, http: HttpRequest, chain: Chain = (), at: When = None, *, everything: bool = False) -> Outcome:
        """What becomes of a request. Never raises: any error is a block.

        `chain` is what the client presented, leaf first (certificates or DER or PEM bytes); `at` is a time (aware, or
        POSIX seconds) and defaults to the request's, else to now.
        """
        host = None
        try:
            host = self.host(http.host)
            if host is None:
                request = self.request(http, chain, at, everything=True)[0] if everything else _EMPTY
                return Outcome(_NOBODY, request)
            now = _now(http, at)  # one instant for the certificate and for every field that tells the time
            view = RequestView(http, now)
            fields, verification = self._certificate_fields(host, chain, now, everything)
            fields.update(compute(view, EXTRACTORS.items() if everything else self._extractors))
            if http.overrides:
                fields.update((canonical_field(name), value) for name, value in http.overrides.items())
            request = Request(fields)
            if host.name in self.paths_matter and view.ambiguous:
                return Outcome(_AMBIGUOUS, request, verification, host)
            return Outcome(self.ruleset.decide(request), request, verification, host)
        except Exception as error:
            reason = f"{BLOCKED_BY_ERROR}: {type(error).__name__}: {error}"
            return Outcome(Decision("block", reason=reason), _EMPTY, None, host)

    def _certificate_fields(
        self, host: Host | None, chain: Chain, now: float, everything: bool
    ) -> tuple[dict[str, FieldValue], pki.Verification | None]:
        if host is None or host.store is None:
            # A host that asks for no certificate knows nothing of one, whatever a client or proxy says.
            return (dict(pki.facts_absent()) if everything else dict(self._absent)), None
        key = chain if type(chain) is tuple else tuple(chain)
        verification = pki.verify(key, host.store, now)
        if not key:
            return (dict(pki.facts_absent()) if everything else dict(self._absent)), verification
        if everything:
            return dict(pki.facts(key[0], key[1:], verification)), verification
        known = _FACTS.get((host._owner, key[0]))
        if known is None or known.verification is not verification:
            # A verification is of one chain alone, so its identity stands for the chain's.
            facts = pki.facts(key[0], key[1:], verification)
            known = _Known(verification, {name: facts[name] for name in self._facts_needed if name in facts})
            # Only chains that verify: strangers must not fill the memory.
            if verification.verified:
                size = sum(len(item) if isinstance(item, bytes) else 2048 for item in key)
                if size <= FACTS_MAX_BYTES:
                    size += sum(len(fact) for fact in facts.values() if isinstance(fact, bytes))
                    _FACTS.put((host._owner, key[0]), known, size)
        return dict(known.needed), verification


def _store(bundle: Bundle, host: BundleHost, made: dict[tuple[object, ...], pki.TrustStore]) -> pki.TrustStore:
    """The trust store of a host; hosts with equal settings share one, and with it what was verified."""
    anchors = (*bundle.anchors, *host.anchors)
    intermediates = (*bundle.intermediates, *host.intermediates)
    crls = (*bundle.crls, *host.crls)
    revocation: Literal["chain", "leaf"] = host.revocation or "chain"
    key = (anchors, intermediates, crls, host.crl_policy, revocation)
    if key not in made:
        try:
            made[key] = pki.TrustStore(
                anchors=[pem.encode() for pem in anchors],
                intermediates=[pem.encode() for pem in intermediates],
                crls=[pem.encode() for pem in crls],
                crl_policy=host.crl_policy,
                revocation=revocation,
            )
        except (pki.StoreError, pki.LoadError, ValueError) as error:
            raise PolicyError(f"host `{host.name}`: {error}", "") from None
    return made[key]


def _now(http: HttpRequest, at: When) -> float:
    if at is None:
        at = http.at
    return _seconds(at)


def _seconds(at: When) -> float:
    if at is None:
        return time.time()
    if isinstance(at, datetime):
        return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
    return float(at)


__all__ = ["BundleError", "Host", "Outcome", "Policy", "PolicyError"]
