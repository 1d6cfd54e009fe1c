"""`mtls-tui prove`: can anyone pass without a good certificate; with `--against`, who is newly let in or blocked.

0: proved that nobody can, or that nothing changes; 1: a request that does, or no proof; 2: error.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from typing import Any

import click

from mtls_tui import rulefile as rulefiles
from mtls_tui.analysis import Difference, Reach, Site, compare, unprotected
from mtls_tui.analysis.reach import CLIENTS, Client
from mtls_tui.analysis.witness import TIMES
from mtls_tui.cli.errors import InputError
from mtls_tui.cli.output import echo_json, problems_text, usable_rule_file
from mtls_tui.engine import hostnames
from mtls_tui.engine.model import HttpRequest
from mtls_tui.rulefile import RuleFile, RuleFileError
from mtls_tui.search.making import usual_version
from mtls_tui.simulate.style import Style, safe, style_for
from mtls_tui.simulate.values import plain, written

MARKS = {"proved": ("✓", "green"), "proved the same": ("✓", "green"), "reached": ("✗", "red"), "changed": ("✗", "red")}
ROLES = {
    "untrusted": "self_signed",
    "revoked": "revoked",
    "with a certificate that is not valid": "self_signed",
    "with a revoked certificate": "revoked",
    "with a valid certificate": "good",
}
"""Which certificate of `simulate --role` a client of the answer has."""


@click.command(name="prove")
@click.argument("file")
@click.option("--against", metavar="OLD", help="Compare with another rule file: who is newly let in or blocked.")
@click.option("--host", "hosts", multiple=True, metavar="NAME", help="Only this host; repeat it for more.")
@click.option(
    "--client",
    "clients",
    multiple=True,
    type=click.Choice(list(CLIENTS)),
    help="What the client comes with (default: none and untrusted); repeat it for more.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the answers as JSON.")
@click.option("--color/--no-color", default=None, help="Force or forbid colours (default: on a terminal).")
def command(
    file: str, against: str | None, hosts: Sequence[str], clients: Sequence[Client], as_json: bool, color: bool | None
) -> None:
    """Prove that no request passes without a good certificate, or show one that does.

    Looks at the rules of FILE for every host with mTLS. A request that is shown is one that the rules allow; a proof
    covers every request; where neither is found, the answer says so. With --against, compares the hosts, what they
    trust and the rules of FILE with those of OLD, and shows requests that are decided otherwise.

    Exit code 0: proved; 1: not so, or no proof was found; 2: error.
    """
    new = usable_rule_file(file)
    answers: list[Reach] | list[Difference]
    if against is not None:
        if clients:
            raise click.UsageError("--client and --against exclude each other")
        old = usable_rule_file(against)
        before, after = _site(old), _site(new)
        answers = compare(before, after, _known(hosts, (after, before)) if hosts else None)
    else:
        site = _site(new)
        names = _known(hosts, (site,)) if hosts else [name for name, host in site.hosts.items() if host.mtls]
        wanted: Sequence[Client] = clients or ("none", "untrusted")
        answers = [
            unprotected(name, site.ruleset, client=client, others=site.hosts, mtls=_asks(site, name))
            for name in names
            for client in dict.fromkeys(wanted)
        ]
    if as_json:
        echo_json({"file": file, "against": against, "answers": [_data(answer, file) for answer in answers]})
    else:
        style = style_for(sys.stdout, color=color)
        for answer in answers:
            click.echo(_text(answer, file, style))
        if not answers:
            click.echo("no host has mTLS: there is nothing to prove", err=True)
    sys.exit(0 if answers and all(answer.status.startswith("proved") for answer in answers) else 1)


def _site(rulefile: RuleFile) -> Site:
    try:
        return Site.of(rulefiles.bundle(rulefile))
    except RuleFileError as error:
        raise InputError(problems_text(error.problems)) from None
    except ValueError as error:
        raise InputError(f"{rulefile.name}: {error}") from None


def _asks(site: Site, name: str) -> bool:
    """Whether the host asks for certificates."""
    settings = site.serving(name)
    return settings is not None and settings.mtls


def _known(names: Sequence[str], sites: Sequence[Site]) -> list[str]:
    """The names, when the files have them; a host that no file has would be proved of nothing."""
    wanted = []
    for given in names:
        try:
            name = hostnames.configured(given)
        except hostnames.HostnameError as error:
            raise InputError(f"--host: `{safe(given)}` is not a host name: {error}") from None
        if all(site.serving(name) is None for site in sites):
            known = ", ".join(sorted({host for site in sites for host in site.hosts})) or "none"
            raise InputError(f"there is no host `{safe(given)}`: the file has {known}")
        wanted.append(name)
    return list(dict.fromkeys(wanted))


def _text(answer: Reach | Difference, file: str, style: Style) -> str:
    mark, colour = MARKS.get(answer.status, ("?", "yellow"))
    lines = [f"{style(mark, colour)} {style(safe(answer.host), 'bold')}: {safe(answer.reason)}"]
    if answer.http is not None:
        line = reproduction(answer, file)
        lines.append(f"    try it: {safe(line)}" if line else "    (no command line can hold this request)")
    return "\n".join(lines)


def reproduction(answer: Reach | Difference, file: str) -> str:
    """The command line, for a POSIX shell, by which the simulator shows the same request; "" when none can.

    What an argument can't hold (a NUL, a line break at its end) can't be given by one; a body is piped in.
    """
    http, request = answer.http, answer.request
    assert http is not None and request is not None
    words = ["mtls-tui", "simulate", file, "--url", f"{http.scheme}://{http.host}{http.target}"]
    if http.method != "GET":
        words += ["--method", http.method]
    for name, value in http.headers:
        words += ["--header", f"{name}: {_text_of(value)}"]
    if http.client_ip != HttpRequest().client_ip:
        words += ["--ip", http.client_ip]
    for option, given, usual in (
        ("--http-version", http.http_version, usual_version(http.scheme)),
        ("--tls-version", http.tls_version, HttpRequest().tls_version),
        ("--tls-cipher", http.tls_cipher, HttpRequest().tls_cipher),
    ):
        if given != usual:
            words += [option, given.encode("latin-1").decode("utf-8", "surrogateescape")]
    if http.at is not None and not TIMES.isdisjoint(request.fields):
        words += ["--at", f"{http.at:.3f}".rstrip("0").rstrip(".")]
    role = ROLES.get(answer.client if isinstance(answer, Reach) else answer.certificate)
    if role:
        words += ["--role", role]
    for name, field_value in http.overrides.items():
        words += ["--set", f"{name}={written(field_value)}"]
    if http.body is not None:
        words += ["--body", "-"]
    if any("\0" in word or word.endswith("\n") for word in words):
        return ""
    line = " ".join(map(_quoted, words))
    return line if http.body is None else f"printf {_octal(http.body)} | {line}"


def _quoted(word: str) -> str:
    """A word as every POSIX shell reads it, in printable ASCII."""
    if word.isascii() and word.isprintable():
        return shlex.quote(word)
    return f'"$(printf {_octal(word.encode("utf-8", "surrogateescape"))})"'


def _octal(data: bytes) -> str:
    """Bytes as a quoted format of printf."""
    plain = "".join(chr(byte) if 0x20 <= byte < 0x7F and byte not in b"\\%" else f"\\{byte:03o}" for byte in data)
    return shlex.quote(plain)


def _text_of(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _data(answer: Reach | Difference, file: str) -> dict[str, Any]:
    about = {"client": answer.client} if isinstance(answer, Reach) else {"change": answer.change}
    found: dict[str, Any] = {"host": answer.host, **about, "status": answer.status, "reason": answer.reason}
    if answer.http is not None:
        found["request"] = {
            "method": answer.http.method,
            "url": f"{answer.http.scheme}://{answer.http.host}{answer.http.target}",
            "headers": [[name, value.decode("utf-8", "backslashreplace")] for name, value in answer.http.headers],
            "body": None if answer.http.body is None else answer.http.body.decode("utf-8", "backslashreplace"),
            "ip": answer.http.client_ip,
            "http_version": answer.http.http_version,
            "tls_version": answer.http.tls_version,
            "tls_cipher": answer.http.tls_cipher,
            "at": answer.http.at,
            "set": {name: plain(value) for name, value in answer.http.overrides.items()},
        }
        found["try"] = reproduction(answer, file)
    return found
