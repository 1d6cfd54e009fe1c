"""Rules that want a certificate on a host that doesn't ask for one."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import NO_CERTIFICATE, Context, blocks, host_literals, reads_certificate, request_for
from mtls_tui.analysis.finding import Check, Hit


def find(context: Context) -> Iterator[Hit]:
    """Blocking rules that name a host with `mtls = false` and match requests to it without a certificate."""
    off = {name for name, mtls in context.hosts if not mtls}
    for position, rule in enumerate(context.enabled):
        if not blocks(rule) or not reads_certificate(rule):
            continue
        for host in sorted(off & (host_literals(rule) or frozenset())):
            if context.may_match(position, request_for(host, NO_CERTIFICATE)):
                yield Hit(
                    rule,
                    None,
                    f"`{host}` never asks for a certificate, so no client can have one",
                    f"set `mtls = true` for `{host}`",
                    host,
                )


CHECK = Check(
    "host-without-mtls",
    "warning",
    "A certificate is wanted where none is asked for",
    "With `mtls = false` the server doesn't ask for a client certificate, and clients don't send one unasked: the rule "
    "blocks everybody.",
    '# [[hosts]] name = "www.example.com", mtls = false\nhttp.host eq "www.example.com" and not '
    "cf.tls_client_auth.cert_verified",
    '# [[hosts]] name = "www.example.com", mtls = true\nhttp.host eq "www.example.com" and not '
    "cf.tls_client_auth.cert_verified",
    find,
)
