"""`mtls-tui prove`: can anyone pass without a good certificate; with `--against`, who is newly let in or blocked.

0: proved that nobody can, or that nothing changes; 1: a request that does, or no proof; 2: error.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from mtls_tui import rulefile as rulefiles
from mtls_tui.analysis import Difference, Reach, Site, compare, unprotected
from mtls_tui.analysis.properties import WHO, Must, StatedProperty, Who, about, judge, properties_of
from mtls_tui.analysis.reach import CLIENTS
from mtls_tui.cli.errors import InputError
from mtls_tui.cli.host_option import named_hosts
from mtls_tui.cli.output import echo_json, problems_text, usable_rule_file
from mtls_tui.cli.property_answers import property_data, property_text
from mtls_tui.cli.witness import Witness, request_data, simulate_line
from mtls_tui.engine.fields_of import lists_of
from mtls_tui.lang import ParseError, ast, parse
from mtls_tui.rulefile import RuleFile, RuleFileError
from mtls_tui.rulefile.errors import nearest
from mtls_tui.simulate.style import Style, safe, style_for
from mtls_tui.simulate.testing.roles import ROLE_OF_CLIENT

MARKS = {"proved": ("✓", "green"), "proved the same": ("✓", "green"), "reached": ("✗", "red"), "changed": ("✗", "red")}


@click.command(name="prove")
@click.argument("file")
@click.option("--against", metavar="OLD", help="Compare with another rule file: who is newly let in or blocked.")
@click.option("--never", metavar="EXPR", help="Ask one question: is no request for which EXPR holds let in?")
@click.option("--always", metavar="EXPR", help="Ask one question: is every request for which EXPR holds let in?")
@click.option("--properties", "only", is_flag=True, help="Ask about the properties of the file only.")
@click.option("--property", "named", multiple=True, metavar="NAME", help="Only this property; repeat it for more.")
@click.option("--host", "hosts", multiple=True, metavar="NAME", help="Only this host; repeat it for more.")
@click.option(
    "--client",
    "clients",
    multiple=True,
    type=click.Choice(list(WHO)),
    help="What the client comes with; repeat it for more. Default: none and untrusted; with --never or --always: any.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the answers as JSON.")
@click.option("--color/--no-color", default=None, help="Force or forbid colours (default: on a terminal).")
def command(
    file: str,
    against: str | None,
    never: str | None,
    always: str | None,
    only: bool,
    named: Sequence[str],
    hosts: Sequence[str],
    clients: Sequence[Who],
    as_json: bool,
    color: bool | None,
) -> None:
    """Prove that no request passes without a good certificate, and that the properties of FILE hold; or show a request.

    Looks at the rules of FILE for every host with mTLS. A request that is shown is one that the rules allow; a proof
    covers every request; where neither is found, the answer says so. With --never or --always, answers one question in
    their place. With --against, compares the hosts, what they trust and the rules of FILE with those of OLD, and shows
    requests that are decided otherwise.

    Exit code 0: proved; 1: not so, or no proof was found; 2: error.
    """
    _refuse_mixed(against, never, always, only, named, clients)
    new = usable_rule_file(file)
    site = _site(new)
    answers: list[Reach] | list[Difference] = []
    stated: list[StatedProperty] = []
    if against is not None:
        before = _site(usable_rule_file(against))
        answers = compare(before, site, named_hosts(hosts, (*site.hosts, *before.hosts)) if hosts else None)
    else:
        names = named_hosts(hosts, site.hosts) if hosts else None
        if never is not None or always is not None:
            stated = _questions(never, always, clients or ("any",), new)
        else:
            stated = _stated(site, new, named, names)
            if not (only or named):
                answers = _unprotected(site, names, clients)
    found = [judge(site, one, names) for one in stated] if stated else []
    if as_json:
        data = {"answers": [_data(answer, file) for answer in answers], "properties": property_data(found, file)}
        echo_json({"file": file, "against": against, **data})
    else:
        style = style_for(sys.stdout, color=color)
        for answer in answers:
            click.echo(_text(answer, file, style))
        for one in found:
            click.echo(property_text(one, file, style))
        if not answers and not found:
            click.echo("no host has mTLS, and there is no property: there is nothing to prove", err=True)
    proved = [answer.status.startswith("proved") for answer in (*answers, *found)]
    sys.exit(0 if proved and all(proved) else 1)


def _refuse_mixed(
    against: str | None, never: str | None, always: str | None, only: bool, named: Sequence[str], clients: Sequence[Who]
) -> None:
    asked = never is not None or always is not None
    others = {
        "--never": never is not None,
        "--always": always is not None,
        "--properties": only,
        "--property": bool(named),
        "--client": bool(clients),
    }
    for option, given in others.items():
        if against is not None and given:
            raise click.UsageError(f"{option} and --against exclude each other")
    if asked and (only or named):
        raise click.UsageError("--never and --always ask in place of the properties: leave the other option out")
    if (only or named) and clients:
        raise click.UsageError("--client is not for properties: each says itself which clients it is about")
    if not asked and {"any", "trusted"} & {*clients}:
        raise click.UsageError("clients with a valid certificate are meant to pass: ask with --never or --always")


def _unprotected(site: Site, names: Sequence[str] | None, clients: Sequence[Who]) -> list[Reach]:
    """The built-in question, for each host with mTLS (or those named) and each kind of client."""
    wanted = [client for client in CLIENTS if client in (clients or ("none", "untrusted"))]
    return [
        unprotected(name, site.ruleset, client=client, others=site.hosts, mtls=_asks(site, name))
        for name in (names if names is not None else [name for name, host in site.hosts.items() if host.mtls])
        for client in wanted
    ]


def _stated(site: Site, rulefile: RuleFile, named: Sequence[str], names: Sequence[str] | None) -> list[StatedProperty]:
    """The properties asked about: those named, or all, and of them those about the hosts asked about."""
    found = properties_of(rulefiles.bundle(rulefile))
    known = [one.name for one in found]
    for name in named:
        if name not in known:
            cure = nearest(name, known) if known else "the file has none"
            raise InputError(f"--property: no property `{safe(name)}`: {cure}")
    chosen = [one for one in found if not named or one.name in named]
    return [one for one in chosen if names is None or any(about(site, one, name) for name in names)]


def _questions(
    never: str | None, always: str | None, clients: Sequence[Who], rulefile: RuleFile
) -> list[StatedProperty]:
    """--never and --always as properties, for each kind of client."""
    pairs: tuple[tuple[str, str | None, Must], ...] = (("never", never, "blocked"), ("always", always, "allowed"))
    return [
        StatedProperty(f"{word} {text}", must, (), _expression(text, f"--{word}", rulefile), client=client)
        for word, text, must in pairs
        if text is not None
        for client in dict.fromkeys(clients)
    ]


def _expression(text: str, option: str, rulefile: RuleFile) -> ast.Expr:
    try:
        root = parse(text).root
    except ParseError as error:
        raise InputError(f"{option}: {error}") from None
    for name in sorted(lists_of(root)):
        if name not in rulefile.lists:
            cure = nearest(name, rulefile.lists) if rulefile.lists else "the file has no lists"
            raise InputError(f"{option}: unknown list `${safe(name)}`: {cure}")
    return root


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


def _text(answer: Reach | Difference, file: str, style: Style) -> str:
    mark, colour = MARKS.get(answer.status, ("?", "yellow"))
    lines = [f"{style(mark, colour)} {style(safe(answer.host), 'bold')}: {safe(answer.reason)}"]
    witness = _witness(answer)
    if witness is not None:
        line = simulate_line(witness, file)
        lines.append(f"    try it: {safe(line)}" if line else "    (no command line can hold this request)")
    return "\n".join(lines)


def _witness(answer: Reach | Difference) -> Witness | None:
    """The request of an answer, if it has one."""
    if answer.http is None or answer.request is None:
        return None
    client = answer.certificate if isinstance(answer, Difference) else answer.client
    return Witness(answer.http, answer.request, ROLE_OF_CLIENT.get(client, ""))


def _data(answer: Reach | Difference, file: str) -> dict[str, Any]:
    subject = {"client": answer.client} if isinstance(answer, Reach) else {"change": answer.change}
    witness = _witness(answer)
    found: dict[str, Any] = {"host": answer.host, **subject, "status": answer.status, "reason": answer.reason}
    return {**found, **(request_data(witness, file) if witness is not None else {})}
