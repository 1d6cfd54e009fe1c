"""The pane of the stated properties, below hosts and rules: a mark and a name each; it only shows."""

from __future__ import annotations

from mtls_tui.tui.drawing.line import Click, Line, LineBuilder
from mtls_tui.tui.drawing.safe_text import cut, safe
from mtls_tui.tui.layout.geometry import Strip, body_of, is_wide
from mtls_tui.tui.registry.parts import Pane, add_pane
from mtls_tui.tui.state.document import Document
from mtls_tui.tui.state.properties import MARKS

LEAST_HOSTS, MOST_ROWS = 10, 7
"""Rows that hosts and rules keep, and that the properties take at most."""
_ORDER = {"broken": 0, "open": 1}


def properties_lines(document: Document, total: int, height: int) -> list[Line]:
    """The heading with the counts, then the properties; where they don't all fit, broken and open ones come first."""
    known = document.properties
    current = known is not None and known.holds_for(document.content)
    statuses = {answer.stated.name: answer.status for answer in known.answers} if known is not None else {}
    names = [entry.name for entry in document.content.file.properties]
    if len(names) > height - 1:
        names.sort(key=lambda name: _ORDER.get(statuses.get(name, ""), 2))
    inner = total - 1
    click = Click("properties.open")
    head = LineBuilder(click=click).add(" Properties", "soft")
    for status, (mark, style) in MARKS.items():
        count = sum(one == status for one in statuses.values())
        if count:
            head.add(f" {mark} {count}", style if current else "faint")
    lines = [head]
    for name in names[: height - 1]:
        mark, style = MARKS.get(statuses.get(name, ""), ("·", "faint"))
        line = LineBuilder(click=click).add(f"   {mark} ", style if current else "faint")
        lines.append(line.add(cut(safe(name), inner - line.at - 1), "text" if current else "faint"))
    return [line.to(inner).add("│", "line").line(total) for line in lines] + [Line()] * (height - len(lines))


def _place(document: Document, width: int, height: int) -> Strip | None:
    """Below the hosts, which keep most of their column: they have two thirds of the body at least."""
    stated = len(document.content.file.properties)
    rows = min(stated + 1, MOST_ROWS, body_of(height) * 2 // 3 - LEAST_HOSTS)
    return Strip(8, "bottom", rows, within="hosts") if stated and rows > 1 and is_wide(width) else None


add_pane(
    Pane(
        "properties",
        lambda document, boxes: properties_lines(document, boxes["properties"].width, boxes["properties"].height),
        _place,
    )
)
