"""A change as a reviewer reads it: what is written otherwise, who is newly let in or blocked, what still holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mtls_tui.analysis.bundle_changes import BundleChange, bundle_changes
from mtls_tui.analysis.difference import Difference, compare
from mtls_tui.analysis.properties import PropertyAnswer, judge, properties_of
from mtls_tui.analysis.site import Site
from mtls_tui.engine.bundle import Bundle

Sign: TypeAlias = Literal["+", "-", "~", "="]


@dataclass(frozen=True, slots=True)
class ReviewedProperty:
    """A property that was added, removed, changed or stayed (`=`), and whether it holds of the new bundle."""

    sign: Sign
    answer: PropertyAnswer


@dataclass(frozen=True, slots=True)
class Review:
    """`decisions` has two answers for each host (see `compare`); `properties` those of both bundles."""

    changes: tuple[BundleChange, ...]
    decisions: tuple[Difference, ...]
    properties: tuple[ReviewedProperty, ...]

    @property
    def undecided(self) -> bool:
        """Whether something stays open: neither a request nor a proof."""
        decided = all(one.status in ("changed", "proved the same") for one in self.decisions)
        return not decided or any(one.answer.status == "open" for one in self.properties if one.sign in ("+", "~"))

    @property
    def same(self) -> bool:
        """Whether it is proved that every decision is the same, and nothing else than the wording of rules changed."""
        proved = all(one.status == "proved the same" for one in self.decisions)
        return proved and all(change.rewrite for change in self.changes)


def review(old: Bundle, new: Bundle, hosts: Sequence[str] | None = None) -> Review:
    """The review of a change; `hosts` (in comparable form) narrows decisions and properties, not what is listed.

    Raises ValueError for a bundle whose rules do not parse.
    """
    before, after = Site.of(old), Site.of(new)
    known = {entry.name: entry for entry in old.properties}
    stated = [
        ("=" if known.get(one.name) == entry else "~" if one.name in known else "+", one)
        for one, entry in zip(properties_of(new), new.properties, strict=True)
    ]
    kept = {one.name for _, one in stated}
    gone = [("-", one) for one in properties_of(old) if one.name not in kept]
    found: list[ReviewedProperty] = []
    for sign, one in (*stated, *gone):
        try:
            found.append(ReviewedProperty(sign, judge(after, one, hosts)))  # type: ignore[arg-type]
        except ValueError as error:  # a list that went with the property
            found.append(ReviewedProperty("-", PropertyAnswer(one, "open", str(error))))
    return Review(tuple(bundle_changes(old, new)), tuple(compare(before, after, hosts)), tuple(found))
