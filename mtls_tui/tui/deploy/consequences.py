"""Who is newly let in or blocked by an export: the comparison of two bundles in words, with requests to try.

Its time grows with the rules, so it runs host by host and can be stopped between two of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, TypeAlias

from mtls_tui.engine.bundle import Bundle
from mtls_tui.tui.drawing.safe_text import safe
from mtls_tui.tui.simulator.from_answer import probe_of, request_line
from mtls_tui.tui.state.overlays import Choice

if TYPE_CHECKING:
    from mtls_tui.analysis import Difference

Runs: TypeAlias = tuple[tuple[str, str], ...]
LIMIT_S = 15.0
"""Seconds; hosts that were not reached by then are named."""
MAX_SHOWN = 12
MAX_WITNESSES = 4
"""Choices that fit below the page on a small terminal."""


@dataclass(frozen=True, slots=True)
class Consequences:
    """Lines to show, and the requests among them as choices that put one into the simulator."""

    lines: tuple[Runs, ...]
    witnesses: tuple[Choice, ...] = ()


def consequences(
    before: Bundle, after: Bundle, wanted: Callable[[], bool] = lambda: True, limit_s: float = LIMIT_S
) -> Consequences | None:
    """What two bundles decide differently on the hosts of either; None if the answer is no longer wanted."""
    from mtls_tui.analysis import Site, compare

    rules_alike = (before.rules, before.lists) == (after.rules, after.lists)
    if rules_alike and _settings(before) == _settings(after):
        return Consequences((_SAME,))
    sites = Site.of(before), Site.of(after)
    names = list(dict.fromkeys([*sites[1].hosts, *sites[0].hosts]))
    found: list[Difference] = []
    end = monotonic() + limit_s
    looked_at = 0
    for name in names:
        if not wanted():
            return None
        if looked_at and monotonic() > end:
            break
        found += compare(*sites, [name])
        looked_at += 1
    return _told(found, len(names) - looked_at)


_SAME: Runs = (("✓ proved: decides the same, nobody is newly let in or blocked", "good"),)


def _settings(bundle: Bundle) -> tuple[object, ...]:
    return bundle.anchors, bundle.intermediates, bundle.crls, bundle.crl_files, bundle.hosts


def _told(found: list[Difference], left_out: int) -> Consequences:
    changed = [one for one in found if one.status == "changed"]
    if found and not left_out and all(one.status == "proved the same" for one in found):
        return Consequences((_SAME,))
    lines: list[Runs] = []
    witnesses: list[Choice] = []
    # Who is let in comes first: that is what hurts when nobody looks.
    for one in sorted(changed, key=lambda one: one.change != "newly let in")[:MAX_SHOWN]:
        assert one.http is not None and one.request is not None and one.before is not None and one.after is not None
        style = "bad" if one.change == "newly let in" else "warn"
        what, _, why = one.reason.partition(
            " is allowed now: " if one.change == "newly let in" else " is blocked now: "
        )
        lines.append(((f"! {one.change}: ", style), (safe(what), "text")))
        lines.append(((safe(f"    {why}"), "soft"),))
        probe = probe_of(one.http, one.request, one.certificate)
        if probe is not None and len(witnesses) < MAX_WITNESSES:
            title = safe(f"Try it: {one.change}, {one.certificate}")
            witnesses.append(
                Choice("deploy.witness", title, detail=safe(request_line(one.http)), arguments=(("probe", probe),))
            )
    if len(changed) > MAX_SHOWN:
        lines.append(((f"  and {len(changed) - MAX_SHOWN} more", "soft"),))
    for change in ("newly let in", "newly blocked"):
        asked = [one for one in found if one.change == change]
        if asked and all(one.status == "proved the same" for one in asked) and not left_out:
            lines.append(((f"✓ proved: no request is {change}", "good"),))
        doubtful = [one.host for one in asked if one.status == "not found"]
        if doubtful:
            hosts = _listed(doubtful)
            lines.append(((f"? not found, which proves nothing: a request to {hosts} that is {change}", "warn"),))
    for reason in dict.fromkeys(one.reason for one in found if one.status == "not compared"):
        hosts = _listed([one.host for one in found if one.reason == reason])
        lines.append(((safe(f"? {hosts}: {reason}"), "warn"),))
    if left_out:
        lines.append(((f"? {left_out} hosts were not looked at: it took too long", "warn"),))
    return Consequences(tuple(lines), tuple(witnesses))


def _listed(hosts: list[str]) -> str:
    return safe(", ".join(hosts[:3])) + (f" and {len(hosts) - 3} more" if len(hosts) > 3 else "")
