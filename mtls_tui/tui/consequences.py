"""Who is newly let in or blocked by an export: the comparison of two bundles in words, with requests to try.

Takes time that grows with the rules, so it is asked host by host and can be broken off between two of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias

from mtls_tui.engine.bundle import Bundle
from mtls_tui.tui.document import Probe
from mtls_tui.tui.overlays import Item
from mtls_tui.tui.text import decode, safe

if TYPE_CHECKING:
    from mtls_tui.analysis import Difference
    from mtls_tui.engine.model import HttpRequest

Runs: TypeAlias = tuple[tuple[str, str], ...]
LIMIT_S = 15.0
"""Hosts that weren't reached by then are told as such."""
MAX_SHOWN = 12
MAX_WITNESSES = 4
"""Choices that fit below the page on a small terminal."""
ROLES = {
    "with a certificate that is not valid": "self_signed",
    "with a revoked certificate": "revoked",
    "with a valid certificate": "good",
}
"""The simulator's certificate for what the client of an example comes with."""


@dataclass(frozen=True, slots=True)
class Consequences:
    """Lines to show, and the requests among them as choices that put one into the simulator."""

    lines: tuple[Runs, ...]
    witnesses: tuple[Item, ...] = ()


def consequences(
    before: Bundle, after: Bundle, wanted: Callable[[], bool] = lambda: True, limit_s: float = LIMIT_S
) -> Consequences | None:
    """What the rules of two bundles decide otherwise on the hosts of both; None when it is no longer wanted."""
    from mtls_tui.analysis import compare
    from mtls_tui.engine.loading import lists_of, rules_of
    from mtls_tui.engine.ruleset import Ruleset

    names = [host.name for host in before.hosts]
    common = [host.name for host in after.hosts if host.name in set(names)]
    if not common:
        return Consequences(())
    if (before.rules, before.lists) == (after.rules, after.lists):
        return Consequences((_same(before, after),))
    rulesets = [Ruleset(rules_of(bundle), lists_of(bundle)) for bundle in (before, after)]
    others = list(dict.fromkeys([*names, *(host.name for host in after.hosts)]))
    found: list[Difference] = []
    end = monotonic() + limit_s
    looked_at = 0
    for name in common:
        if not wanted():
            return None
        if looked_at and monotonic() > end:
            break
        found += compare(rulesets[0], rulesets[1], [name], others=others)
        looked_at += 1
    return _told(found, len(common) - looked_at, _same(before, after))


def _same(before: Bundle, after: Bundle) -> Runs:
    trust = [(one.anchors, one.intermediates, one.crls, one.hosts) for one in (before, after)]
    if trust[0] == trust[1]:
        return (("✓ proved: decides the same, nobody is newly let in or blocked", "good"),)
    return (("✓ proved: the rules decide the same", "good"), ("; hosts or trust differ, see below", "warn"))


def _told(found: list[Difference], left_out: int, same: Runs) -> Consequences:
    changed = [one for one in found if one.status == "changed"]
    unknown = [one for one in found if one.status == "not found"]
    if not changed and not unknown and not left_out:
        return Consequences((same,))
    lines: list[Runs] = []
    witnesses: list[Item] = []
    # Who is let in comes first: that is what hurts when nobody looks.
    for one in sorted(changed, key=lambda one: one.change != "newly let in")[:MAX_SHOWN]:
        assert one.http is not None and one.before is not None and one.after is not None
        style = "bad" if one.change == "newly let in" else "warn"
        lines.append(((f"! {one.change}: ", style), (safe(f"{request_line(one.http)} {one.certificate}"), "text")))
        lines.append(((safe(f"    {one.before.reason} before, {one.after.reason} after"), "soft"),))
        probe = probe_of(one)
        if probe is not None and len(witnesses) < MAX_WITNESSES:
            title = safe(f"Try it: {one.change}, {one.certificate}")
            witnesses.append(
                Item("deploy.witness", title, detail=safe(request_line(one.http)), arguments=(("probe", probe),))
            )
    if len(changed) > MAX_SHOWN:
        lines.append(((f"  and {len(changed) - MAX_SHOWN} more", "soft"),))
    for change in ("newly let in", "newly blocked"):
        asked = [one for one in found if one.change == change]
        if asked and all(one.status == "proved the same" for one in asked) and not left_out:
            lines.append(((f"✓ proved: no request is {change}", "good"),))
        doubtful = [one.host for one in asked if one.status == "not found"]
        if doubtful:
            hosts = safe(", ".join(doubtful[:3])) + (f" and {len(doubtful) - 3} more" if len(doubtful) > 3 else "")
            lines.append(((f"? not found, which is no proof: a request to {hosts} that is {change}", "warn"),))
    if left_out:
        lines.append(((f"? {left_out} hosts were not looked at: it took too long", "warn"),))
    return Consequences(tuple(lines), tuple(witnesses))


def request_line(http: HttpRequest) -> str:
    """Method and URL."""
    return f"{http.method} {http.scheme}://{http.host}{http.target}"


def probe_of(difference: Difference) -> Probe | None:
    """The request of an answer as the simulator has it; None when it can't be written that way."""
    from mtls_tui.analysis.making import AT
    from mtls_tui.tui.probes import to_http

    http = difference.http
    assert http is not None
    at = "" if http.at in (None, AT) else datetime.fromtimestamp(http.at or 0, UTC).isoformat()
    probe = Probe(
        method=http.method,
        url=f"{http.scheme}://{http.host}{http.target}",
        headers=tuple((name, decode(value)) for name, value in http.headers),
        ip="" if http.client_ip == "127.0.0.1" else http.client_ip,
        at=at,
        certificate=ROLES.get(difference.certificate, "none"),
        overrides=tuple((name, _plain(value)) for name, value in http.overrides.items()),
    )
    try:
        to_http(probe)
    except ValueError:
        return None
    return probe


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        return decode(value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | IPv4Address | IPv6Address) else repr(value)
