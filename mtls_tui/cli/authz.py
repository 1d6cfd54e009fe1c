"""`mtls-tui authz`: the decision service alone, for nginx, Traefik, Caddy, HAProxy and Envoy fleets."""

from __future__ import annotations

import grp
import stat
from pathlib import Path
from typing import Literal

import click

from mtls_tui.cli.errors import InputError, as_input_error
from mtls_tui.cli.serve import narrator, read_key, refuse_root, run_until_signal, service_options
from mtls_tui.files import FileError
from mtls_tui.gateway.settings import GatewayError, ListenAddress, Settings, address_text, parse_address


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--listen", required=True, help="unix:PATH or A:P.")
@click.option(
    "--style",
    required=True,
    type=click.Choice(["envoy", "nginx", "traefik", "caddy", "haproxy", "rfc9440"]),
    help="How the proxy passes request and certificate; see docs/proxies/.",
)
@click.option(
    "--trust",
    multiple=True,
    help="Who may ask: an address, a network, uid:NUMBER, user:NAME (repeatable; default: loopback, and our own user).",
)
@click.option("--socket-mode", default="0660", show_default=True, help="Mode of the Unix socket.")
@click.option("--socket-group", help="Group of the Unix socket, by name or number: the proxy's.")
@click.option(
    "--escaped-slashes",
    type=click.Choice(["reject", "keep"]),
    default="reject",
    show_default=True,
    help="What to do with %2F and %5C in a path.",
)
@service_options
@as_input_error(GatewayError, FileError)
def command(
    bundle: Path, listen: str, style: str, trust: tuple[str, ...], socket_mode: str,
    socket_group: str | None, verify_key: Path | None,
    shadow: bool, status: str | None, log: Path | None, workers: int | None,
    escaped_slashes: Literal["reject", "keep"], state_dir: Path | None, allow_root: bool, as_json: bool,
) -> None:  # fmt: skip
    """Answer proxies' questions by BUNDLE: 200 lets a request pass, anything else is the refusal.

    The proxy must overwrite the headers that tell of certificate and request, whatever a client sends; the samples in
    docs/proxies/ do. Anybody else gets a refusal.
    """
    from mtls_tui.gateway.authz import Authz
    from mtls_tui.gateway.peers import Peers

    tell = narrator(as_json)
    settings = Settings(
        status=parse_address(status) if status else None,
        workers=workers or 0,
        shadow=shadow,
        log=log.absolute() if log else None,
        verify_key=read_key(verify_key),
        escaped_slashes=escaped_slashes,
        state_dir=state_dir,
    )
    address = parse_address(listen)
    peers = Peers.of(trust)
    refuse_root(allow_root)
    service = Authz(
        bundle, address, style, peers, settings, tell,
        socket_mode=_mode(socket_mode), socket_group=_group(socket_group, address),
    )  # fmt: skip

    def ready() -> None:
        tell(f"answering {style} questions on {address_text(service.listen)}")

    run_until_signal(service, tell, ready)


def _group(name: str | None, address: ListenAddress) -> int | None:
    if name is None:
        return None
    if not isinstance(address, Path):
        raise InputError("--socket-group: there is no Unix socket; use --listen unix:PATH")
    try:
        return int(name) if name.isascii() and name.isdigit() else grp.getgrnam(name).gr_gid
    except KeyError:
        raise InputError(f"--socket-group {name}: this machine has no such group; `getent group` lists them") from None


def _mode(text: str) -> int:
    try:
        mode = int(text, 8)
    except ValueError:
        raise InputError(f"--socket-mode {text}: give an octal mode such as 0660") from None
    if mode & ~0o777 or mode & stat.S_IWOTH:
        raise InputError(f"--socket-mode {text}: everybody could ask, and claim any certificate; use 0660 and a group")
    return mode
