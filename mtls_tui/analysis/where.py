"""A host that is asked about, and the rules that can decide about requests to it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from mtls_tui.analysis.context import host_literals, sample_host
from mtls_tui.engine import hostnames
from mtls_tui.engine.model import Rule
from mtls_tui.engine.ruleset import Ruleset
from mtls_tui.theory import Wildcard


class Where:
    """One name, or the names that a wildcard stands for. `others` are the names of all hosts."""

    def __init__(self, host: str, others: Iterable[str] = ()) -> None:
        self.host = host
        self.sample = sample_host(host)
        self._hosts = {name: name for name in (*others, host)}
        self.names: bytes | Wildcard = (
            Wildcard(host, tuple(self._hosts)) if host.startswith("*.") else self.sample.encode()
        )

    def covers(self, name: str) -> bool:
        """Whether requests to a name are requests to this host, as a policy routes them."""
        return hostnames.normalise(name) == name and hostnames.most_specific(name, self._hosts) == self.host

    def deciding(self, ruleset: Ruleset) -> list[Rule]:
        """The enabled rules that can change what happens to a request here, in order."""
        by_host, anywhere = _by_host(ruleset)
        places = set(anywhere)
        if isinstance(self.names, bytes):
            places.update(by_host.get(self.sample, ()))
        else:
            for name, found in by_host.items():
                if self.covers(name):
                    places.update(found)
        return [ruleset.enabled[place] for place in sorted(places)]


@lru_cache(maxsize=4)
def _by_host(ruleset: Ruleset) -> tuple[dict[str, list[int]], list[int]]:
    """Places of the rules that decide something: by the host names that they are limited to, and without limit."""
    by_host: dict[str, list[int]] = {}
    anywhere: list[int] = []
    for place, rule in enumerate(ruleset.enabled):
        if rule.shadow or rule.action == "log":
            continue
        names = host_literals(rule)
        if names is None:
            anywhere.append(place)
        for name in names or ():
            by_host.setdefault(name, []).append(place)
    return by_host, anywhere
