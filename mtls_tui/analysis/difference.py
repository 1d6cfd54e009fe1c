"""What two sites (rules and the hosts before which they stand) decide differently: a request that shows it, or a proof.

What a reviewer of a change wants to know is who is newly let in. Hosts and their settings are compared before rules: a
host that only one site has, one that asks for certificates in one of them only, one that judges certificates by other
material. A request shown was decided by both sites and differs; "proved" means that every combination of what the
rules can tell apart was looked at, under the settings of both; where other trust may matter the answer is "not
compared", since no certificate is looked into.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Literal, TypeAlias

from mtls_tui.analysis.question import CLIENTS, WORDS, Answer, Client, Question, Side
from mtls_tui.analysis.site import Site
from mtls_tui.analysis.where import Where
from mtls_tui.analysis.witness import needs
from mtls_tui.engine.fields_of import fields_of
from mtls_tui.engine.model import Decision, HttpRequest, Request
from mtls_tui.lang.catalogue import CERTIFICATE, PRESENTED

Change: TypeAlias = Literal["newly let in", "newly blocked"]
Status: TypeAlias = Literal["changed", "proved the same", "not found", "not compared"]
CHANGES: tuple[Change, ...] = ("newly let in", "newly blocked")
_BY_PATH = frozenset({f"{CERTIFICATE}cert_issuer_serial", f"{CERTIFICATE}cert_issuer_ski"})
"""Texts of a certificate that depend on which issuer was found for it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One answer about one host. `certificate` is what the client of the example comes with, in words."""

    host: str
    change: Change
    status: Status
    reason: str
    certificate: str = ""
    http: HttpRequest | None = None
    request: Request | None = None
    before: Decision | None = None
    after: Decision | None = None


def compare(before: Site, after: Site, hosts: Sequence[str] | None = None) -> list[Difference]:
    """Two answers for each host: whether requests to it are newly let in, and whether some are newly blocked.

    `hosts` are names in comparable form, by default those of both sites. A wildcard means every name that it stands
    for and no other host of either site does.
    """
    names = list(dict.fromkeys([*after.hosts, *before.hosts]))
    found: list[Difference] = []
    for host in names if hosts is None else hosts:
        comparison = _Comparison(host, before, after, names)
        found += (comparison.answer(change) for change in CHANGES)
    return found


class _Comparison:
    """What two sites decide about the requests to a host. A side's settings are None where a site has no such host."""

    def __init__(self, host: str, before: Site, after: Site, names: Sequence[str]) -> None:
        self.host, self.names = host, names
        self.where = Where(host, names)
        self.sites = (before, after)
        self.settings = tuple(site.serving(host) for site in self.sites)
        self._questions: dict[tuple[Client, Client], Question] = {}
        old, new = self.settings
        self.same = old == new and self._says(before) == self._says(after)

    def _says(self, site: Site) -> object:
        """What two sides have equal when they surely decide alike."""
        lists = {name: list(items) for name, items in site.ruleset.lists.items()}
        return [(rule.expression.root, rule.action) for rule in self.where.deciding(site.ruleset)], lists

    def answer(self, change: Change) -> Difference:
        """Whether requests change in one direction."""
        words = self._settings_in_words()
        aside = words and f" ({words})"
        none = f"no request to {self.host} is {change}"
        if self.same:
            return Difference(self.host, change, "proved the same", none)
        reasons: dict[str, None] = {}
        for client in self._clients():
            answer = self._question(client, client).answer(_wanted(change))
            if answer.status == "witness":
                return self._changed(change, client, answer, words)
            if answer.status == "open":
                reasons[answer.reason] = None
        if reasons:
            said = f"no request to {self.host} was found that is {change}; this is not a proof: {'; '.join(reasons)}"
            return Difference(self.host, change, "not found", said + aside)
        old, new = self.settings
        if old and new and old.mtls and new.mtls:
            trust = old.trust.changes(new.trust)
            if trust and not self._whatever_certificates_are(change):
                reason = f"certificates are judged otherwise ({trust}): who is {change} by that was not compared"
                return Difference(self.host, change, "not compared", reason)
        return Difference(self.host, change, "proved the same", none + aside)

    def _clients(self) -> tuple[Client, ...]:
        """Those that some side can tell apart."""
        asked = any(settings is not None and settings.mtls for settings in self.settings)
        return tuple(CLIENTS) if asked else ("none",)

    def _question(self, old: Client, new: Client) -> Question:
        """About one client, or about one whose certificate the sides judge differently."""
        question = self._questions.get((old, new))
        if question is None:
            sides = [
                Side(None if settings is None else site.ruleset, mtls=settings is not None and settings.mtls)
                for site, settings in zip(self.sites, self.settings, strict=True)
            ]
            seen = None if old == new else [side.seen(client) for side, client in zip(sides, (old, new), strict=True)]
            question = self._questions[old, new] = Question(self.host, sides, old, self.names, seen=seen)
        return question

    def _whatever_certificates_are(self, change: Change) -> bool:
        """Whether no request changes even when the two sides judge a certificate differently."""
        if any(
            fields_of(rule.expression.root) & _BY_PATH
            for site in self.sites
            for rule in self.where.deciding(site.ruleset)
        ):
            return False
        presented = [client for client, state in CLIENTS.items() if state[PRESENTED]]
        return all(
            self._question(old, new).impossible(_wanted(change)) for old, new in permutations(presented, 2)
        )  # fmt: skip

    def _changed(self, change: Change, client: Client, answer: Answer, words: str) -> Difference:
        assert answer.http is not None and answer.request is not None
        old, new = answer.decisions
        verb = "is allowed now" if change == "newly let in" else "is blocked now"
        request = needs(answer.http, WORDS[client], answer.request)
        reason = f"{request} {verb}: {old.reason} before, {new.reason} after"
        reason += f" ({words})" if words else ""
        return Difference(
            self.host, change, "changed", reason, WORDS[client], answer.http, answer.request, old, new
        )  # fmt: skip

    def _settings_in_words(self) -> str:
        before, after = self.settings
        if before is None or after is None:
            return (
                "the host is new" if after is not None else "the host is gone" if before is not None else "no such host"
            )
        if before.mtls is not after.mtls:
            return "mTLS is on now" if after.mtls else "mTLS is off now"
        return "other trust" if after.mtls and before.trust != after.trust else ""


def _wanted(change: Change) -> tuple[bool, bool]:
    """Whether each side allows a request that changes so."""
    return (False, True) if change == "newly let in" else (True, False)
