"""Requests that reach a host with mTLS without a certificate, past rules that otherwise insist on one."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import NO_CERTIFICATE, Context, blocks, request_for
from mtls_tui.analysis.finding import Check, Hit
from mtls_tui.analysis.reach import unprotected
from mtls_tui.engine.ruleset import Ruleset

MAX_HOSTS = 100
MAX_RULES = 2000
"""Larger files are left to `mtls-tui prove`, which takes its time."""


def find(context: Context) -> Iterator[Hit]:
    """Hosts with `mtls = true` that some rule protects and that a request without a certificate still reaches."""
    if len(context.mtls_hosts) > MAX_HOSTS or len(context.enabled) > MAX_RULES:
        return
    try:
        ruleset = Ruleset(context.enabled, context.lists)
    except ValueError:
        return  # a doubled ref or a missing list: said elsewhere
    names = [name for name, _ in context.hosts]
    for host in context.mtls_hosts:
        known = request_for(host, NO_CERTIFICATE)
        candidates = (place for place in context.positions(host) if blocks(context.enabled[place]))
        if not any(context.may_match(place, known) for place in candidates):
            continue  # nothing protects it: another check says so
        found = unprotected(host, ruleset, others=names)
        if found.http is not None:
            request = found.reason.partition(" is allowed: ")[0].replace(" without a certificate", "", 1)
            yield Hit(
                None,
                None,
                f"some requests to `{host}` pass without a certificate, such as {request}",
                "if that is not meant, narrow the rules; `mtls-tui prove` tells more",
                host,
            )


CHECK = Check(
    "host-exception",
    "info",
    "Some requests pass without a certificate",
    "The rules for a host with mTLS leave something out, such as a path for health checks. The request in the message "
    "is one that they really allow. Where no exception is meant this is the gap.",
    'http.host eq "api.example.com" and http.request.method eq "POST" and not cf.tls_client_auth.cert_verified',
    'http.host eq "api.example.com" and not cf.tls_client_auth.cert_verified',
    find,
)
