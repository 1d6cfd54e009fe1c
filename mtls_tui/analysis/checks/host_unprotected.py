"""Hosts that ask for a certificate while no rule insists on it."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import NO_CERTIFICATE, Context, blocks, request_for
from mtls_tui.analysis.finding import Check, Hit


def find(context: Context) -> Iterator[Hit]:
    """Hosts with `mtls = true` for which no blocking rule can match a request without a certificate."""
    for host in context.mtls_hosts:
        known = request_for(host, NO_CERTIFICATE)
        protected = any(
            blocks(context.enabled[position]) and context.may_match(position, known)
            for position in context.positions(host)
        )
        if not protected:
            yield Hit(
                None,
                None,
                f"no rule keeps requests without a certificate from `{host}`",
                f'add a rule: `http.host eq "{host}" and not cf.tls_client_auth.cert_verified`, action block',
                host,
            )


CHECK = Check(
    "host-unprotected",
    "warning",
    "mTLS is on and nothing enforces it",
    "`mtls = true` only asks for a certificate; the connection goes on without one. It is a rule that has to refuse.",
    '# [[hosts]] name = "api.example.com", mtls = true, and no rule for it',
    'http.host eq "api.example.com" and not cf.tls_client_auth.cert_verified',
    find,
)
