"""What lint says about the document, as plain data for the views. `found_in` runs in a worker; touches no widget."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from mtls_tui.rulefile import RuleFile, RuleFileError
from mtls_tui.tui.state.content import Content, with_edits_written

if TYPE_CHECKING:
    from mtls_tui.analysis import Found

_NONE: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Findings:
    """What lint found in one content; `of_rule` and `of_host` count warnings and errors, not remarks, by name."""

    content: Content
    found: tuple[Found, ...] = ()
    of_rule: Mapping[str, int] = field(default_factory=lambda: _NONE)
    of_host: Mapping[str, int] = field(default_factory=lambda: _NONE)


def found_in(content: Content, at: datetime) -> Findings | None:
    """Run lint over a content as it would be saved; None if problems of the file prevent it."""
    from mtls_tui.analysis import findings_of

    file = with_edits_written(content).file
    if file.problems:
        return None
    try:
        found = tuple(findings_of(file, at))
    except RuleFileError:
        return None
    counting = [entry for entry in found if entry.severity != "info"]
    rules = Counter(entry.rule for entry in counting if entry.rule)
    hosts = Counter(name for entry in counting if (name := host_of(entry, file)))
    return Findings(content, found, MappingProxyType(dict(rules)), MappingProxyType(dict(hosts)))


def host_of(one: Found, file: RuleFile) -> str:
    """The host that a finding is about; "" when it is about a rule or the whole."""
    at = _HOST.match(one.problem.key)
    if one.rule or at is None or int(at[1]) >= len(file.hosts):
        return ""
    return file.hosts[int(at[1])].name


_HOST = re.compile(r"hosts\[(\d+)\]")


def counted(count: int, word: str = "warning") -> str:
    """`1 warning`, `2 warnings`."""
    return f"{count} {word}" if count == 1 else f"{count:,} {word}s"
