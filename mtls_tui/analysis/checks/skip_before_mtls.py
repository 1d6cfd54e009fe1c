"""Skip rules that stand before the rule that asks for a certificate."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from mtls_tui.analysis.context import NO_CERTIFICATE, Context, request_for
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.engine.model import Rule


def find(context: Context) -> Iterator[Hit]:
    """Skip rules that can match a request without a certificate which a later rule would block for lack of one."""
    for position, rule in enumerate(context.enabled):
        if rule.action != "skip" or rule.shadow:
            continue
        for host in context.mtls_hosts:
            known = request_for(host, NO_CERTIFICATE)
            verdict = context.three_valued(position, known)
            if verdict is False:
                continue
            passed = next(
                (other for place, other in _later(context, host, position) if context.may_match(place, known)), None
            )
            if passed is None:
                continue
            always = verdict is True
            yield Hit(
                rule,
                None,
                f"{'every request' if always else 'what this matches'} to `{host}` passes without a certificate: rule "
                f"`{passed.ref}` comes later",
                "move it behind that rule, or narrow it",
                host,
                None if always else "info",
            )
            break


def _later(context: Context, host: str, position: int) -> Iterator[tuple[int, Rule]]:
    """The rules after this one that may look at the host and block by certificate."""
    here = context.places_of(host)
    for place in context.asking[bisect_right(context.asking, position) :]:
        if place in here:
            yield place, context.enabled[place]


CHECK = Check(
    "skip-before-mtls",
    "warning",
    "A skip rule lets requests past the certificate check",
    "A skip rule ends the evaluation: rules after it, the one that asks for a certificate among them, are not "
    "reached. It "
    "is a warning when every request to the host is skipped, else information: an exception may be just what you want.",
    '# 1 skip:  http.host wildcard "*.example.com"\n# 2 block: http.host eq "api.example.com" and not '
    "cf.tls_client_auth.cert_verified",
    '# 1 block: http.host eq "api.example.com" and not cf.tls_client_auth.cert_verified\n# 2 skip:  http.host wildcard '
    '"*.example.com"',
    find,
)
