"""From a question to an answer: the policy decides, here it is asked, answered, logged and counted. No sockets.

Whatever goes wrong in here is a block. Answers are built once per rule and once per client certificate.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from typing import NamedTuple

from mtls_tui import pki
from mtls_tui.engine.model import BLOCKED_BY_ERROR, Response
from mtls_tui.engine.policy import Host, Outcome, Policy
from mtls_tui.gateway.accesslog import LogLine
from mtls_tui.gateway.chains import Chains, Identity, Told
from mtls_tui.gateway.counters import Counters
from mtls_tui.gateway.envoy import facts
from mtls_tui.gateway.envoy.facts import FACTS_HEADER
from mtls_tui.gateway.envoy.hostplan import Ask, enough
from mtls_tui.gateway.questions import MalformedError, Question, QuestionReader, RawQuestion
from mtls_tui.gateway.settings import UpstreamHeader

REFUSED = Response(403, "text/plain", "forbidden\n")
MISDIRECTED = Response(421, "text/plain", "misdirected request: this host is not served on this connection\n")
STALE = Response(503, "text/plain", "the rules have just changed; ask again\n")
ALLOWED = Told(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
LONGEST_HEADER = 16_384
"""Characters of an identity header's value; a longer one is not passed to the upstream, which is logged and counted."""


@dataclass(frozen=True, slots=True)
class GatewayVerdict:
    """What becomes of a request: `response` is the refusal, None lets it pass."""

    line: LogLine
    response: Response | None
    identity: Identity | None = None
    outcome: Outcome | None = None
    wants_facts: bool = False
    """Whether Envoy asks for what the certificates hold."""

    @property
    def trusted(self) -> bool:
        """Whether the certificate is an identity: verified and not revoked."""
        verification = self.outcome.verification if self.outcome is not None else None
        return verification is not None and verification.verified and not verification.revoked

    @property
    def fate(self) -> str:
        """What became of the certificate, in the words of `X-Client-Cert-Verified`."""
        if self.identity is None:
            return "NONE"
        return "SUCCESS" if self.trusted else "REVOKED" if self.line.revoked else "FAILED"


class _Misplaced(NamedTuple):
    """A question that no rule is asked about, and why."""

    kind: str
    reason: str
    response: Response


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether something that was let pass would still be."""

    refused: str = ""
    """Why it would not be; empty: it would."""
    rule: str = ""
    host: str = ""
    fingerprint: str = ""
    until: float = math.inf
    """Until when that holds if neither rules nor trust change, POSIX seconds."""


@dataclass(slots=True)
class Decider:
    """Answers questions by one policy. A new bundle means a new one; nothing of the old is kept."""

    policy: Policy
    reader: QuestionReader
    generation: int = 0
    shadow: bool = False
    upstream_headers: tuple[UpstreamHeader, ...] = ()
    asks: dict[str, Ask] = field(default_factory=dict)
    """What has to be asked for each host, by its name in the bundle; empty: the proxy decides what it tells."""
    facts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The fields of a certificate that rules inside Envoy read, by host, for the hosts that have such rules."""
    statuses: tuple[int, ...] = ()
    counters: Counters = field(default_factory=Counters)
    chains: Chains = field(default_factory=Chains)
    _refusals: dict[Response, bytes] = field(default_factory=dict)
    _nameless: dict[str, Told] = field(default_factory=dict)

    def answer(self, asking: RawQuestion, now: float) -> tuple[bytes, LogLine]:
        """The HTTP answer to a question, and the line for the log. Never raises. `now`: POSIX seconds."""
        verdict = self.judge(asking, now)
        left_out: tuple[str, ...] = ()
        if verdict.response is not None:
            data = self._refusal(verdict.response)
        else:
            told = self._allowance(verdict)
            data, left_out = told.data, told.left_out
            self._tell_left_out(verdict, left_out)
        if verdict.wants_facts and (text := self._facts(verdict)):
            data = data.replace(b"\r\n", f"\r\n{FACTS_HEADER}: {text}\r\n".encode("ascii"), 1)
        return data, verdict.line

    def judge(self, asking: RawQuestion, now: float) -> GatewayVerdict:
        """What becomes of a request. Never raises: whatever goes wrong is a refusal."""
        question: Question | None = None
        try:
            question = self.reader(asking)
            return self._decide(question, now)
        except MalformedError as error:
            return self._refuse(question, now, "malformed", str(error), REFUSED)
        except Exception as error:
            reason = f"{BLOCKED_BY_ERROR}: {type(error).__name__}: {error}"
            return self._refuse(question, now, "error", reason, REFUSED)

    def standing(self, question: Question, now: float) -> Standing:
        """Whether a request that was let pass would be let pass at a time. Never raises; counts and logs nothing."""
        try:
            host = self._host(question)
            if isinstance(host, _Misplaced):
                return Standing(host.reason)
            identity = self._identify(question) if host.mtls else None
            outcome = self.policy.decide(question.http, identity.chain if identity else (), now)
        except Exception as error:
            return Standing(f"{BLOCKED_BY_ERROR}: {type(error).__name__}: {error}")
        decision, verification = outcome.decision, outcome.verification
        until = math.inf if verification is None else float(verification.valid_until)
        if decision.blocked and not self.shadow:
            rule = decision.rule.ref if decision.rule else ""
            return Standing(decision.reason, rule, host.name, identity.fingerprint if identity else "", until)
        return Standing(host=host.name, until=until)

    def _host(self, question: Question) -> Host | _Misplaced:
        """The host that a question is for, if it belongs to the connection and enough was asked."""
        host = self.policy.host(question.http.host)
        if host is None:
            return _Misplaced("misdirected", "no such host", MISDIRECTED)
        if question.sni is not None:
            served = self.policy.host(question.sni) if question.sni else None
            if served is None or served.name != host.name:
                return _Misplaced("misdirected", f"the connection is for `{question.sni}`", MISDIRECTED)
        if self.asks and not enough(question.asked, self.asks.get(host.name, "body")):
            return _Misplaced("stale", "asked by the rules before the last reload", STALE)
        return host

    def _decide(self, question: Question, now: float) -> GatewayVerdict:
        host = self._host(question)
        if isinstance(host, _Misplaced):
            return self._refuse(question, now, host.kind, host.reason, host.response)
        identity = self._identify(question) if host.mtls else None
        outcome = self.policy.decide(question.http, identity.chain if identity else (), now)
        verified = outcome.verification is not None and outcome.verification.verified
        if identity is not None and verified and identity.key not in self.chains:
            self.chains.keep(identity)
        decision = outcome.decision
        line = self._line(question, now, outcome, identity)
        shadowed = decision.blocked and self.shadow
        self.counters.count(host.name, line.rule, "shadow" if shadowed else decision.action)
        for rule in decision.logged:
            self.counters.count(host.name, rule.ref, "shadow" if rule.shadow else "log")
        if decision.blocked and not shadowed:
            response = decision.rule.response if decision.rule is not None and decision.rule.response else REFUSED
            return GatewayVerdict(line, response, identity, outcome, question.wants_facts)
        if shadowed:
            line.action, line.would = "allow", decision.action
        return GatewayVerdict(line, None, identity, outcome, question.wants_facts)

    def _identify(self, question: Question) -> Identity | None:
        text = question.certificates
        if not text:
            return None
        key = self.chains.key(text)
        known = self.chains.find(key)
        if known is None:
            chain = question.chain()
            known = Identity(key, chain, sha256(chain[0]).hexdigest())
        return known

    def _refusal(self, response: Response) -> bytes:
        built = self._refusals.get(response)
        if built is None:
            status = response.status
            if self.statuses and status not in self.statuses:
                status = self.statuses[0]
            built = self._refusals[response] = refusal(Response(status, response.content_type, response.body))
        return built

    def _allowance(self, verdict: GatewayVerdict) -> Told:
        """200 with what the upstream may know. Built once per chain that is an identity, else once per fate."""
        if not self.upstream_headers:
            return ALLOWED
        identity = verdict.identity
        if identity is None or not verdict.trusted:
            # Of such a certificate nothing but its fate is told.
            nameless = self._nameless.get(verdict.fate)
            if nameless is None:
                nameless = self._nameless[verdict.fate] = allowance(verdict, self.upstream_headers)
            return nameless
        told = self.chains.told(identity.key)
        if told is None:
            told = allowance(verdict, self.upstream_headers)
            self.chains.keep(identity, told)
        return told

    def _tell_left_out(self, verdict: GatewayVerdict, names: Iterable[str]) -> None:
        host = verdict.outcome.host if verdict.outcome is not None else None
        for name in names:
            verdict.line.left_out.append(name)
            self.counters.leave_out(host.name if host is not None else "", name)

    def _facts(self, verdict: GatewayVerdict) -> str:
        """What Envoy may remember of the certificates; empty when it may not, or when it is too much."""
        outcome = verdict.outcome
        host = outcome.host if outcome is not None else None
        if outcome is None or host is None or host.name not in self.facts or (host.mtls and not outcome.verification):
            return ""
        found = facts.chosen(self.facts[host.name], outcome.request.fields)
        upstream, left_out = told_upstream(verdict, self.upstream_headers)
        if found is None or left_out:
            return ""  # what is left out has to be told each time, in the log
        until = outcome.verification.valid_until if outcome.verification is not None else math.inf
        return facts.encode(self.generation, until, verdict.line.identity(), found, upstream)

    def _line(self, question: Question, now: float, outcome: Outcome, identity: Identity | None) -> LogLine:
        decision, verification = outcome.decision, outcome.verification
        return LogLine.of(
            question,
            now,
            action=decision.action,
            rule=decision.ended_by or "",
            reason=decision.reason,
            logged=[rule.ref for rule in decision.logged],
            fingerprint=identity.fingerprint if identity else "",
            verified=verification is not None and verification.verified,
            revoked=verification is not None and verification.revoked,
            certificate_error=str(verification.error) if verification is not None and verification.error else "",
        )

    def _refuse(
        self, question: Question | None, now: float, kind: str, reason: str, response: Response
    ) -> GatewayVerdict:
        # Counted without the host: a client could invent any number of them.
        self.counters.count("", "", kind)
        return GatewayVerdict(LogLine.of(question, now, action="block", rule="", reason=reason), response)


def refusal(response: Response) -> bytes:
    """A whole HTTP/1.1 answer."""
    body = response.body.encode("utf-8")
    try:
        phrase = HTTPStatus(response.status).phrase
    except ValueError:
        phrase = "Refused"
    head = (
        f"HTTP/1.1 {response.status} {phrase}\r\ncontent-type: {response.content_type}\r\n"
        f"cache-control: no-store\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


def allowance(verdict: GatewayVerdict, wanted: Iterable[UpstreamHeader]) -> Told:
    """The answer that lets a request pass, with the headers for the upstream."""
    pairs, left_out = told_upstream(verdict, wanted)
    lines = "".join(f"{name}: {value}\r\n" for name, value in pairs)
    return Told(f"HTTP/1.1 200 OK\r\n{lines}content-length: 0\r\n\r\n".encode("latin-1"), left_out)


def told_upstream(
    verdict: GatewayVerdict, wanted: Iterable[UpstreamHeader]
) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
    """The headers that tell an upstream of the client, and the names of those that are too long to be told.

    An untrusted certificate is not an identity: only what became of it is told. Client-Cert and Client-Cert-Chain are
    RFC 9440's, the chain as presented.
    """
    chain = verdict.identity.chain if verdict.identity is not None else ()
    pairs: list[tuple[str, str]] = []
    for name in wanted:
        if name == "verified":
            pairs.append(("x-client-cert-verified", verdict.fate))
        if not verdict.trusted or not chain:
            continue
        if name == "client-cert":
            pairs.append(("client-cert", _byte_sequence(chain[0])))
        elif name == "client-cert-chain" and len(chain) > 1:
            pairs.append(("client-cert-chain", ", ".join(_byte_sequence(der) for der in chain[1:])))
        elif name == "subject":
            subject = pki.facts(chain[0])["cf.tls_client_auth.cert_subject_dn_rfc2253"]
            pairs.append(("x-client-cert-subject", printable(subject)))
        elif name == "fingerprint":
            pairs.append(("x-client-cert-fingerprint", sha256(chain[0]).hexdigest()))
    return (
        [pair for pair in pairs if len(pair[1]) <= LONGEST_HEADER],
        tuple(name for name, value in pairs if len(value) > LONGEST_HEADER),
    )


def printable(value: object) -> str:
    """A subject as a header value: what is not printable ASCII is percent-encoded, `%` too."""
    data = value if isinstance(value, bytes) else str(value).encode()
    return "".join(chr(b) if 0x20 <= b < 0x7F and b != 0x25 else f"%{b:02X}" for b in data)


def _byte_sequence(der: bytes) -> str:
    return f":{b64encode(der).decode('ascii')}:"
