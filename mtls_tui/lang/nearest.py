"""The known name that a wrong one most likely means."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache

from mtls_tui.lang import catalogue

_LONGEST = 80
"""Longer words are not mistyped names; comparing them would only take time."""


@lru_cache(maxsize=256)
def nearest_field(name: str) -> str:
    """The field that is meant, "" when none is near: `host`, `http.hots`, `HTTP.Host` all mean `http.host`."""
    return _nearest(name, [n for n, info in catalogue.FIELDS.items() if info.alias_of is None])


@lru_cache(maxsize=256)
def nearest_function(name: str) -> str:
    """The function that is meant, "" when none is near: `startsWith` means `starts_with`."""
    return _nearest(name, list(catalogue.FUNCTIONS))


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _nearest(name: str, names: Iterable[str]) -> str:
    if len(name) > _LONGEST:
        return ""
    plain = _plain(name)
    by_plain = {_plain(known): known for known in names}
    if plain in by_plain:
        return by_plain[plain]
    ending = [known for known in by_plain if known.endswith("." + plain)]
    if ending:
        return by_plain[min(ending, key=lambda known: (known.count("."), len(known)))]
    close = get_close_matches(plain, by_plain, n=1, cutoff=0.7)
    return by_plain[close[0]] if close else ""
