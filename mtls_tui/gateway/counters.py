"""Counters of a decision process, and how those of several are added up. Plain data."""

from __future__ import annotations

from collections.abc import Iterable

BUCKETS: tuple[float, ...] = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0)
"""Upper bounds of the histogram of decision times, in seconds."""


class Counters:
    """What was decided, by host, rule and outcome; how long it took; which identity headers no upstream was told."""

    __slots__ = ("buckets", "decisions", "left_out", "seconds")

    def __init__(self) -> None:
        self.decisions: dict[tuple[str, str, str], int] = {}
        self.left_out: dict[tuple[str, str], int] = {}
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0

    def count(self, host: str, rule: str, outcome: str, number: int = 1) -> None:
        """One more decision, or several."""
        key = (host, rule, outcome)
        self.decisions[key] = self.decisions.get(key, 0) + number

    def leave_out(self, host: str, header: str) -> None:
        """One more identity header that was too long to be told."""
        key = (host, header)
        self.left_out[key] = self.left_out.get(key, 0) + 1

    def time(self, seconds: float) -> None:
        """One more duration."""
        self.seconds += seconds
        index = 0
        for bound in BUCKETS:
            if seconds <= bound:
                break
            index += 1
        self.buckets[index] += 1

    def plain(self) -> dict[str, object]:
        """As plain data, to be sent."""
        return {
            "decisions": [[*key, number] for key, number in self.decisions.items()],
            "left_out": [[*key, number] for key, number in self.left_out.items()],
            "buckets": self.buckets,
            "seconds": self.seconds,
        }

    @classmethod
    def from_plain(cls, data: dict[str, object]) -> Counters:
        """The inverse of `plain`."""
        counters = cls()
        for host, rule, outcome, number in data["decisions"]:  # type: ignore[attr-defined]
            counters.decisions[(host, rule, outcome)] = number
        for host, header, number in data["left_out"]:  # type: ignore[attr-defined]
            counters.left_out[(host, header)] = number
        counters.buckets = list(data["buckets"])  # type: ignore[call-overload]
        counters.seconds = float(data["seconds"])  # type: ignore[arg-type]
        return counters


def total(all_counters: Iterable[Counters]) -> Counters:
    """The counters of several processes, added up."""
    result = Counters()
    for counters in all_counters:
        for key, number in counters.decisions.items():
            result.decisions[key] = result.decisions.get(key, 0) + number
        for pair, number in counters.left_out.items():
            result.left_out[pair] = result.left_out.get(pair, 0) + number
        result.buckets = [a + b for a, b in zip(result.buckets, counters.buckets, strict=True)]
        result.seconds += counters.seconds
    return result
