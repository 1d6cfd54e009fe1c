"""Watching that the access log is written: what Envoy loses, and saying once that lines are being lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping

STEADY_SECONDS = 10.0
"""So long nothing may fail before the log counts as written again."""
WRITES = ("write_buffered", "write_completed", "write_failed", "write_total_buffered")
"""Envoy's statistics `filesystem.*`: lines handed in, pieces written, pieces failed, bytes that wait."""


class EnvoyLog:
    """Lines that Envoy could not write. It counts pieces of many lines, so this is what it can be at most."""

    def __init__(self) -> None:
        self.lost = 0
        self.failing = False
        self._last: Mapping[str, int] = {}
        self._waiting = 0
        """Lines of the look before that had not been written then."""

    def look(self, now: Mapping[str, int]) -> None:
        """Take WRITES as they are now; they start at 0 with every Envoy."""
        last = self._last
        if any(now[name] < last.get(name, 0) for name in WRITES[:3]):
            last, self._waiting = {}, 0
        lines, written, failed = (now[name] - last.get(name, 0) for name in WRITES[:3])
        if failed:
            self.lost += lines + self._waiting
            self.failing = True
        elif written:
            self.failing = False
        self._waiting = lines if now["write_total_buffered"] and not failed else 0
        self._last = dict(now)


class LogWatch:
    """Tells when the log can't be written, and when it can again; once each, however often it looks."""

    def __init__(self, name: str, tell: Callable[[str], None]) -> None:
        self._name, self._tell = name, tell
        self._good_since: float | None = None
        self._told = False

    def look(self, why: str, lost: int, now: float) -> None:
        """`why`: what keeps it from being written, empty when nothing does; `now`: seconds of a monotonic clock."""
        if why:
            self._good_since = None
            if not self._told:
                self._told = True
                self._tell(
                    f"{self._name}: the access log can't be written: {why}; requests go on, lost lines are counted"
                )
        elif self._told:
            if self._good_since is None:
                self._good_since = now
            elif now - self._good_since >= STEADY_SECONDS:
                self._told = False
                self._tell(f"{self._name}: the access log is written again; {lost} lines are lost since the start")
