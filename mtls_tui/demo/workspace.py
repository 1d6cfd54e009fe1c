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
from importlib import resources
from pathlib import Path
from string import Template
from typing import Literal, TypeAlias

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui.files import FileError, write_atomically
from mtls_tui.pki import issue
from mtls_tui.pki.authority import Authority, Issued, key_pem, write_issued
from mtls_tui.pki.issue import DAY, Issuer

MTLS_HOSTS = ("api.localhost", "pay.localhost")
PLAIN_HOST = "www.localhost"
ClientName: TypeAlias = Literal["none", "good", "expired", "revoked", "foreign", "server_purpose"]
CLIENTS: tuple[ClientName, ...] = ("none", "good", "expired", "revoked", "foreign", "server_purpose")
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


def open_or_make(folder: Path, at: datetime, *, port: int | None = None, ports: Ports | None = None) -> Workspace:
    """The workspace of a folder: an existing one as it is, else a new one. Raises DemoError if it holds something else.

    `port` is the gateway's; `ports` all three, for a new workspace; else the first free ones from 8443, 8080, 9443 on.
    """
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
            f"{folder} exists and is not a demo workspace; choose an empty or new folder: mtls-tui demo FOLDER"
        )
    workspace = Workspace(folder, ports or Ports(*free_ports(port or 8443, 8080, 9443)))
    try:
        _fill(workspace, at)
        write_atomically(marker, msgspec.json.format(msgspec.json.encode(workspace.ports)))
    except FileError as error:
        raise DemoError(str(error)) from None
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
    ski = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest.hex().upper()
    rules = _template("demo.rules.toml", upstream=workspace.ports.upstream, issuer_ski=ski)
    write_atomically(workspace.rules, rules)
    write_atomically(folder / "README.md", _template("README.md", port=workspace.ports.gateway))


def _template(name: str, **values: object) -> bytes:
    text = resources.files(__package__).joinpath("templates", name).read_text("utf-8")
    return Template(text).substitute(values).encode("utf-8")


def _write_client(workspace: Workspace, name: str, issued: Issued) -> None:
    assert issued.key is not None
    write_issued(workspace.folder / "clients" / f"{name}.key", key_pem(issued.key), secret=True)
    write_issued(workspace.folder / "clients" / f"{name}.pem", issued.certificate_pem(), secret=False)


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
    write_issued(folder / "ca.pem", root.public_bytes(Encoding.PEM), secret=False)
    write_issued(folder / "server.key", key_pem(server_key), secret=True)
    write_issued(folder / "server.pem", server.public_bytes(Encoding.PEM), secret=False)
