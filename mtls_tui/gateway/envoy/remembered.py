"""How often Envoy gave verdicts from memory, as it counts them itself. Pure.

Each is counted when it is given, in a statistic of its own name, so none is missing because no question followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, unquote

from mtls_tui.gateway.counters import Counters

PREFIX = "remembered"
"""Of the statistics, in Envoy's filter."""
STATISTICS = f"http.gateway.lua.{PREFIX}."


def statistic(host: str, rule: str, outcome: str) -> str:
    """The name under which Envoy counts a verdict."""
    return "|".join(quote(part, safe="") for part in (host, rule, outcome))


def read(text: str) -> dict[str, int]:
    """The statistics out of what Envoy's admin interface answers; other lines are nothing."""
    found: dict[str, int] = {}
    for line in text.splitlines():
        name, _, value = line.rpartition(": ")
        if name.startswith(STATISTICS) and name.count("|") == 2 and value.isdigit():
            found[name.removeprefix(STATISTICS)] = int(value)
    return found


class Remembered:
    """The sum over all Envoys since the start: each counts from 0, and so does a host whose chain was replaced."""

    def __init__(self) -> None:
        self.counters = Counters()
        self._last: Mapping[str, int] = {}

    def look(self, now: Mapping[str, int]) -> None:
        """Take the statistics as they are now."""
        for name, value in now.items():
            before = self._last.get(name, 0)
            if number := value - before if value >= before else value:
                host, rule, outcome = map(unquote, name.split("|"))
                self.counters.count(host, rule, outcome, number)
        self._last = dict(now)
