"""The lines of the list of hosts and rules, and where its cursor is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mtls_tui.rulefile import RuleFile
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.recent import recent
from mtls_tui.tui.state.results import CertificateLine


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the list: a host, one of its rules, or what there is to say about it."""

    kind: str
    host: str = ""
    rule: str = ""
    number: int = 0
    text: str = ""
    state: str = ""

    @property
    def selectable(self) -> bool:
        """Whether the cursor stops here."""
        return self.kind in {"host", "rule"}


@recent(2)
def _listed(
    file: RuleFile,
    notes: Mapping[str, tuple[CertificateLine, ...]] | None,
    rules_of_host: Mapping[str, tuple[int, ...]] | None,
) -> tuple[tuple[Entry, ...], tuple[int, ...]]:
    """All lines, and the places of those that the cursor stops at; None stands for what isn't known yet.

    Cached: a thousand rules under a hundred hosts are many lines, and drawing asks for them again and again.
    """
    found: list[Entry] = []
    placed: set[int] = set()
    for host in file.hosts:
        if found:
            found.append(Entry("gap"))
        found.append(Entry("host", host=host.name))
        for note in notes.get(host.name, ()) if notes is not None else ():
            found.append(Entry("note", host=host.name, text=note.text, state=note.state))
        concerned = range(len(file.rules)) if rules_of_host is None else rules_of_host.get(host.name, ())
        for index in concerned:
            if index < len(file.rules):
                placed.add(index)
                found.append(Entry("rule", host=host.name, rule=file.rules[index].ref, number=index + 1))
    rest = [index for index in range(len(file.rules)) if index not in placed]
    if rest:
        if found:
            found.append(Entry("gap"))
        found.append(Entry("heading", text="other hosts" if file.hosts else "rules"))
        found += [Entry("rule", rule=file.rules[index].ref, number=index + 1) for index in rest]
    return tuple(found), tuple(place for place, entry in enumerate(found) if entry.selectable)


def _of(document: Document) -> tuple[tuple[Entry, ...], tuple[int, ...]]:
    file, results = document.content.file, document.results
    return _listed(file, None, None) if results is None else _listed(file, results.hosts, results.rules_of_host)


def entries(document: Document) -> tuple[Entry, ...]:
    """All lines of the list, in order."""
    return _of(document)[0]


def stops_of(document: Document) -> tuple[int, ...]:
    """The places of the lines that the cursor stops at."""
    return _of(document)[1]


def selectable(document: Document) -> tuple[Entry, ...]:
    """The lines that the cursor stops at."""
    listed, stops = _of(document)
    return tuple(listed[place] for place in stops)


def cursor_of(document: Document) -> int:
    """The place of the list's cursor among what it stops at: the host's line that it is on, else the shown rule's."""
    view = document.view
    fits: dict[tuple[str, str, str], int] = {}
    for place, entry in enumerate(selectable(document)):
        fits.setdefault((entry.kind, entry.host, entry.rule), place)
        fits.setdefault((entry.kind, "", entry.rule), place)
    wanted = (("host", view.at_host, ""), ("rule", view.host, view.rule), ("rule", "", view.rule))
    return next((fits[key] for key in wanted[0 if view.at_host else 1 :] if key in fits), 0)
