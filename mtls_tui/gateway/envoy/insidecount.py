"""How often Envoy decided by itself, as it counts that. Pure.

Each decision is counted when it is made, in a statistic named after host, rule and outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, unquote

from mtls_tui.gateway.counters import Counters

PREFIX = "inside"
"""Of the statistics, in Envoy's filter."""
STATISTICS = f"http.gateway.lua.{PREFIX}."
FAILURES = ("failed", "errors")
"""Of the rules, as `inside.lua` counts them, and of that script itself, as Envoy does."""


def statistic(host: str, rule: str, outcome: str) -> str:
    """The name under which Envoy counts a decision."""
    return "|".join(quote(part, safe="") for part in (host, rule, outcome))


def read(text: str) -> dict[str, int]:
    """The statistics out of what Envoy's admin interface answers; other lines are nothing."""
    found: dict[str, int] = {}
    for line in text.splitlines():
        name, _, value = line.rpartition(": ")
        short = name.removeprefix(STATISTICS)
        if name.startswith(STATISTICS) and (short.count("|") == 2 or short in FAILURES) and value.isdigit():
            found[short] = int(value)
    return found


class InsideCount:
    """The sum over all Envoys since the start: each counts from 0, and so does a host whose chain was replaced."""

    def __init__(self) -> None:
        self.counters = Counters()
        self.failures = 0
        """How often the decision service was asked because something failed."""
        self._last: Mapping[str, int] = {}

    def look(self, now: Mapping[str, int]) -> None:
        """Take the statistics as they are now."""
        for name, value in now.items():
            before = self._last.get(name, 0)
            number = value - before if value >= before else value
            if name in FAILURES:
                self.failures += number
            elif number:
                host, rule, outcome = map(unquote, name.split("|"))
                self.counters.count(host, rule, outcome, number)
        self._last = dict(now)
