"""`mtls-tui serve`: the gateway in the foreground. Its access log is stdout (or a file), its narration stderr."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click

from mtls_tui.cli.errors import InputError, as_input_error
from mtls_tui.files import FileError, read_bounded
from mtls_tui.gateway.settings import (
    TLS_CIPHERS,
    TLS_VERSIONS,
    UPSTREAM_HEADERS,
    EscapedSlashes,
    GatewayError,
    Limits,
    Settings,
    TlsVersion,
    UpstreamHeader,
    address_text,
    parse_address,
)
from mtls_tui.gateway.stripping import checked

F = TypeVar("F", bound=Callable[..., Any])
LARGEST_KEY = 100_000
DEFAULT_LIMITS = {name.replace("_", "-"): value for name, value in asdict(Limits()).items()}


def narrator(as_json: bool) -> Callable[[str], None]:
    """Tells what happens, on stderr."""

    def tell(text: str) -> None:
        click.echo(json.dumps({"message": text}) if as_json else f"mtls-tui: {text}", err=True)

    return tell


def refuse_root(allowed: bool) -> None:
    """Root is refused unless asked for: a flaw in a proxy that runs as root is the whole machine's."""
    if os.geteuid() == 0 and not allowed:
        raise InputError("running as root is refused; run as another user, or add --allow-root if you mean it")


def read_key(path: Path | None) -> bytes | None:
    """The PEM of a public key, bounded. Raises FileError if it can't be read."""
    return None if path is None else read_bounded(path, LARGEST_KEY, "key file", pipes=True)


class Runnable(Protocol):
    """What a command runs until a signal."""

    async def start(self) -> None:
        """Be ready, or raise GatewayError."""
        ...

    async def reload(self) -> object:
        """Take over what is on disk."""
        ...

    async def reopen_log(self) -> None:
        """Open the log file again: it was renamed."""
        ...

    async def stop(self) -> None:
        """End, gently."""
        ...

    def hurry(self) -> None:
        """End at once."""
        ...


def run_until_signal(service: Runnable, tell: Callable[[str], None], ready: Callable[[], None]) -> None:
    """Start a service, run it until SIGTERM or SIGINT, stop it. Raises GatewayError if it can't start.

    SIGHUP reloads, SIGUSR1 reopens the log; either while it starts is done then. A second SIGTERM or SIGINT ends a
    drain.
    """

    async def main() -> None:
        loop = asyncio.get_running_loop()
        ending, started = asyncio.Event(), asyncio.Event()
        doing: set[asyncio.Task[None]] = set()

        def end() -> None:
            if ending.is_set():
                service.hurry()
            ending.set()

        def soon(action: Callable[[], Awaitable[object]]) -> None:
            async def act() -> None:
                await started.wait()
                if not ending.is_set():
                    await action()

            task = asyncio.create_task(act())
            doing.add(task)
            task.add_done_callback(doing.discard)

        # From the first moment: what a signal does by itself is to kill.
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end)
        loop.add_signal_handler(signal.SIGHUP, soon, service.reload)
        loop.add_signal_handler(signal.SIGUSR1, soon, service.reopen_log)
        starting = asyncio.create_task(service.start())
        waiting = asyncio.create_task(ending.wait())
        await asyncio.wait((starting, waiting), return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
        else:
            starting.result()
            started.set()
            ready()
            await waiting
            for task in doing:
                task.cancel()
            tell("stopping: clients are asked to leave; a second signal ends at once")
            await service.stop()

    asyncio.run(main())


SERVICE_OPTIONS = (
    click.option(
        "--verify-key", type=click.Path(path_type=Path), help="Public key (PEM) that must have signed the bundle."
    ),
    click.option("--shadow", is_flag=True, help="Block nothing; log and count what would be blocked."),
    click.option("--status", help="Where to serve health, status and metrics: A:P or unix:PATH."),
    click.option("--log", type=click.Path(path_type=Path), help="Access log, JSON lines (default: stdout)."),
    click.option("--workers", type=click.IntRange(1, 64), help="Decision processes (default: one per core)."),
    click.option(
        "--state-dir",
        type=click.Path(path_type=Path),
        help="Where the newest revocation lists are kept over restarts (default: $STATE_DIRECTORY, else yours).",
    ),
    click.option("--allow-root", is_flag=True, help="Run although this is root."),
    click.option("--json", "as_json", is_flag=True, help="Narration as JSON lines."),
)


def service_options(function: F) -> F:
    """The options that all that serves has, at the end of its own."""
    for option in reversed(SERVICE_OPTIONS):
        function = option(function)
    return function


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--listen", default="127.0.0.1:8443", show_default=True, help="Address and port for clients.")
@click.option(
    "--escaped-slashes",
    type=click.Choice(["reject", "unescape", "keep"]),
    default="reject",
    show_default=True,
    help="What to do with %2F and %5C in a path.",
)
@click.option(
    "--upstream-header",
    "upstream_headers",
    multiple=True,
    type=click.Choice([*UPSTREAM_HEADERS, "none"]),
    help="What the upstream learns of a verified certificate (default: client-cert, client-cert-chain).",
)
@click.option(
    "--strip-header",
    "strip_headers",
    multiple=True,
    metavar="NAME",
    help="A further header that no client may send; may be given several times.",
)
@click.option(
    "--remember",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Seconds for which rules inside Envoy may go by what they know of a certificate; 0: Envoy always asks.",
)
@click.option(
    "--tls-min",
    type=click.Choice(TLS_VERSIONS),
    default="1.2",
    show_default=True,
    help="Lowest TLS version of clients.",
)
@click.option(
    "--tls-max",
    type=click.Choice(TLS_VERSIONS),
    default="1.3",
    show_default=True,
    help="Highest TLS version of clients.",
)
@click.option(
    "--tls-cipher",
    "tls_ciphers",
    multiple=True,
    type=click.Choice(TLS_CIPHERS),
    help="A cipher suite for TLS 1.2 (repeatable, the preferred first; default: all of these).",
)
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="NAME=NUMBER",
    help=f"A limit (repeatable): {', '.join(f'{name}={value:g}' for name, value in DEFAULT_LIMITS.items())}.",
)
@click.option("--print-config", is_flag=True, help="Print Envoy's configuration as JSON and end.")
@service_options
@as_input_error(GatewayError, FileError)
def command(
    bundle: Path, listen: str, verify_key: Path | None, shadow: bool, status: str | None, log: Path | None,
    workers: int | None, escaped_slashes: EscapedSlashes, upstream_headers: tuple[str, ...],
    strip_headers: tuple[str, ...], remember: float, tls_min: TlsVersion, tls_max: TlsVersion,
    tls_ciphers: tuple[str, ...], limits: tuple[str, ...],
    state_dir: Path | None, allow_root: bool, print_config: bool, as_json: bool,
) -> None:  # fmt: skip
    """Run the gateway on BUNDLE: Envoy in front, every request decided by the rules.

    It refuses to start on anything broken. While it runs it takes over a changed bundle and changed server
    certificates within a second; what is broken then is refused and the old state stays. SIGHUP reloads, SIGUSR1
    opens the log again after it was renamed, SIGTERM and Ctrl-C let clients and open requests end.
    """
    settings = Settings(
        listen=_tcp(listen),
        status=parse_address(status) if status else None,
        workers=workers or 0,
        shadow=shadow,
        log=log.absolute() if log else None,
        escaped_slashes=escaped_slashes,
        upstream_headers=_upstream_headers(upstream_headers),
        strip_headers=checked(strip_headers),
        remember_seconds=remember,
        verify_key=read_key(verify_key),
        tls_minimum=tls_min,
        tls_maximum=tls_max,
        tls_ciphers=tls_ciphers,
        limits=Limits.parse(limits),
        state_dir=state_dir,
    )
    if print_config:
        click.echo(json.dumps(_configuration(bundle, settings), indent=2))
        return
    refuse_root(allow_root)
    from mtls_tui.gateway.supervisor import Supervisor

    tell = narrator(as_json)
    supervisor = Supervisor(bundle, settings, tell)

    def ready() -> None:
        assert supervisor.state is not None and supervisor.status_address is not None
        names = ", ".join(plan.name for plan in supervisor.state.plans)
        tell(f"serving {names} on {address_text(supervisor.address)}")
        tell(f"status on {address_text(supervisor.status_address)}")
        if shadow:
            tell("SHADOW MODE: nothing is blocked")

    run_until_signal(supervisor, tell, ready)


def _tcp(text: str) -> tuple[str, int]:
    address = parse_address(text, sockets=False)
    assert isinstance(address, tuple)
    return address


def _upstream_headers(names: tuple[str, ...]) -> tuple[UpstreamHeader, ...]:
    if not names:
        return Settings().upstream_headers
    if "none" in names and len(names) > 1:
        raise InputError("--upstream-header none goes with no other")
    return tuple(name for name in UPSTREAM_HEADERS if name in names)


def _configuration(bundle: Path, settings: Settings) -> dict[str, Any]:
    """Envoy's whole configuration, certificates by their own names."""
    from mtls_tui.gateway import planning
    from mtls_tui.gateway.envoy import config as envoy_config

    run = Path("/run/mtls-tui")
    state = planning.make_state(bundle, planning.read_bundle(bundle), settings, run / "ca")
    secrets = {host: envoy_config.tls_files(*pair) for host, pair in state.pairs.items()}
    sockets = [run / f"d{index}.sock" for index in range(settings.worker_count)]
    return envoy_config.complete(state.plans, settings, run / "admin.sock", sockets, secrets)
