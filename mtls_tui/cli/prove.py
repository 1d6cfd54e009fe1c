"""`mtls-tui prove`: can anyone pass without a good certificate; with `--against`, who is newly let in or blocked.

0: proved that nobody can, or that nothing changes; 1: a request that does, or no proof; 2: error.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import click

from mtls_tui.analysis import Difference, Reach, compare, unprotected
from mtls_tui.analysis.making import AT
from mtls_tui.analysis.reach import CLIENTS, Client
from mtls_tui.cli.errors import InputError
from mtls_tui.cli.output import echo_json, usable_rule_file
from mtls_tui.engine import Ruleset, hostnames
from mtls_tui.engine.model import HttpRequest
from mtls_tui.rulefile import RuleFile
from mtls_tui.simulate.style import Style, safe, style_for

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
    covers every request; where neither is found, the answer says so. With --against, shows requests that the rules of
    FILE decide otherwise than those of OLD.

    Exit code 0: proved; 1: not so, or no proof was found; 2: error.
    """
    new = usable_rule_file(file)
    answers: list[Reach] | list[Difference]
    if against is not None:
        if clients:
            raise click.UsageError("--client and --against exclude each other")
        old = usable_rule_file(against)
        others = [*_names(new), *_names(old)]
        names = hosts or list(dict.fromkeys(others))
        answers = compare(_ruleset(old), _ruleset(new), _known(names, (new, old)), others=others)
    else:
        names = hosts or [name for name, host in zip(_names(new), new.hosts, strict=True) if host.mtls]
        ruleset = _ruleset(new)
        wanted: Sequence[Client] = clients or ("none", "untrusted")
        answers = [
            unprotected(name, ruleset, client=client, others=_names(new))
            for name in _known(names, (new,))
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


def _ruleset(rulefile: RuleFile) -> Ruleset:
    try:
        return Ruleset(rulefile.engine_rules, rulefile.engine_lists)
    except ValueError as error:
        raise InputError(f"{rulefile.name}: {error}") from None


def _known(names: Sequence[str], files: Sequence[RuleFile]) -> list[str]:
    """The names, when the files have them; a host that no file has would be proved of nothing."""
    known = {name for rulefile in files for name in _names(rulefile)}
    wanted = []
    for given in names:
        try:
            name = hostnames.configured(given)
        except hostnames.HostnameError as error:
            raise InputError(f"--host: `{safe(given)}` is no host name: {error}") from None
        if name not in known and f"*.{name.partition('.')[2]}" not in known:
            raise InputError(f"there is no host `{safe(given)}`: the file has {', '.join(sorted(known)) or 'none'}")
        wanted.append(name)
    return list(dict.fromkeys(wanted))


def _names(rulefile: RuleFile) -> list[str]:
    """The hosts' names as requests have them: lower case, A-labels."""
    return [hostnames.configured(host.name) for host in rulefile.hosts]


def _text(answer: Reach | Difference, file: str, style: Style) -> str:
    mark, colour = MARKS.get(answer.status, ("?", "yellow"))
    lines = [f"{style(mark, colour)} {style(safe(answer.host), 'bold')}: {safe(answer.reason)}"]
    if answer.http is not None:
        lines.append(f"    try it: {safe(reproduction(answer, file))}")
    return "\n".join(lines)


def reproduction(answer: Reach | Difference, file: str) -> str:
    """The `mtls-tui simulate` command line that shows the same request."""
    http = answer.http
    assert http is not None
    words = ["mtls-tui", "simulate", file, "--url", f"{http.scheme}://{http.host}{http.target}"]
    if http.method != "GET":
        words += ["--method", http.method]
    for name, value in http.headers:
        words += ["--header", f"{name}: {value.decode('utf-8', 'replace')}"]
    if http.client_ip != HttpRequest().client_ip:
        words += ["--ip", http.client_ip]
    if http.at not in (None, AT):
        words += ["--at", str(http.at)]
    role = ROLES.get(answer.client if isinstance(answer, Reach) else answer.certificate)
    if role:
        words += ["--role", role]
    for name, field_value in http.overrides.items():
        words += ["--set", f"{name}={_value(field_value)}"]
    return shlex.join(words)


def _value(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, IPv4Address | IPv6Address):
        return str(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _data(answer: Reach | Difference, file: str) -> dict[str, Any]:
    about = {"client": answer.client} if isinstance(answer, Reach) else {"change": answer.change}
    found: dict[str, Any] = {"host": answer.host, **about, "status": answer.status, "reason": answer.reason}
    if answer.http is not None:
        found["request"] = {
            "method": answer.http.method,
            "url": f"{answer.http.scheme}://{answer.http.host}{answer.http.target}",
            "headers": [[name, value.decode("utf-8", "replace")] for name, value in answer.http.headers],
            "ip": answer.http.client_ip,
            "set": {name: _value(value) for name, value in answer.http.overrides.items()},
        }
        found["try"] = reproduction(answer, file)
    return found
