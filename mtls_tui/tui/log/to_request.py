"""Converts a line of the log to a request of the simulator; what the log lacks is replaced."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from mtls_tui.tui.log.state import LogEntry
from mtls_tui.tui.registry.register import Refusal
from mtls_tui.tui.state.content import Probe

if TYPE_CHECKING:
    from mtls_tui.tui.certificates.by_fingerprint import NamedCertificate

PREFIX = "cf.tls_client_auth."
LACKS = "the log has no query, headers or body"


def printable(text: str) -> str:
    """A text for a file or a notice: what is not printable is replaced."""
    return "".join(c if c.isprintable() else "�" for c in text)


def probe_of(
    entry: LogEntry, known: NamedCertificate | None, *, by_file: bool = False, wanted: str = ""
) -> Probe | Refusal:
    """The request of a line.

    A certificate that isn't known is replaced by what the log says of it: fingerprint, verified, revoked. `by_file`:
    pasted certificates won't do (a test names files); those fields of the certificate that stand in `wanted` are set.
    """
    from mtls_tui.tui.simulator import probes

    if not entry.host:
        return Refusal("this line names no host: there is no request to simulate")
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,40}", entry.method or "GET"):
        return Refusal("the method of this line is none that can be sent")
    path = entry.path if entry.path.startswith("/") else f"/{entry.path}"
    probe = Probe(
        method=entry.method or "GET",
        url=f"https://{entry.host}{path.replace('#', '%23').replace('?', '%3F')}",
        ip=_address(entry.client),
    )
    if known is not None and known.file:
        probe = replace(probe, certificate=known.file)
    elif known is not None and known.pem and not by_file:
        probe = replace(probe, certificate="", pem=known.pem)
    elif entry.fingerprint:
        probe = replace(probe, overrides=_logged_facts(entry, known, wanted))
    try:
        probes.to_http(probe)
    except ValueError as error:
        return Refusal(f"this request can't be simulated: {printable(str(error))}")
    return probe


def _logged_facts(entry: LogEntry, known: NamedCertificate | None, wanted: str) -> tuple[tuple[str, str], ...]:
    facts = {
        "cert_presented": "true",
        "cert_verified": str(entry.verified).lower(),
        "cert_revoked": str(entry.revoked).lower(),
        "cert_fingerprint_sha256": entry.fingerprint,
    }
    found = {f"{PREFIX}{name}": value for name, value in facts.items()}
    for name, value in known.facts.items() if known is not None else ():
        if name in wanted:
            found.setdefault(name, value)
    return tuple(found.items())


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


def lacking(entry: LogEntry, known: NamedCertificate | None) -> str:
    """What the log lacks, in words."""
    if entry.fingerprint and known is None:
        return f"{LACKS}; nor the certificate: what it says of it is set instead"
    return LACKS
