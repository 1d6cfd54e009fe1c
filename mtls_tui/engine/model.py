"""What goes into a decision and what comes out. Plain immutable data: no evaluation, no files, no sockets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from mtls_tui.lang.ast import Expression
from mtls_tui.lang.types import Fields, FieldValue

Action: TypeAlias = Literal["block", "log", "skip", "managed_challenge", "js_challenge", "challenge"]
TERMINATING: frozenset[str] = frozenset({"block", "managed_challenge", "js_challenge", "challenge"})


@dataclass(frozen=True, slots=True)
class Response:
    """What a blocked client gets. `status` 400-499; `body` at most 2,048 bytes."""

    status: int = 403
    content_type: str = "text/plain"
    body: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `ref` is its stable name, unique in its ruleset; a rule that is not enabled is not evaluated."""

    ref: str
    expression: Expression
    action: Action = "block"
    description: str = ""
    enabled: bool = True
    response: Response | None = None
    shadow: bool = False
    """Would-block is reported in `Decision.logged` and nothing is blocked."""


@dataclass(frozen=True, slots=True)
class Request:
    """The values of the fields of one request, ready for evaluation. A field left out has its documented default."""

    fields: Fields

    def with_fields(self, changes: Mapping[str, FieldValue]) -> Request:
        """A copy with some fields replaced."""
        return Request({**self.fields, **changes})


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome for one request.

    `action` is the terminating rule's, or "allow" when none matched; `rule` is that rule or None;
    `logged` are the rules of action `log` (and shadowed ones) that matched before; `skipped_by` is the skip rule that
    ended the evaluation, if any. `reason` is one line for a log.
    """

    action: Literal["allow"] | Action
    rule: Rule | None = None
    logged: tuple[Rule, ...] = ()
    reason: str = ""
    skipped_by: Rule | None = None

    @property
    def blocked(self) -> bool:
        """Whether the request goes no further (challenges count: the bundled engine has no browser to test)."""
        return self.action in TERMINATING

    @property
    def ended_by(self) -> str | None:
        """The ref of the rule that ended the evaluation, a terminating one or a skip; None when none did."""
        rule = self.rule or self.skipped_by
        return rule.ref if rule is not None else None


BODY_BYTES = 131_072
"""How much of a body rules see by default (Cloudflare's limit is 128 KB on Enterprise plans); the rest is cut."""

BLOCKED_BY_ERROR = "the decision failed, so the request is blocked"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One HTTP request as a client sent it, before anything is known of rules: what simulator and gateway both build.

    `target` is the request target as received (path and query, percent-encoding kept); `headers` are in order of
    arrival with names in lower case; `body` is None when it was not read; `body_truncated` tells that it was cut.
    `at` is a POSIX time in seconds.
    """

    method: str = "GET"
    scheme: str = "https"
    host: str = ""
    target: str = "/"
    headers: tuple[tuple[str, bytes], ...] = ()
    client_ip: str = "127.0.0.1"
    http_version: str = "HTTP/2"
    tls_version: str = "TLSv1.3"
    tls_cipher: str = "AEAD-AES128-GCM-SHA256"
    body: bytes | None = None
    body_truncated: bool = False
    at: float | None = None
    normalised: bool = False
    """Whether `target` is what the upstream will get, normalised by the proxy that asks. A path that then isn't normal
    is refused; without this flag `target` is what the client sent, and rules see its normal form."""
    overrides: Mapping[str, FieldValue] = field(default_factory=dict)
    """Field values set by hand; they win over everything computed."""
