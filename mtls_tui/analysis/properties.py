"""Properties that users state themselves: every request of a kind is blocked, or allowed. A proof, a request, or open.

Each is one question per host and kind of client: is there a request that is meant and gets the opposite? A request in
an answer was decided so by the very rules. A proof covers every request that is meant; one by which no request is
meant holds of nothing, and the answer says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from mtls_tui.analysis.question import CLIENTS, WORDS, Answer, Client, Side, ask
from mtls_tui.analysis.site import Site
from mtls_tui.analysis.witness import needs
from mtls_tui.engine import hostnames
from mtls_tui.engine.bundle import Bundle, BundleError
from mtls_tui.engine.model import Decision, HttpRequest, Request
from mtls_tui.lang import ParseError, ast, parse

Must: TypeAlias = Literal["blocked", "allowed"]
Who: TypeAlias = Literal["any", "none", "untrusted", "revoked", "trusted"]
WHO: dict[Who, tuple[Client, ...]] = {
    "any": tuple(CLIENTS),
    "none": ("none",),
    "untrusted": ("untrusted",),
    "revoked": ("revoked",),
    "trusted": ("valid",),
}
"""The kinds of clients that a property is about."""


@dataclass(frozen=True, slots=True)
class StatedProperty:
    """Every request to `hosts` (none given: every host) with `when` and not `unless` is blocked, or allowed.

    `hosts` are in comparable form. `client` is what the client comes with.
    """

    name: str
    must: Must
    hosts: tuple[str, ...] = ()
    when: ast.Expr = field(default_factory=lambda: ast.Always(True))
    unless: ast.Expr | None = None
    client: Who = "any"


@dataclass(frozen=True, slots=True)
class PropertyAnswer:
    """`broken`: `http` is a request of a `client` to `host` that is meant and was decided otherwise.

    `proved`: every request that is meant gets what it must; `vacuous` if it was proved that no request is meant.
    `open`: neither is known; `reason` says why.
    """

    stated: StatedProperty
    status: Literal["proved", "broken", "open"]
    reason: str
    vacuous: bool = False
    host: str = ""
    client: Client = "none"
    http: HttpRequest | None = None
    request: Request | None = None
    decision: Decision | None = None


def properties_of(bundle: Bundle) -> tuple[StatedProperty, ...]:
    """The properties of a bundle. Raises `BundleError` if an expression does not parse."""
    return tuple(
        StatedProperty(
            entry.name,
            entry.expect,
            entry.hosts,
            _parsed(entry.name, entry.when),
            None if entry.unless is None else _parsed(entry.name, entry.unless),
            entry.client,
        )
        for entry in bundle.properties
    )


def _parsed(name: str, text: str) -> ast.Expr:
    try:
        return parse(text, max_length=None).root
    except ParseError as error:
        cure = "correct the rule file and export it again"
        raise BundleError(f"property {name}: {error.diagnostic.message}", cure) from error


def judge(site: Site, stated: StatedProperty, hosts: Sequence[str] | None = None) -> PropertyAnswer:
    """Whether a property holds of a site; `hosts` (in comparable form) narrows it to those of them that it is about.

    The first request found that breaks it is the answer. Takes a bounded number of steps. Raises ListError for a list
    that the property names and the site does not have.
    """
    answer = judge_while(site, stated, lambda: True, hosts)
    assert answer is not None
    return answer


def judge_while(
    site: Site, stated: StatedProperty, wanted: Callable[[], bool], hosts: Sequence[str] | None = None
) -> PropertyAnswer | None:
    """The same; None once it is no longer wanted, which is asked before each question."""
    names = [*(stated.hosts or site.hosts)] if hosts is None else [name for name in hosts if about(site, stated, name)]
    asked = [(name, client, side) for name in names for client, side in _sides(site, name, stated)]
    others = tuple(site.hosts)
    unknown: tuple[str, Client, str] | None = None
    for name, client, side in asked:
        if not wanted():
            return None
        answer = ask(name, [side], client=client, others=others, holds=stated.when, unless=stated.unless)
        if answer.status == "witness":
            return _broken(stated, name, client, answer)
        if answer.status == "open" and unknown is None:
            unknown = name, client, answer.reason
    if unknown is not None:
        name, client, why = unknown
        reason = f"neither proved nor broken for requests to {name} {WORDS[client]}: {why}"
        return PropertyAnswer(stated, "open", reason, host=name, client=client)
    for name, client, side in asked:
        anything = replace(side, allowed=None)
        answer = ask(name, [anything], client=client, others=others, holds=stated.when, unless=stated.unless)
        if answer.status != "proved":
            return PropertyAnswer(stated, "proved", f"every such request to {_listed(names)} is {stated.must}")
    return PropertyAnswer(stated, "proved", "no request is meant: it holds of nothing", vacuous=True)


def about(site: Site, stated: StatedProperty, name: str) -> bool:
    """Whether requests to a host (in comparable form) are among those of a property, as it means them at the site."""
    hosts = {host: host for host in (*site.hosts, *stated.hosts)}
    return not stated.hosts or hostnames.serving(name, hosts) in stated.hosts


def _sides(site: Site, name: str, stated: StatedProperty) -> list[tuple[Client, Side]]:
    """Who asks for the opposite of what must be. On a host without mTLS all clients look alike."""
    settings = site.serving(name)
    ruleset = site.ruleset if settings is not None else None
    side = Side(ruleset, stated.must == "blocked", settings is not None and settings.mtls)
    clients = WHO[stated.client]
    return [(client, side) for client in (clients if side.mtls else clients[:1])]


def _broken(stated: StatedProperty, host: str, client: Client, answer: Answer) -> PropertyAnswer:
    assert answer.http is not None and answer.request is not None
    decision = answer.decisions[0]
    got = "allowed" if decision.action == "allow" else "blocked"
    reason = f"{needs(answer.http, WORDS[client], answer.request)} is {got}: {decision.reason}"
    return PropertyAnswer(
        stated,
        "broken",
        reason,
        host=host,
        client=client,
        http=answer.http,
        request=answer.request,
        decision=decision,
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more hosts" if len(names) > 3 else "")
