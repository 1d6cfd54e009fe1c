"""Rules about certificates for a host that the file doesn't have."""

from __future__ import annotations

from collections.abc import Iterator

from mtls_tui.analysis.context import Context, compared_strings, reads_certificate, text
from mtls_tui.analysis.finding import Check, Hit


def find(context: Context) -> Iterator[Hit]:
    """Host names in rules that read the certificate, which no `[[hosts]]` entry covers."""
    if not context.hosts:
        return
    names = {name.lower() for name, _ in context.hosts}
    seen = set()
    for clause, literal in compared_strings(context, ["http.host"]):
        rule, name = clause.rule, text(literal.value)
        covered = name.lower() in names or any(
            host.startswith("*.") and name.lower().endswith(host[1:]) for host in names
        )
        if covered or not rule.enabled or not reads_certificate(rule) or (rule.ref, name) in seen:
            continue
        seen.add((rule.ref, name))
        if "/" in name or ":" in name or "*" in name:
            continue  # no host name at all: another check says so
        yield Hit(rule, literal, f"`{name}` is not among the hosts", "add it to `[[hosts]]`, or correct the name", name)


CHECK = Check(
    "host-unknown",
    "warning",
    "A rule names a host that is not there",
    "Certificates are asked for host by host. A rule for a host that `[[hosts]]` doesn't name sees no "
    "certificate, so it "
    "blocks everybody, or, if the name is misspelt, nobody.",
    'http.host eq "api.exmaple.com" and not cf.tls_client_auth.cert_verified',
    'http.host eq "api.example.com" and not cf.tls_client_auth.cert_verified',
    find,
)
