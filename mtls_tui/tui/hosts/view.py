"""Hosts and their rules in order: what is on, what is off, and whose certificates need care."""

from __future__ import annotations

from dataclasses import dataclass

from mtls_tui.tui.builder.view import ACTION_WORDS
from mtls_tui.tui.drawing.line import Click, Line, LineBuilder
from mtls_tui.tui.drawing.safe_text import cut, safe, width
from mtls_tui.tui.layout.scroll import top_of
from mtls_tui.tui.state.document import Document

_SHORT = {"managed_challenge": "Challenge", "js_challenge": "Challenge", "challenge": "Challenge"}
_STATES = {"good": "soft", "warn": "warn", "bad": "bad", "none": "faint"}


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


_known: list[tuple[object, object, object, tuple[Entry, ...], tuple[int, ...]]] = []


def _listed(document: Document) -> tuple[tuple[Entry, ...], tuple[int, ...]]:
    """All lines, and the places of those that the cursor stops at.

    Kept: a thousand rules under a hundred hosts are many lines, and drawing asks for them again and again.
    """
    file, results = document.content.file, document.results
    hosts, rules = (results.hosts, results.rules_of_host) if results is not None else (None, None)
    for known_file, known_hosts, known_rules, found, stops in _known:
        if known_file is file and known_hosts is hosts and known_rules is rules:
            return found, stops
    found = tuple(_entries(document))
    stops = tuple(place for place, entry in enumerate(found) if entry.selectable)
    _known[:] = [(file, hosts, rules, found, stops)]
    return found, stops


def entries(document: Document) -> tuple[Entry, ...]:
    """All lines of the list, in order."""
    return _listed(document)[0]


def stops_of(document: Document) -> tuple[int, ...]:
    """The places of the lines that the cursor stops at."""
    return _listed(document)[1]


def _entries(document: Document) -> list[Entry]:
    file, results = document.content.file, document.results
    found: list[Entry] = []
    placed: set[int] = set()
    for host in file.hosts:
        if found:
            found.append(Entry("gap"))
        found.append(Entry("host", host=host.name))
        if results is not None:
            found += [
                Entry("note", host=host.name, text=n.text, state=n.state) for n in results.hosts.get(host.name, ())
            ]
        concerned = results.rules_of_host.get(host.name, ()) if results is not None else range(len(file.rules))
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
    return found


def selectable(document: Document) -> tuple[Entry, ...]:
    """The lines that the cursor stops at."""
    listed, stops = _listed(document)
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


def hosts_lines(document: Document, total: int, height: int, *, border: bool = True) -> list[Line]:
    """The whole pane."""
    inner = total - 1 if border else total
    active = document.view.focus == "hosts"
    head = LineBuilder().add(" Hosts and rules", "accent-strong" if active else "soft").line(inner)
    listed = entries(document)
    stops = stops_of(document)
    numbers = {place: number for number, place in enumerate(stops)}
    at = stops[cursor_of(document)] if stops else 0
    roomy = height >= 10
    lines = [head, Line()] if roomy else [head]
    room = max(1, height - len(lines))
    top = top_of(document, "hosts", at, room, len(listed))
    for place, entry in enumerate(listed[top : top + room], top):
        stop = numbers.get(place, -1)
        lines.append(_entry_line(document, entry, inner, here=active and place == at, stop=stop))
    if not listed:
        lines += [Line(), LineBuilder().add(" none yet: n makes the first", "soft").line(inner)]
    lines += [Line()] * (height - len(lines))
    return [_bordered(line, inner) for line in lines] if border else lines


def _bordered(line: Line, inner: int) -> Line:
    out = LineBuilder(fill=line.fill)
    out.pieces, out.at = list(line.pieces), line.width
    return out.to(inner).add("│", "line").line()


def _entry_line(document: Document, entry: Entry, total: int, *, here: bool, stop: int) -> Line:
    out = LineBuilder(click=Click("hosts.click", {"index": stop}) if stop >= 0 else None)
    match entry.kind:
        case "host":
            _host(out, document, entry, total, here=here)
        case "rule":
            _rule(out, document, entry, total, here=here)
        case "note":
            out.add("     ").add(note_words(safe(entry.text), total - 6), _STATES[entry.state])
        case "heading":
            out.add(f"   {entry.text}", "faint")
    return out.line(total)


def note_words(text: str, room: int) -> str:
    """A note cut to its room; what stands behind the last dot (how long it is good for) stays in sight."""
    head, dot, tail = text.rpartition(" · ")
    rest = width(dot + tail)
    return cut(text, room) if not dot or rest + 4 > room else cut(head, room - rest) + dot + tail


def _host(out: LineBuilder, document: Document, entry: Entry, total: int, *, here: bool) -> None:
    host = next(one for one in document.content.file.hosts if one.name == entry.host)
    out.add(" ▌ " if here else "   ", "accent-strong")
    out.add(cut(safe(host.name), total - 12), "strong" if not here else "accent-strong")
    state = ("mTLS ●", "good") if host.mtls else ("mTLS ○", "faint")
    warned = document.findings.of_host.get(host.name, 0) if document.findings is not None else 0
    if warned:
        out.to(total - 14 if total - 14 > out.at else total - 9, minimum=1)
        out.add("! warn" if total - out.at > 13 else "!", "warn", Click("findings.open"))
    out.to(total - 7, minimum=1).add(state[0], state[1], Click("host.mtls_of", {"name": host.name}))


def _rule(out: LineBuilder, document: Document, entry: Entry, total: int, *, here: bool) -> None:
    file = document.content.file
    rule = file.rules[entry.number - 1]
    chosen = rule.ref == document.view.rule
    out.add(" ▌ " if here else "   ", "accent-strong")
    out.add("▸ " if chosen else "  ", "accent")
    style = "accent-strong" if chosen else "text" if rule.enabled else "faint"
    word = _SHORT.get(rule.action, ACTION_WORDS[rule.action]) if rule.enabled else "off"
    results = document.results
    verdict = results.verdict if results is not None else None
    decides = verdict is not None and verdict.rule == rule.ref
    room = total - out.at - width(word) - 3
    broken = file.expressions[entry.number - 1] is None and rule.ref not in document.content.edits
    warned = document.findings.of_rule.get(rule.ref, 0) if document.findings is not None else 0
    tail = ("✗ ", "bad") if broken else ("", "text")
    if warned and not broken:
        # The word gives way to a long name; the sign doesn't.
        fits = width(f"{entry.number} {safe(rule.ref)}") + 7 <= room
        tail = ("! warn ", "warn") if fits else ("! ", "warn")
    out.add(cut(f"{entry.number} {safe(rule.ref)}", room - len(tail[0])), style)
    out.to(total - width(word) - 1 - len(tail[0]), minimum=1)
    out.add(tail[0], tail[1])
    out.add(word, "faint" if not rule.enabled else "bad" if decides and verdict and verdict.blocked else "soft")
