"""Rules the wrong way round: they block clients with a valid certificate."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import NO_CERTIFICATE, VALID, Context, blocks, host_literals, request_for
from mtls_tui.analysis.finding import Check, Hit


def find(context: Context) -> Iterator[Hit]:
    """Blocking rules that surely match a valid certificate and surely don't match none, for a host of the rule."""
    for position, rule in enumerate(context.enabled):
        if not blocks(rule):
            continue
        for host in sorted(host_literals(rule) or ["www.example.com"])[:8]:
            valid = context.three_valued(position, request_for(host, VALID))
            if valid is True and context.three_valued(position, request_for(host, NO_CERTIFICATE)) is False:
                yield Hit(
                    rule,
                    None,
                    "this blocks every valid certificate and lets requests without one pass",
                    "put `not` before the check of the certificate",
                )
                break


CHECK = Check(
    "valid-blocked",
    "warning",
    "Valid certificates are blocked",
    "A blocking rule says what is to be refused. Without the `not`, it refuses exactly the clients it was written for.",
    'http.host eq "api.example.com" and cf.tls_client_auth.cert_verified',
    'http.host eq "api.example.com" and not cf.tls_client_auth.cert_verified',
    find,
)
