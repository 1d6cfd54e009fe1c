"""From the bytes of a bundle to everything that the gateway needs of it: policy, host plans, certificates.

A state is whole or it is not made: whatever is missing or broken raises GatewayError, and nothing was changed.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from mtls_tui.engine.bundle import Bundle, BundleError, BundleHost, decode_file
from mtls_tui.engine.fresh_crls import crl_files, with_files
from mtls_tui.engine.policy import Policy
from mtls_tui.engine.signing import load_verify_key
from mtls_tui.gateway import credentials, crlfiles
from mtls_tui.gateway.credentials import Credentials
from mtls_tui.gateway.hostplan import Ask, HostPlan, Upstream
from mtls_tui.gateway.parts import parts_of
from mtls_tui.gateway.settings import GatewayError, Settings, is_ip
from mtls_tui.lang.catalogue import FIELDS

LARGEST_BUNDLE = 256 * 1024 * 1024
NO_LISTS: Mapping[str, bytes] = MappingProxyType({})

HOST = "http.host"
CERTIFICATE_PREFIX = "cf.tls_client_auth."


@dataclass(frozen=True, slots=True)
class State:
    """One bundle, ready to be enforced."""

    data: bytes
    digest: str
    """The bundle's own, as `export` prints it."""
    policy: Policy
    plans: tuple[HostPlan, ...]
    credentials: dict[str, Credentials]
    upstream_cas: dict[Path, bytes]
    pairs: tuple[tuple[Path, Path], ...]
    """Server certificate and key of each host, by file name; their change matters too."""
    lists: dict[str, bytes]
    """Revocation lists as they stand on disk, by the path that the bundle has."""
    list_files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    """What an operator should know and what stops nothing."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files beside the bundle, each once."""
        return tuple(dict.fromkeys((*(path for pair in self.pairs for path in pair), *self.list_files)))

    @property
    def asks(self) -> dict[str, Ask]:
        """What must be asked for each host."""
        return {plan.name: plan.ask for plan in self.plans}


def read_bundle(path: Path) -> bytes:
    """The file's bytes. GatewayError for anything that is no readable file."""
    try:
        if path.is_dir():
            raise GatewayError(f"{path}: is a directory, not a bundle")
        if path.exists() and not path.is_file():  # opening a pipe would wait for its writer
            raise GatewayError(f"{path}: is no regular file; name a file that `mtls-tui export` wrote")
        with path.open("rb") as file:
            data = file.read(LARGEST_BUNDLE + 1)
    except OSError as error:
        raise GatewayError(f"{path}: can't be read: {error.strerror}") from None
    if len(data) > LARGEST_BUNDLE:
        raise GatewayError(f"{path}: is larger than {LARGEST_BUNDLE} bytes: that is no bundle")
    return data


def make_state(
    path: Path, data: bytes, settings: Settings, ca_folder: Path, last: Mapping[str, bytes] = NO_LISTS
) -> State:
    """Everything of a bundle. `ca_folder` is where files with the trust of https upstreams will be.

    `last` are the revocation lists of the state before: no list of theirs is given up for an older one.
    """
    opened = open_bundle(path, data, settings.verify_key, last)
    policy, bundle = opened.policy, opened.bundle
    if not bundle.hosts:
        raise GatewayError(f"{path}: the bundle has no hosts: there is nothing to serve")
    pairs: dict[str, Credentials] = {}
    plans: list[HostPlan] = []
    cas: dict[Path, bytes] = {}
    files: list[tuple[Path, Path]] = []
    identities = bool(settings.upstream_headers)
    for host in bundle.hosts:
        if is_ip(host.name.strip("[]")):
            raise GatewayError(
                f"host {host.name}: clients send no server name for an address, so the gateway can't tell its "
                "connections; give the host a name"
            )
        pairs[host.name] = credentials.load(host.name, host.server_certificate, host.server_key)
        files.append((Path(str(host.server_certificate)), Path(str(host.server_key))))
        upstream = upstream_of(host, ca_folder, cas)
        fields = fields_read(host, policy)
        ask: Ask = ask_for(fields) if fields is not None else "nothing"
        if ask == "nothing" and host.mtls and identities:
            ask = "plain"  # the upstream learns of the certificate from our answer
        remember = ask == "plain" and only_certificate(fields)
        plans.append(HostPlan(host.name, host.mtls, upstream, ask, remember))
    list_files = tuple(Path(name) for name in crl_files(bundle))
    return State(
        data, opened.digest, policy, tuple(plans), pairs, cas, tuple(files), opened.lists, list_files, opened.notes
    )


class Opened(NamedTuple):
    """A bundle with the revocation lists that stand on disk now."""

    policy: Policy
    bundle: Bundle
    digest: str
    lists: dict[str, bytes]
    notes: tuple[str, ...]


def open_bundle(path: Path, data: bytes, verify_key: bytes | None, last: Mapping[str, bytes] = NO_LISTS) -> Opened:
    """A bundle's policy. GatewayError for a broken, unsigned or wrongly signed one, or a broken list on disk."""
    try:
        key = load_verify_key(verify_key) if verify_key is not None else None
        bundle, file = decode_file(data, key)
        lists, notes = crlfiles.read(bundle, last)
        fresh, older = with_files(bundle, lists)
        policy = Policy.from_bundle(fresh)
    except (BundleError, ValueError) as error:
        raise GatewayError(f"{path}: {error}") from None
    return Opened(policy, bundle, file.digest, lists, (*notes, *older))


def short(digest: str) -> str:
    """Enough of a digest for a person to tell two bundles apart."""
    return digest.removeprefix("sha256:")[:12]


def fields_read(host: BundleHost, policy: Policy) -> frozenset[str] | None:
    """The fields that rules read of a host's requests; None when no rule can match there."""
    ruleset = policy.ruleset
    if not ruleset.enabled:
        return None
    if host.name.startswith("*."):
        return ruleset.fields_read
    name = host.name.encode("ascii")
    rules = [ruleset.matcher(position) for position in ruleset.index.positions_for_host(name)]
    # A rule may name the host and still never match there, whatever else a request holds.
    matching = [rule for rule in rules if rule.unknown(rule.fields - {HOST})({HOST: name}) is not False]
    return frozenset().union(*(rule.fields for rule in matching)) if matching else None


def only_certificate(fields: frozenset[str] | None) -> bool:
    """Whether verdicts follow from host and certificate alone."""
    return all(name == HOST or name.startswith(CERTIFICATE_PREFIX) for name in fields or ())


def ask_for(fields: Iterable[str]) -> Ask:
    """The kind of question that carries these fields. A field that the language doesn't have counts as a header."""
    ask: Ask = "plain"
    for name in fields:
        parts = parts_of(name)
        if "body" in parts:
            return "body"
        if "headers" in parts or name not in FIELDS:
            ask = "headers"
    return ask


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
        raise GatewayError(f"host {host}: upstream `{text}` is no http:// or https:// URL")
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
