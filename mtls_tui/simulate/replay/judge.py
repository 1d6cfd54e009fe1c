"""What one logged request would get under a policy, as far as the log tells: allowed, blocked, or unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from mtls_tui.engine.fields import RequestView
from mtls_tui.engine.fields_of import canonical_field
from mtls_tui.engine.policy import Policy
from mtls_tui.lang.catalogue import CERTIFICATE
from mtls_tui.lang.types import FieldValue
from mtls_tui.pki import facts_absent
from mtls_tui.simulate.logs.parts import Reading

PRESENTED: Final = f"{CERTIFICATE}cert_presented"
NO_HOST: Final = "(no such host)"
AMBIGUOUS: Final = "(ambiguous path)"
"""What stands in the place of a rule when the policy refuses a request before any rule is asked."""
NOBODY: Final = "(no host in the log)"


@dataclass(frozen=True, slots=True)
class LoggedVerdict:
    """The outcome for a logged request. `missing` are the fields that it would take to know, for `unknown`."""

    action: str
    rule: str | None = None
    missing: tuple[str, ...] = ()

    @property
    def blocked(self) -> bool:
        """Whether the request would go no further; an unknown one may."""
        return self.action not in ("allow", "unknown")


class Judge:
    """Judges logged requests by one policy."""

    def __init__(self, policy: Policy, fixed: Mapping[str, FieldValue] | None = None) -> None:
        self.policy = policy
        self.fixed = {canonical_field(name): value for name, value in (fixed or {}).items()}
        self.needed = policy.ruleset.fields_read
        self._absent = facts_absent()

    def __call__(self, reading: Reading) -> LoggedVerdict:
        """The verdict. What the log does not tell is unknown, and so is every verdict that depends on it."""
        http = reading.http
        given: dict[str, FieldValue] = {**reading.fields, **self.fixed}
        named = given.get("http.host")
        if isinstance(named, bytes):
            http = replace(http, host=named.decode("utf-8", "surrogateescape"))
        elif "host" not in reading.parts:
            # Whether the policy has the host at all is the first question, and it can't be answered.
            return LoggedVerdict("unknown", None, ("http.host",))
        host = self.policy.host(http.host)
        if host is None:
            return LoggedVerdict("block", NO_HOST)
        if "path" in reading.parts and host.name in self.policy.paths_matter and RequestView(http).ambiguous:
            return LoggedVerdict("block", AMBIGUOUS)
        presented: Any = given.get(PRESENTED)
        if not host.mtls:
            # This policy asks nobody for a certificate on this host, whatever was presented when the log was written.
            given = {**given, **self._absent}
        elif presented is False:
            given = {**self._absent, **given}
        unknown = frozenset(field for field in self.needed if field not in given and not reading.knows(field))
        request, _ = self.policy.request(http, (), http.at or 0.0)
        request = request.with_fields(given)
        ruleset = self.policy.ruleset
        decision = ruleset.decide_unknown(request, unknown) if unknown else ruleset.decide(request)
        if decision.action == "unknown":
            return LoggedVerdict(
                "unknown", decision.rule.ref if decision.rule else None, tuple(sorted(decision.unknown))
            )
        return LoggedVerdict(decision.action, decision.ended_by)
