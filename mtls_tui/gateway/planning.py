"""From the bytes of a bundle to everything that the gateway needs of it: policy, host plans, certificates.

A state is whole or it is not made: whatever is missing or broken raises GatewayError, and nothing was changed.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, TypeAlias
from urllib.parse import SplitResult, urlsplit

from mtls_tui.engine.bundle import Bundle, BundleError, BundleHost, decode_file
from mtls_tui.engine.fresh_crls import crl_files, with_files
from mtls_tui.engine.policy import Policy
from mtls_tui.engine.signing import load_verify_key
from mtls_tui.files import FileError, read_bounded
from mtls_tui.gateway import credentials, crlfiles
from mtls_tui.gateway.credentials import Credentials
from mtls_tui.gateway.crlstore import CrlStore
from mtls_tui.gateway.envoy.hostplan import Ask, HostPlan, Upstream
from mtls_tui.gateway.parts import reads_edge
from mtls_tui.gateway.reload import Mark, marks
from mtls_tui.gateway.roads import plan_of
from mtls_tui.gateway.settings import GatewayError, Settings, is_ip
from mtls_tui.pki.crl import reading_lists_once

LARGEST_BUNDLE = 256 * 1024 * 1024
Pair: TypeAlias = tuple[Path, Path]
"""The files of a server certificate and its key."""


@dataclass(frozen=True, slots=True)
class ReadyBundle:
    """One bundle, ready to be enforced."""

    data: bytes
    digest: str
    """The bundle's own, as `export` prints it."""
    bundle: Bundle
    policy: Policy
    plans: tuple[HostPlan, ...]
    credentials: dict[str, Credentials]
    upstream_cas: dict[Path, bytes]
    pairs: dict[str, Pair]
    """By host; their change matters too."""
    lists: dict[str, bytes]
    """What is in force of the revocation list files, by the path that the bundle has."""
    list_notes: tuple[str, ...] = ()
    """What an operator should know of the revocation lists and what stops nothing."""
    rule_notes: tuple[str, ...] = ()
    """Likewise of the rules."""
    refused_lists: tuple[str, ...] = ()
    """Revocation lists that stand on disk and are not in force, and why."""
    refused_pairs: tuple[str, ...] = ()
    """Server certificates and keys likewise: those loaded before are shown."""
    seen: dict[Path, Mark] = field(default_factory=dict)
    """The files beside the bundle, with their marks from before they were read."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What an operator should know and what stops nothing."""
        return (*self.rule_notes, *self.list_notes)

    @property
    def refused(self) -> tuple[str, ...]:
        """What stands on disk beside the bundle and is not in force, and why."""
        return (*self.refused_lists, *self.refused_pairs)

    @property
    def loaded(self) -> dict[Pair, Credentials]:
        """Server certificates by their files."""
        return {pair: self.credentials[host] for host, pair in self.pairs.items()}

    @property
    def asks(self) -> dict[str, Ask]:
        """What must be asked for each host."""
        return {plan.name: plan.ask for plan in self.plans}


def read_bundle(path: Path) -> bytes:
    """The file's bytes. Raises GatewayError if it is not a readable file."""
    try:
        return read_bounded(path, LARGEST_BUNDLE, "bundle that `mtls-tui export` wrote")
    except FileError as error:
        raise GatewayError(str(error)) from None


def make_state(
    path: Path,
    data: bytes,
    settings: Settings,
    ca_folder: Path,
    store: CrlStore | None = None,
    before: ReadyBundle | None = None,
) -> ReadyBundle:
    """Everything of a bundle. `ca_folder` is where files with the trust of https upstreams will be.

    `store` knows the revocation lists that were in force: none is given up for an older one. `before` is the state that
    runs, if any: where a file of its is broken now, what was loaded from it stays. Without one whatever is broken
    raises GatewayError, but for a list file of which `store` knows what was in force.
    """
    opened = open_bundle(path, data, settings.verify_key, store, strict=before is None)
    policy, bundle = opened.policy, opened.bundle
    if not bundle.hosts:
        raise GatewayError(f"{path}: the bundle has no hosts: there is nothing to serve")
    plans: list[HostPlan] = []
    cas: dict[Path, bytes] = {}
    pairs: dict[str, Pair] = {}
    for host in bundle.hosts:
        if is_ip(host.name.strip("[]")):
            raise GatewayError(
                f"host {host.name}: clients send no server name for an address, so the gateway can't tell its "
                "connections; give the host a name"
            )
        pairs[host.name] = credentials.files(host.name, host.server_certificate, host.server_key)
        plans.append(plan_of(host, upstream_of(host, ca_folder, cas), policy, settings))
    seen = opened.seen | marks(file for pair in pairs.values() for file in pair)
    loaded, refused = load_pairs(pairs, before.loaded if before is not None else {})
    return ReadyBundle(
        data=data,
        digest=opened.digest,
        bundle=bundle,
        policy=policy,
        plans=tuple(plans),
        credentials=loaded,
        upstream_cas=cas,
        pairs=pairs,
        lists=opened.lists,
        list_notes=opened.notes,
        rule_notes=tuple(filter(None, (reads_edge(policy),))),
        refused_lists=opened.refused,
        refused_pairs=refused,
        seen=seen,
    )


def load_pairs(
    pairs: Mapping[str, Pair], before: Mapping[Pair, Credentials]
) -> tuple[dict[str, Credentials], tuple[str, ...]]:
    """The server certificate of each host, and what is broken.

    Raises GatewayError if nothing is known from `before`.
    """
    loaded: dict[Pair, Credentials] = {}
    refused: list[str] = []
    for host, pair in pairs.items():
        if pair in loaded:
            continue
        try:
            loaded[pair] = credentials.load(host, *pair)
        except GatewayError as error:
            if pair not in before:
                raise
            loaded[pair] = before[pair]
            refused.append(str(error))
    return {host: loaded[pair] for host, pair in pairs.items()}, tuple(refused)


def renewed_pairs(state: ReadyBundle) -> ReadyBundle:
    """The state with server certificates and keys as they stand on disk now; broken ones stay as they are."""
    seen = state.seen | marks(file for pair in state.pairs.values() for file in pair)
    loaded, refused = load_pairs(state.pairs, state.loaded)
    return replace(state, credentials=loaded, refused_pairs=refused, seen=seen)


@reading_lists_once()
def renewed_lists(state: ReadyBundle) -> ReadyBundle:
    """The state with the newest revocation lists, of those on disk now and those in force."""
    paths = crl_files(state.bundle)
    seen = state.seen | marks(map(Path, paths))
    read = crlfiles.read(state.bundle, state.lists)
    refused = tuple(line for lines in read.refused.values() for line in lines)
    if read.lists == state.lists:
        return replace(state, list_notes=read.notes, refused_lists=refused, seen=seen)
    fresh, older = with_files(state.bundle, read.lists)
    policy = Policy.from_bundle(fresh)
    notes = (*read.notes, *older)
    return replace(state, policy=policy, lists=read.lists, list_notes=notes, refused_lists=refused, seen=seen)


class Opened(NamedTuple):
    """A bundle with the newest revocation lists."""

    policy: Policy
    bundle: Bundle
    digest: str
    lists: dict[str, bytes]
    notes: tuple[str, ...]
    refused: tuple[str, ...]
    """Lists that stand on disk and are not in force, and why."""
    seen: dict[Path, Mark]
    """The list files, with their marks from before they were read."""


@reading_lists_once()
def open_bundle(
    path: Path, data: bytes, verify_key: bytes | None, store: CrlStore | None = None, *, strict: bool = True
) -> Opened:
    """A bundle's policy. Raises GatewayError for a broken, unsigned or wrongly signed one.

    When `strict`, also for a broken list file of which `store` doesn't know what was in force.
    """
    try:
        key = load_verify_key(verify_key) if verify_key is not None else None
        bundle, file = decode_file(data, key)
        paths = crl_files(bundle)
        known = store.recall(paths) if store is not None else {}
        seen = marks(map(Path, paths))
        read = crlfiles.read(bundle, known)
        for name, why in read.refused.items():
            if strict and name not in known:
                raise GatewayError(why[0])
        fresh, older = with_files(bundle, read.lists)
        policy = Policy.from_bundle(fresh)
    except (BundleError, ValueError) as error:
        raise GatewayError(f"{path}: {error}") from None
    refused = tuple(line for lines in read.refused.values() for line in lines)
    return Opened(policy, bundle, file.digest, read.lists, (*read.notes, *older), refused, seen)


def short(digest: str) -> str:
    """Enough of a digest for a person to tell two bundles apart."""
    return digest.removeprefix("sha256:")[:12]


def upstream_of(host: BundleHost, ca_folder: Path, cas: dict[Path, bytes]) -> Upstream:
    """The upstream of a host; the trust of https ones is added to `cas`."""
    if not host.upstream:
        raise GatewayError(f"host {host.name}: `upstream` is not set; give it a URL such as http://127.0.0.1:8080")
    try:
        url = urlsplit(host.upstream)
        port = url.port
    except ValueError as error:
        raise GatewayError(f"host {host.name}: upstream `{host.upstream}`: {error}") from None
    _check_url(host.name, host.upstream, url)
    name = str(url.hostname)
    if url.scheme == "http":
        return Upstream(name, port or 80)
    if host.upstream_ca is not None:
        pem = host.upstream_ca.encode()
        ca = ca_folder / f"{hashlib.sha256(pem).hexdigest()[:32]}.pem"
        cas[ca] = pem
    else:
        ca = system_trust(host.name)
    return Upstream(name, port or 443, tls=True, name=name, ca=ca)


def _check_url(host: str, text: str, url: SplitResult) -> None:
    if url.scheme not in ("http", "https") or not url.hostname:
        raise GatewayError(f"host {host}: upstream `{text}` is not an http:// or https:// URL")
    if url.username is not None or url.query or url.fragment or url.path not in ("", "/"):
        raise GatewayError(f"host {host}: upstream `{text}`: only scheme, host and port are taken")


def system_trust(host: str) -> Path:
    """The system's bundle of public authorities, for https upstreams without one of their own."""
    paths = ssl.get_default_verify_paths()
    candidates = (paths.cafile, paths.openssl_cafile, "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/cert.pem")
    for candidate in candidates:
        if candidate and Path(candidate).is_file():
            return Path(candidate)
    raise GatewayError(
        f"host {host}: the upstream is https, but this machine has no bundle of authorities; set `upstream_ca`"
    )
