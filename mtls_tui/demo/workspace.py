"""The demo's folder: two authorities, client certificates, a server certificate, a rule file. Overwrites nothing.

demo.rules.toml   two hosts with mTLS, one without
ca/               the authority that the mTLS hosts trust (a store for `mtls-tui certs --store`)
foreign/          another authority, which nobody trusts
clients/          NAME.pem and NAME.key: good, expired, revoked, foreign, server_purpose, laptop
server/           the gateway's certificate and the authority to give to `curl --cacert`
demo.json         marks the folder as ours and keeps the ports
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui.pki import issue
from mtls_tui.pki.authority import Authority, Issued, key_pem, write_atomically
from mtls_tui.pki.issue import DAY, Issuer

MTLS_HOSTS = ("api.localhost", "pay.localhost")
PLAIN_HOST = "www.localhost"
Client: TypeAlias = Literal["none", "good", "expired", "revoked", "foreign", "server_purpose"]
CLIENTS: tuple[Client, ...] = ("none", "good", "expired", "revoked", "foreign", "server_purpose")
REVOKED_LATER = "laptop"
"""A good certificate that the tour revokes while the gateway runs."""
MARKER = "demo.json"


class DemoError(Exception):
    """The folder or a port can't be used; the message names it and the cure."""


@dataclass(frozen=True, slots=True)
class Ports:
    """TCP ports on loopback."""

    gateway: int
    upstream: int
    status: int


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where everything is."""

    folder: Path
    ports: Ports

    @property
    def rules(self) -> Path:
        """The rule file."""
        return self.folder / "demo.rules.toml"

    @property
    def bundle(self) -> Path:
        """What the gateway runs."""
        return self.folder / "demo.bundle.json"

    @property
    def server_authority(self) -> Path:
        """For `curl --cacert`."""
        return self.folder / "server" / "ca.pem"

    def certificate(self, client: str) -> Path | None:
        """The PEM of a client; None for `none`."""
        return None if client == "none" else self.folder / "clients" / f"{client}.pem"

    def key(self, client: str) -> Path | None:
        """The private key of a client; None for `none`."""
        return None if client == "none" else self.folder / "clients" / f"{client}.key"

    @property
    def store(self) -> Path:
        """The folder of the trusted authority."""
        return self.folder / "ca"


def open_or_make(folder: Path, at: datetime, *, port: int | None = None) -> Workspace:
    """The workspace of a folder: an existing one as it is, else a new one. DemoError when the folder is somebody else's."""
    marker = folder / MARKER
    if marker.exists():
        try:
            ports = msgspec.json.decode(marker.read_bytes(), type=Ports)
        except (OSError, msgspec.MsgspecError) as error:
            raise DemoError(f"{marker}: can't be read ({error}); remove the folder or choose another one") from None
        if port is not None:
            ports = Ports(port, ports.upstream, ports.status)
        return Workspace(folder, ports)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DemoError(
            f"{folder} exists and is no demo workspace; choose an empty or new folder: mtls-tui demo FOLDER"
        )
    gateway, status, upstream = free_ports(port or 8443, 9443, 8080)
    workspace = Workspace(folder, Ports(gateway=gateway, upstream=upstream, status=status))
    try:
        _fill(workspace, at)
        write_atomically(marker, msgspec.json.format(msgspec.json.encode(workspace.ports)), 0o644)
    except OSError as error:
        raise DemoError(f"{error.filename or folder}: can't be written: {error.strerror}") from None
    return workspace


def free_ports(*wanted: int) -> list[int]:
    """For each wanted port, it or one of the next hundred that is free on loopback and not given already."""
    given: list[int] = []
    for first in wanted:
        for port in range(first, first + 100):
            if port not in given and port_is_free(port):
                given.append(port)
                break
        else:
            raise DemoError(f"no port from {first} to {first + 99} is free on 127.0.0.1; stop what holds them")
    return given


def port_is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _fill(workspace: Workspace, at: datetime) -> None:
    folder = workspace.folder
    for name in ("clients", "server"):
        (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    authority = Authority.init(workspace.store, cn="Demo client authority", at=at)
    foreign = Authority.init(folder / "foreign", cn="Foreign authority", at=at)
    for name in ("good", REVOKED_LATER):
        _write_client(workspace, name, authority.issue(cn=f"{name}-client", at=at))
    _write_client(workspace, "expired", authority.issue(cn="expired-client", at=at, days=30, not_before=at - 33 * DAY))
    _write_client(workspace, "foreign", foreign.issue(cn="foreign-client", at=at))
    server = authority.issue(cn="server-purpose-client", at=at, purpose="server", sans=["dns:client.example"])
    _write_client(workspace, "server_purpose", server)
    revoked = authority.issue(cn="revoked-client", at=at)
    _write_client(workspace, "revoked", revoked)
    authority.revoke(revoked.record.serial, reason="keyCompromise", at=at)
    _write_server(workspace, at)
    good = (
        authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest.hex().upper()
    )
    text = RULES.format(upstream=workspace.ports.upstream, issuer_ski=good)
    write_atomically(workspace.rules, text.encode("utf-8"), 0o644)
    commands = COMMANDS.format(port=workspace.ports.gateway)
    write_atomically(folder / "README.md", commands.encode("utf-8"), 0o644)


def _write_client(workspace: Workspace, name: str, issued: Issued) -> None:
    assert issued.key is not None
    write_atomically(workspace.folder / "clients" / f"{name}.key", key_pem(issued.key), 0o600)
    write_atomically(workspace.folder / "clients" / f"{name}.pem", issued.certificate_pem(), 0o644)


def _write_server(workspace: Workspace, at: datetime) -> None:
    begin = issue.whole_seconds(at - timedelta(minutes=5))
    key = issue.generate_key()
    root = issue.self_signed_authority(
        issue.common_name("Demo server authority"), key, not_before=begin, not_after=begin + 3650 * DAY
    )
    server_key = issue.generate_key()
    names = [x509.DNSName(name) for name in (*MTLS_HOSTS, PLAIN_HOST)]
    server = issue.end_entity(
        Issuer(root, key), issue.common_name("mtls-tui demo"), server_key.public_key(),
        not_before=begin, not_after=begin + 365 * DAY, purpose="server", alternative_names=names,
    )  # fmt: skip
    folder = workspace.folder / "server"
    write_atomically(folder / "ca.pem", root.public_bytes(Encoding.PEM), 0o644)
    write_atomically(folder / "server.key", key_pem(server_key), 0o600)
    write_atomically(folder / "server.pem", server.public_bytes(Encoding.PEM), 0o644)


RULES = """\
# The demo's rules. Change them in the UI or here, export, and the running gateway takes them over.
version = 1

[[hosts]]
name = "api.localhost"
mtls = true
anchors = ["ca/ca.pem"]
crls = ["ca/ca.crl"]
upstream = "http://127.0.0.1:{upstream}"
server_certificate = "server/server.pem"
server_key = "server/server.key"

[[hosts]]
name = "pay.localhost"
mtls = true
anchors = ["ca/ca.pem"]
crls = ["ca/ca.crl"]
upstream = "http://127.0.0.1:{upstream}"
server_certificate = "server/server.pem"
server_key = "server/server.key"

# A host without mTLS: its clients are not asked for a certificate.
[[hosts]]
name = "www.localhost"
mtls = false
upstream = "http://127.0.0.1:{upstream}"
server_certificate = "server/server.pem"
server_key = "server/server.key"

# A revoked certificate still counts as verified: both have to be asked. Webhooks come without a certificate.
[[rules]]
ref = "mtls-required"
description = "Only clients with a valid, unrevoked certificate"
expression = '''(http.host in {{"api.localhost" "pay.localhost"}} and (not cf.tls_client_auth.cert_verified or cf.tls_client_auth.cert_revoked) and not starts_with(http.request.uri.path, "/hook/"))'''
action = "block"
response = {{ status = 403, content_type = "application/json", body = '{{"error":"client certificate required"}}' }}

# Whoever adds a second authority later doesn't open /admin to its clients.
[[rules]]
ref = "admin-pinned"
description = "The administration is for certificates of our own authority only"
expression = '''(http.host eq "pay.localhost" and starts_with(http.request.uri.path, "/admin") and cf.tls_client_auth.cert_issuer_ski ne "{issuer_ski}")'''
action = "block"

[[tests]]
name = "a good certificate gets in"
url = "https://api.localhost/v1/items"
certificate = "clients/good.pem"
expect = {{ action = "allow" }}

[[tests]]
name = "no certificate is blocked"
url = "https://api.localhost/v1/items"
certificate = "none"
expect = {{ action = "block", rule = "mtls-required" }}

[[tests]]
name = "an expired certificate is blocked"
url = "https://pay.localhost/"
certificate = "clients/expired.pem"
expect = {{ action = "block", rule = "mtls-required" }}

[[tests]]
name = "a revoked certificate is blocked"
url = "https://api.localhost/v1/items"
certificate = "clients/revoked.pem"
expect = {{ action = "block", rule = "mtls-required" }}

[[tests]]
name = "webhooks need no certificate"
url = "https://pay.localhost/hook/stripe"
method = "POST"
certificate = "none"
expect = {{ action = "allow" }}

[[tests]]
name = "administration needs our own authority"
url = "https://pay.localhost/admin"
certificate = "none"
set = {{ "cf.tls_client_auth.cert_verified" = true, "cf.tls_client_auth.cert_issuer_ski" = "00" }}
expect = {{ action = "block", rule = "admin-pinned" }}
"""

COMMANDS = """\
# The demo's workspace

    mtls-tui demo.rules.toml                              # the UI
    mtls-tui test demo.rules.toml                         # the file's own tests
    mtls-tui simulate demo.rules.toml --url https://api.localhost/ --cert clients/expired.pem --explain
    mtls-tui export demo.rules.toml -o demo.bundle.json
    mtls-tui serve demo.bundle.json --listen 127.0.0.1:{port}

While the gateway runs, in another terminal:

    curl --cacert server/ca.pem https://api.localhost:{port}/
    curl --cacert server/ca.pem --cert clients/good.pem --key clients/good.key https://api.localhost:{port}/
    curl --cacert server/ca.pem --cert clients/expired.pem --key clients/expired.key https://api.localhost:{port}/

Revoke a certificate (`mtls-tui certs --store ca list` has the serials):

    mtls-tui certs --store ca revoke SERIAL --reason keyCompromise
    mtls-tui export demo.rules.toml -o demo.bundle.json
"""
