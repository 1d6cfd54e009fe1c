"""Hosts and their rules in order: what is on, what is off, and whose certificates need care."""

from __future__ import annotations

from mtls_tui.tui.builder.words import ACTION_WORDS
from mtls_tui.tui.drawing.line import Click, Line, LineBuilder, text_line
from mtls_tui.tui.drawing.safe_text import cut, safe, width
from mtls_tui.tui.hosts.entries import Entry, cursor_of, entries, stops_of
from mtls_tui.tui.layout.scroll import top_of
from mtls_tui.tui.state.document import Document

_SHORT = {"managed_challenge": "Challenge", "js_challenge": "Challenge", "challenge": "Challenge"}
_STATES = {"good": "soft", "warn": "warn", "bad": "bad", "none": "faint"}


def hosts_lines(document: Document, total: int, height: int, *, border: bool = True) -> list[Line]:
    """The lines of the whole pane."""
    inner = total - 1 if border else total
    active = document.view.focus == "hosts"
    head = text_line(" Hosts and rules", "accent-strong" if active else "soft", inner)
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
        lines += [Line(), text_line(" none yet: n makes the first", "soft", inner)]
    lines += [Line()] * (height - len(lines))
    return [_bordered(line, inner) for line in lines] if border else lines


def _bordered(line: Line, inner: int) -> Line:
    return LineBuilder(fill=line.fill, after=line.pieces).to(inner).add("│", "line").line()


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
    """A note cut to its room; what follows the last dot (how long it is valid) stays visible."""
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
