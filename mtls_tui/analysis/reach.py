"""Is there a request that reaches a host without a good certificate? A request that does, or a proof that none can.

A request found is real: it was decided by the very ruleset and allowed. A proof is complete: every combination of what
the rules can tell apart was looked at, and each is blocked (see `question`). Where neither comes out the answer is "not
found", which promises nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mtls_tui.analysis.question import WORDS, Side, ask
from mtls_tui.analysis.witness import needs
from mtls_tui.engine.model import Decision, HttpRequest, Request
from mtls_tui.engine.ruleset import Ruleset

Client: TypeAlias = Literal["none", "untrusted", "revoked"]
Status: TypeAlias = Literal["reached", "proved", "not found"]
CLIENTS: tuple[Client, ...] = ("none", "untrusted", "revoked")
"""The clients that must not pass where a good certificate is insisted on."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The answer. `http` is the request that was allowed, `request` its fields, `decision` what the rules said."""

    status: Status
    host: str
    client: Client
    reason: str
    http: HttpRequest | None = None
    request: Request | None = None
    decision: Decision | None = None


def unprotected(
    host: str, ruleset: Ruleset, *, client: Client = "none", others: Iterable[str] = (), mtls: bool = True
) -> Reach:
    """Whether some request reaches `host` past these rules, from a client without a (good) certificate.

    `client` is what it comes with. `host` may be a wildcard (`*.example.com`): then every name is meant that it stands
    for, but for those that one of `others` (the names of all hosts) stands for more closely. Without `mtls` the host
    asks for no certificate, so rules see none. Takes a bounded number of steps; never raises.
    """
    answer = ask(host, [Side(ruleset, mtls=mtls)], client=client, others=tuple(others))
    words = WORDS[client]
    if answer.http is not None and answer.request is not None:
        decision = answer.decisions[0]
        reason = f"{needs(answer.http, words, answer.request)} is allowed: {decision.reason}"
        return Reach("reached", host, client, reason, answer.http, answer.request, decision)
    if answer.status == "proved":
        return Reach("proved", host, client, f"every request to {host} {words} is blocked")
    reason = f"no request to {host} {words} was found to pass; this is not a proof: {answer.reason}"
    return Reach("not found", host, client, reason)
