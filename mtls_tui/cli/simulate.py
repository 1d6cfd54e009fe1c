"""`mtls-tui simulate`: what one request would get, and why. 0 allowed, 1 blocked, 2 error."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
from cryptography import x509

from mtls_tui.cli.errors import as_input_error
from mtls_tui.engine.model import HttpRequest
from mtls_tui.files import FileError, read_bounded
from mtls_tui.simulate import document as documents
from mtls_tui.simulate.as_served import as_served, chain_as_served
from mtls_tui.simulate.errors import RequestError
from mtls_tui.simulate.policies import Loaded, load_chain, load_policy, moment_of
from mtls_tui.simulate.report import report
from mtls_tui.simulate.requests.curl import parse_curl
from mtls_tui.simulate.requests.har import from_har
from mtls_tui.simulate.requests.message import from_json
from mtls_tui.simulate.requests.url import address, check_method, from_url, header_line
from mtls_tui.simulate.simulation import simulate
from mtls_tui.simulate.style import safe, style_for
from mtls_tui.simulate.testing.roles import ROLES, chain_of, with_roles
from mtls_tui.simulate.values import assignment

MAX_BODY = 64 * 1024 * 1024


@click.command(name="simulate")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--url", help="The URL that is requested.")
@click.option(
    "--curl", "curl_command", help="A curl command line, as copied from a browser or a script; - reads stdin."
)
@click.option("--har", type=click.Path(dir_okay=False), help="An HTTP archive saved by a browser.")
@click.option("--entry", type=click.IntRange(min=1), default=1, show_default=True, help="Which entry of the archive.")
@click.option("--request", "request_file", help="A request in JSON; - reads stdin.")
@click.option("--method", help="The method (default GET, or what the request says).")
@click.option("--header", "headers", multiple=True, metavar="K:V", help="A header; repeat it for more.")
@click.option("--body", metavar="FILE", help="A file with the body; - reads stdin.")
@click.option("--cert", metavar="FILE", help="The client's certificate and what it sends beside it: PEM, DER, PKCS#12.")
@click.option("--role", type=click.Choice(ROLES), help="A certificate minted for this run instead of --cert.")
@click.option("--passphrase-file", type=click.Path(dir_okay=False), help="Holds the passphrase of a PKCS#12 file.")
@click.option("--passphrase-env", metavar="NAME", help="The environment variable that holds it.")
@click.option("--http-version", help="HTTP/1.0, HTTP/1.1, HTTP/2 or HTTP/3 (default HTTP/2, without TLS HTTP/1.1).")
@click.option("--tls-version", help="As the field cf.tls_version has it (default TLSv1.3).")
@click.option("--tls-cipher", help="As the field cf.tls_cipher has it (default AEAD-AES128-GCM-SHA256).")
@click.option("--ip", help="The client's address (default 127.0.0.1).")
@click.option("--at", metavar="TIME", help="When: RFC 3339 or POSIX seconds (default now).")
@click.option(
    "--set", "settings", multiple=True, metavar="FIELD=VALUE", help="Set a field by hand; repeat it for more."
)
@click.option("--explain", is_flag=True, help="Show every rule that was evaluated, clause by clause.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--schema", is_flag=True, is_eager=True, expose_value=False, callback=lambda c, p, v: _schema(c, v),
              help="Print the JSON Schema of --json and end.")  # fmt: skip
@click.option("--color/--no-color", default=None, help="Force or forbid colours (default: on a terminal).")
@as_input_error(RequestError)
def command(
    file: str, url: str | None, curl_command: str | None, har: str | None, entry: int, request_file: str | None,
    method: str | None, headers: tuple[str, ...], body: str | None, cert: str | None, role: str | None,
    passphrase_file: str | None, passphrase_env: str | None, http_version: str | None, tls_version: str | None,
    tls_cipher: str | None, ip: str | None, at: str | None, settings: tuple[str, ...], explain: bool, as_json: bool,
    color: bool | None,
) -> None:  # fmt: skip
    """What one request would get under FILE (a rule file or a bundle), and why.

    Exit code 0: allowed, 1: blocked, 2: the input can't be used.
    """
    given = [option for option in (url, curl_command, har, request_file) if option is not None]
    if len(given) != 1:
        raise click.UsageError("give the request by exactly one of --url, --curl, --har and --request")
    if cert is not None and role is not None:
        raise click.UsageError("--cert and --role exclude each other")
    http, cert, passphrase, notes = _request(url, curl_command, har, entry, request_file, cert)
    http = _changed(http, method, headers, body, ip, settings)
    http = replace(
        http,
        http_version=http.http_version if http_version is None else http_version,
        tls_version=http.tls_version if tls_version is None else tls_version,
        tls_cipher=http.tls_cipher if tls_cipher is None else tls_cipher,
    )
    http, served = as_served(http)
    notes = (*notes, *served)
    passphrase = _passphrase(passphrase_file, passphrase_env) or passphrase
    moment = moment_of(at) if at is not None else _moment(http)
    loaded = load_policy(file)
    chain: tuple[x509.Certificate | bytes, ...] = ()
    if role is not None:
        loaded = Loaded(with_roles(loaded.bundle, moment), loaded.bundle, loaded.rulefile)
        chain = chain_of(role, moment)
    elif cert is not None:
        chain = load_chain(cert, passphrase)
        notes = (*notes, *filter(None, (chain_as_served(chain)[1],)))
    simulation = simulate(loaded.policy, http, chain, moment)
    for note in notes:
        click.echo(f"note: {safe(note)}", err=True)
    if as_json:
        click.echo(
            msgspec.json.format(msgspec.json.encode(documents.document(simulation, explain=explain, notes=notes)))
        )
    else:
        click.echo(report(simulation, style_for(sys.stdout, color=color), explain=explain), nl=False, color=True)
    sys.exit(0 if simulation.allowed else 1)


def _schema(context: click.Context, wanted: bool) -> None:
    if wanted:
        click.echo(msgspec.json.format(msgspec.json.encode(documents.schema())))
        context.exit(0)


def _request(
    url: str | None, curl_command: str | None, har: str | None, entry: int, request_file: str | None, cert: str | None
) -> tuple[HttpRequest, str | None, bytes | None, tuple[str, ...]]:
    """The request, the certificate file, its passphrase and notes."""
    if url is not None:
        return from_url(url), cert, None, ()
    if har is not None:
        return from_har(_read(har), entry), cert, None, ()
    if request_file is not None:
        return from_json(_read(request_file)), cert, None, ()
    assert curl_command is not None
    if curl_command == "-":
        curl_command = _read("-").decode("utf-8", "surrogateescape")
    parsed = parse_curl(curl_command)
    passphrase = None
    if parsed.certificate is not None and cert is None:
        cert = parsed.certificate.path
        if parsed.certificate.passphrase is not None:
            passphrase = parsed.certificate.passphrase.encode()
    return parsed.http, cert, passphrase, parsed.notes


def _changed(
    http: HttpRequest, method: str | None, headers: tuple[str, ...], body: str | None, ip: str | None,
    settings: tuple[str, ...],
) -> HttpRequest:  # fmt: skip
    """The request with what the options say laid over it."""
    if method is not None:
        check_method(method)
        http = replace(http, method=method)
    added = [header_line(text) for text in headers]
    for name, value in added:
        if name == "host":
            http = replace(http, host=value.decode("latin-1"))
    names = {name for name, _ in added}
    kept = [item for item in http.headers if item[0] not in names]
    http = replace(http, headers=(*kept, *(item for item in added if item[0] != "host")))
    if body is not None:
        http = replace(http, body=_read(body))
    if ip is not None:
        http = replace(http, client_ip=address(ip))
    if settings:
        http = replace(http, overrides={**http.overrides, **dict(assignment(text) for text in settings)})
    return http


def _moment(http: HttpRequest) -> datetime:
    return datetime.fromtimestamp(http.at, UTC) if http.at is not None else datetime.now(UTC)


def _passphrase(file: str | None, variable: str | None) -> bytes | None:
    if file is not None and variable is not None:
        raise click.UsageError("--passphrase-file and --passphrase-env exclude each other")
    if file is not None:
        return _read(file).rstrip(b"\r\n")
    if variable is not None:
        value = os.environ.get(variable)
        if value is None:
            raise RequestError(f"the environment has no variable {variable}; export it, or use --passphrase-file")
        return value.encode()
    return None


def _read(name: str) -> bytes:
    try:
        if name == "-":
            data = sys.stdin.buffer.read(MAX_BODY + 1)
        else:
            data = read_bounded(Path(name).expanduser(), MAX_BODY, pipes=True)
    except FileError as error:
        raise RequestError(str(error)) from None
    except OSError as error:
        raise RequestError(f"{name}: {error.strerror or error}") from None
    if len(data) > MAX_BODY:
        raise RequestError(f"{name}: is larger than {MAX_BODY // 2**20} MiB")
    return data
